// Package cluster holds the tests of many nodes on one PostgreSQL: real processes, a real database server, real
// secondaries, and proxies of the tests' own between nodes and database.
//
// `go test` runs a short form of everything. `make chaos` runs TestChaos for minutes: set HEADWATER_CHAOS to a duration,
// and HEADWATER_SEED to see the same draws again.
package cluster
