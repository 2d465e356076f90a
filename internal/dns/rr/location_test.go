package rr_test

import (
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func TestLocation(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"51 30 12.748 N 0 7 39.611 W 0.00", "51 30 12.748 N 0 7 39.611 W 0.00m 1.00m 10000.00m 10.00m"},
		{"42 21 54 N 71 06 18 W -24m 30m", "42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m"},
		{"1 n 2 e 0.29m", "1 0 0.000 N 2 0 0.000 E 0.29m 1.00m 10000.00m 10.00m"},
		{"90 S 180 E 42849672.95 90000000 0 0", "90 0 0.000 S 180 0 0.000 E 42849672.95m 90000000.00m 0.00m 0.00m"},
		{"0 0 0.001 S 0 0 59.999 W -100000", "0 0 0.001 S 0 0 59.999 W -100000.00m 1.00m 10000.00m 10.00m"},
		// Of a size the wire keeps one digit.
		{"1 N 2 E 0 123.45m 0.01m 99m", "1 0 0.000 N 2 0 0.000 E 0.00m 100.00m 0.01m 90.00m"},
	} {
		data, err := rr.ParseData(wire.TypeLOC, tt.text, origin)
		if got := rr.FormatData(wire.TypeLOC, data); err != nil || got != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.text, got, err, tt.want)
		}
	}
	for _, text := range []string{
		"", "1", "N 1 E 0", "1 N 1 0", "1 N 1 E", "91 N 1 E 0", "90 0 0.001 N 1 E 0", "1 60 N 1 E 0", "1 0 60 N 1 E 0", "1.5 N 1 E 0",
		"1 N 181 E 0", "1 N 1 E -100000.01", "1 N 1 E 42849672.96", "1 N 1 E 0 90000000.01", "1 N 1 E 0 -1", "1 N 1 E 0 1 1 1 1",
		"1 N 1 E 0mm", "1 N 1 E inf", "1 N 1 E 0x10", "1 N 1 E 1e300", "-1 N 1 E 0", "1 2 3 4 N 1 E 0", "1 E 1 N 0",
	} {
		if data, err := rr.ParseData(wire.TypeLOC, text, origin); err == nil {
			t.Errorf("%q reads as %x", text, data)
		}
	}
}
