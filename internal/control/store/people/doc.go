// Package people keeps users, members, tokens and sessions. They are written in one kind of transaction (EditPeople)
// in which rows are added, edited as they stand, or removed: there is no way to write a row back that was read before. It
// must not know who may do what.
package people
