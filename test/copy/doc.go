// Package copy tests what only several processes show: a copy from one server to another by the command line, and HTTPS
// whose certificate is renewed under way.
package copy
