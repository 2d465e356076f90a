// Package parent finds out what a zone's parent says of it: which DS records are published, at every address of every name
// server of the parent. A roll of keys waits for that, and one address that lags behind is enough to make a zone bogus for
// those who ask it; so nothing is taken for said by all that not all have said.
//
// Finder.DS asks (finder.go), Answer says what was seen (answer.go), read.go what is believed of a message. The package knows
// questions and answers; it must not know keys' states, what a zone holds, or what is done with what it finds out.
package parent
