package xfr

import (
	"bytes"
	"slices"
	"testing"
)

func TestBoundary(t *testing.T) {
	for size := 1; size <= 40; size++ {
		for at := range size {
			for _, octet := range []byte{0, 1} {
				for _, room := range []int{0, 3, 8} { // of the page, behind the key
					page := bytes.Repeat([]byte{0xff, 2, 0x80, 3}, size+room)[:size+room]
					key := page[:size]
					key[at] = octet
					for from := range size {
						want := size
						if from <= at {
							want = at
						}
						if got := min(boundary(key, from), size); got != want {
							t.Fatalf("%d at %d of %x with %d behind: from %d we found %d", octet, at, key, room, from, got)
						}
					}
				}
			}
		}
	}
}

func TestAppendShort(t *testing.T) {
	page := []byte("0123456789abcdefghijklmnopqrstuvwxyz")
	for n := range 20 {
		for _, s := range [][]byte{page[:n], page[:n:n], page[len(page)-n:]} {
			for _, room := range []int{0, 1, 15, 16, 40} {
				b := append(make([]byte, 0, 4+room), "head"...)
				if got, want := appendShort(b, s), slices.Concat([]byte("head"), s); !bytes.Equal(got, want) {
					t.Fatalf("%q with room for %d became %q", s, room, got)
				}
			}
		}
	}
}
