// Package rr holds the texts of records against a DNS library of others.
package rr
