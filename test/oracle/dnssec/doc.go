// Package dnssec holds the rolls of keys against a validator of others.
package dnssec
