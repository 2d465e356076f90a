// Package internal is Headwater itself: the fast half under dns, the careful half under control. Its own test holds the
// rules of who may import whom.
package internal
