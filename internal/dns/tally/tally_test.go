package tally_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/tally"
)

func addr(i int) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 0x0a000000+uint32(i))))
}

// However many events there are, lines stay few, nothing is lost from the count, and what is rare is still seen.
func TestFloods(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name             string
		sources, events  int
		kinds            int
		forgeable        bool
		mostLines, rests int
	}{
		{"one source", 1, 3000, 1, false, 3, 1},
		{"one source, forged", 1, 3000, 1, true, 1, 1},
		{"a source of every event, forged", 100_000, 100_000, 3, true, 30, 23},
		{"many sources that exist", 2000, 10_000, 2, false, 120, 22},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := tally.New(tally.Config{})
			lines := 0
			for i := range tt.events {
				if c.Line(tally.Event{Source: addr(i % tt.sources), What: fmt.Sprint(i % tt.kinds), Forgeable: tt.forgeable}) {
					lines++
				}
			}
			if tt.forgeable {
				if !c.Line(tally.Event{Source: addr(1 << 20), What: "0"}) {
					t.Error("a real event is hidden by forged ones")
				}
				lines, tt.events, tt.mostLines = lines+1, tt.events+1, tt.mostLines+1
			}
			rest := c.Rest()
			total := uint64(lines)
			for _, r := range rest {
				total += r.Count
			}
			want := uint64(tt.events)
			if lines > tt.mostLines || len(rest) > tt.rests || total != want {
				t.Errorf("%d lines, %d rests, %d of %d counted", lines, len(rest), total, want)
			}
			if again := c.Rest(); len(again) != 0 {
				t.Errorf("told twice: %v", again)
			}
			if !c.Line(tally.Event{Source: addr(7), What: "0"}) {
				t.Error("nothing is told in the next window")
			}
		})
	}
}

// IPv6 hosts choose their addresses in a /64; IPv4 in IPv6 is IPv4.
func TestSources(t *testing.T) {
	t.Parallel()
	c := tally.New(tally.Config{Each: 1})
	for _, tt := range []struct {
		from string
		line bool
	}{
		{"2001:db8::1", true}, {"2001:db8::2", false}, {"2001:db8:0:1::1", true}, {"192.0.2.1", true}, {"::ffff:192.0.2.1", false}, {"192.0.2.2", true},
	} {
		if got := c.Line(tally.Event{Source: netip.MustParseAddr(tt.from), What: "x"}); got != tt.line {
			t.Errorf("%s: %v", tt.from, got)
		}
	}
}
