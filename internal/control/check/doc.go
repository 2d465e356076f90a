// Package check holds what the store has of a zone against itself: the contents that its rows come to against those that its image and its
// journal come to, serials, positions, counts, signatures, history. It knows how rows become contents and how an image and a journal
// are read; it must not know tables or JSON.
package check
