// Package crash holds the tests of what survives: processes are killed under load, and everything that was acknowledged
// must be there afterwards. A kill leaves to the process's successor all that was written; so there is also a disk that loses
// with its power whatever was not synced.
package crash
