// Package zones keeps what operators edit: accounts, zones, records, TSIGs, peers and ACLs; and it has the transaction (Tx)
// of the one who changes them, which takes its locks first and ends with the journal's entries, and imports in slices
// (Staging). It must not know what records mean, how they are served, or who asks. Start with tx.go and locks.go.
package zones
