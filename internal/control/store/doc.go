// Package store is the durable truth and the only place that knows SQL: SQLite embedded by default, PostgreSQL for many
// nodes. It must not know HTTP, signing, or what is inside a delta, an image or an access entry: those are bytes to it.
//
// It keeps three things for each zone and writes them in one transaction: rows (what the operator edits), the image (the
// zone as served at some position) and the journal (what changed since).
//
//	commit -> Begin … Tx … Commit ->  rows + journal + images  -> Load, Entries, Wait -> feed
//	api     -> Zone, Records, … ----------^
//
// Both engines run the same statements. What differs stands in one dialect value (dialect.go) and in how a session is
// begun (sqlite.go, postgres.go); the tables are in sqlite/ and postgres/, one migration file a step. Start with store.go
// and tx.go.
//
// Journal positions are handed out by a counter row that is raised as the last statement but the journal's own before
// COMMIT. On SQLite there is one writer; on PostgreSQL the row's lock is held from there to the end of the transaction, so
// positions become visible in order and without gaps on both.
package store
