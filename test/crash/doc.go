// Package crash holds the tests of what survives: processes are killed under load, and everything that was acknowledged
// must be there afterwards.
package crash
