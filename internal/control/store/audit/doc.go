// Package audit keeps the audit log: who did what, from where, when. It must not know what the entries are about, nor how
// they are shown.
package audit
