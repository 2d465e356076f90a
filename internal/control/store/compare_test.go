package store_test

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// equal fails the test where got is not want. Octets are compared as a whole: they may be many.
func equal(tb testing.TB, what string, got, want any) {
	tb.Helper()
	d := cmp.Diff(want, got,
		cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(bytes.Equal))
	if len(d) > 4000 {
		d = d[:4000]
	}
	if d != "" {
		tb.Fatalf("%s (-want +got):\n%s", what, d)
	}
}
