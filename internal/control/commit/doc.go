// Package commit is the only way into a zone: every change of records, zones, keys, peers and accounts is a
// model.Change and passes through Committer.Change.
//
//	Change -> queue -> plan -> render and diff (package face) -> serial -> one store transaction -> feed
//
// One committer takes all changes that wait together. It plans them one after the other over rows that it holds in memory
// (workspace), so that each sees what those before it did and a refused one leaves no trace; then it renders each touched
// zone once, gives it one new serial, and commits everything at once. Memory is not written here: feed applies the
// journal entries, on this node as on all others.
//
// Start with Committer.Change, then group.go (the committer), plan.go (edits; what may stand in a zone is the matter of package
// rules), version.go (what the zone becomes), flush.go (what a group writes). The package knows neither SQL nor JSON; its cost
// follows the names a change touches, never the zone.
package commit
