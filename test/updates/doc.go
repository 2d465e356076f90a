// Package updates sends UPDATE messages (RFC 2136): random ones to us and to a BIND side by side, which must answer alike and come to the
// same zone; those of programs that others wrote; and such as come twice, at once, or before the process dies.
package updates
