// Package answer holds every kind of answer, as a DNS library of others reads it, against the examples of the RFCs.
package answer
