// Package oracle holds, in the folders below it, packages of the product against libraries and programs that others wrote: the
// answers, the octets of TSIG, the rolls of keys, the texts of records, and what is read of a zone's parent. Tests that need no
// library of others lie beside the code.
package oracle
