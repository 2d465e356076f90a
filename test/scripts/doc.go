// Package scripts runs end-to-end scripts that people can read: requests to the API on one side, dig on the other, and
// real secondaries between them. The verbs are told in testdata/README.md.
package scripts
