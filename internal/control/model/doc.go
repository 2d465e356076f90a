// Package model holds what an operator owns and asks for, and what is handed between the parts of the careful half.
//
// Objects (Account, Zone, Record, TSIG, Peer, ACL, Token, User) are plain values. A Change is what somebody asked for;
// it is made of Edits and has one way in: commit.Committer.Change. A Commit is what that became, a list of journal Entries with
// sequence numbers. The package knows neither tables nor JSON, and has no clock of its own.
package model
