// Package keyring holds a zone's keys as rows against what package dnssec's machine wants of them: what is to be made, published,
// to sign and to go, what each waits for, and what may be asked of them by hand. It opens private halves and keeps them opened for as
// long as the rows stay as they are. It knows keys, policies and facts; it must not know how rows are kept, what else is in a zone,
// or who signs when.
package keyring
