// Package alarm decides when somebody has to look, and sees to it that he is told.
//
// Monitor looks at zones whose secondaries have moved, and at those whose time has come: it tells the log of events how secondaries stand,
// holds what it sees against the rules of the account (judge.go), and raises and clears alarms in the store, with a time that things
// must last in either direction (condition.go). Teller writes messages about what has changed and has them sent until they are
// taken (teller.go, sender.go). Each works for what falls to its node; that an alarm is raised once, and told once, is the store's
// doing, so that nodes may die between and change places.
//
// The package does not know how messages travel, how rows are kept, or how secondaries are asked.
package alarm
