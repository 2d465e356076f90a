// Package inspect reads what the store has of a zone, all of it from one state of the tables, and finds rows that belong to nothing and
// indexes that do not match their tables. It writes nothing. It must not know what rows mean, nor what is right.
package inspect
