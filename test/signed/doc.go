// Package signed holds the tests of zones that the program signs: each goes through the API to real secondaries, and is judged by
// programs that others wrote. Knot validates every version before it takes it; BIND's, ldns's and Knot's checkers verify the zone
// as a whole; unbound and BIND's delv, with the zone's key as their only anchor, believe what we and the secondaries answer.
//
// `make test` makes a few changes; `make signed` makes 2,000.
package signed
