// Package audit packs entries of the audit log: what one change left in one log is one value of octets
// (docs/formats/audit.md), which says who, from where, and of each object that was touched what it was before and after, as
// objects are stored and without their secrets. Nobody makes JSON of them before somebody reads them.
//
// An object is told by its difference from the one of its kind that was told before: an object after a change from the one
// before it, and each record of a batch from the one in front of it. So a batch of a hundred records costs little more than what
// is different in them.
//
// It must not know how entries are kept, who may read them, or how an API shows them.
package audit
