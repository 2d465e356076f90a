// Package refusals holds the table of who may not have a zone, asked over real sockets.
package refusals
