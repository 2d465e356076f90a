// Package feed keeps this node's zone.DB in step with the journal.
//
// It loads the images, gathers history from the older journal entries, and then follows the journal for ever: one
// goroutine writes the DB, whether an entry was committed here (Offer) or elsewhere (read from the Source). Memory is
// thereby always a fold over the journal. While the store is out of reach the node goes on serving what it has.
//
// The package does not know what a change meant, who committed it, or which database holds the journal.
package feed
