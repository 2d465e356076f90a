// Package report keeps what resolvers report of answers that they could not use (RFC 9567): which name and type of which zone, with which
// error, how often. They learn from our answers where to, and report by asking for a name below that.
//
// It knows how such a name is read, and which zone it is about. It must not know how the question came, whether its source can be
// believed, nor how it is answered. Whatever strangers ask, it keeps no more than its bounds.
package report
