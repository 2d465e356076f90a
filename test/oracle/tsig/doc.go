// Package tsig holds signed messages against a DNS library of others and BIND's dig.
package tsig
