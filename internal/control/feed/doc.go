// Package feed keeps this node's zone.DB in step with the journal.
package feed
