package xfr

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/wire"
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
	page := []byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	for n := range 40 {
		for _, s := range [][]byte{page[:n], page[:n:n], page[len(page)-n:]} {
			for _, room := range []int{0, 1, 15, 16, 31, 32, 80} {
				b := append(make([]byte, 0, 4+room), "head"...)
				if got, want := appendShort(b, s), slices.Concat([]byte("head"), s); !bytes.Equal(got, want) {
					t.Fatalf("%q with room for %d became %q", s, room, got)
				}
			}
		}
	}
}

func TestAppendSignature(t *testing.T) {
	for _, signer := range []wire.Name{"\x00", wire.MustName("bench.example"), wire.MustName(strings.Repeat("a-long-label.", 15) + "example")} {
		for _, length := range []int{0, 63, 64, 65, 256} {
			rdata := make([]byte, wire.SigFixed+length)
			for i := range rdata {
				rdata[i] = byte(i)
			}
			want := slices.Concat([]byte("head"), rdata[:wire.SigFixed], []byte(signer), rdata[wire.SigFixed:])
			for _, room := range []int{0, wire.SigFixed, 90, 128, 1024} {
				b := append(make([]byte, 0, 4+room), "head"...)
				if got := appendSignature(b, rdata, []byte(signer)); !bytes.Equal(got, want) {
					t.Fatalf("a signature of %d octets by %s with room for %d became %x", length, signer, room, got)
				}
			}
		}
	}
}
