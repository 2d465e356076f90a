// Package api holds the tests of the API over HTTP: a whole careful half stands behind it, and every exchange is held against the
// documents that describe it. Each operation has to be met with success, and each code of an error to be provoked. What needs
// no server is tested beside the code.
package api
