// Package store is the durable truth and, with its rooms, the only place that knows SQL: SQLite embedded by default,
// PostgreSQL for many nodes. It must not know HTTP, signing, or what is inside a delta, an image or an access entry: those
// are bytes to it.
//
// It keeps three things for each zone and writes them in one transaction: rows (what the operator edits), the image (the
// zone as served at some position) and the journal (what changed since).
//
//	commit -> Begin … Tx … Commit ->  rows + journal + images  -> Load, Entries, Wait -> feed
//	api    -> Zone, Records, … ----------^
//
// This package is the door alone: Store is its rooms side by side, over one database.
//
//	store -> backup  people  audit  nodes
//	           |       |
//	           +-------+-> zones -> journal -> engine (the databases; all of them stand on it)
package store
