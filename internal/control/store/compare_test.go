package store_test

import (
	"testing"

	"github.com/headwaterdns/headwater/internal/testkit"
)

// equal fails the test where got is not want. Octets are compared as a whole: they may be many.
func equal(tb testing.TB, what string, got, want any) {
	tb.Helper()
	d := testkit.Diff(want, got)
	if len(d) > 4000 {
		d = d[:4000]
	}
	if d != "" {
		tb.Fatalf("%s (-want +got):\n%s", what, d)
	}
}
