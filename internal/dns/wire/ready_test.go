package wire_test

import (
	"bytes"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// TestReady holds records that were made once against the same written one by one, in messages with room and without.
func TestReady(t *testing.T) {
	t.Parallel()
	records := []wire.RawRR{
		{Type: wire.TypeSOA, TTL: 7, RData: bytes.Repeat([]byte{1}, 22)}, {Type: wire.TypeRRSIG, TTL: 8, RData: bytes.Repeat([]byte{2}, 90)},
	}
	const at = wire.HeaderLen + 4 // example.org.
	var ready wire.Ready
	for _, r := range records {
		ready.Add(r.Type, wire.ClassIN, r.TTL, r.RData)
	}
	for limit := 40; limit < 240; limit++ {
		var one, other wire.Builder
		start(&one, limit)
		start(&other, limit)
		one.Section(wire.SectionAuthority)
		other.Section(wire.SectionAuthority)
		before, fits := other.Mark(), true
		for _, r := range records {
			fits = fits && other.Append(name("example.org."), r.Type, wire.ClassIN, r.TTL, r.RData)
		}
		if !fits {
			other.Rewind(before)
		}
		if got := one.Ready(&ready, at); got != fits || !bytes.Equal(one.Finish(), other.Finish()) {
			t.Fatalf("limit %d: %v, want %v:\n got %x\nwant %x", limit, got, fits, one.Finish(), other.Finish())
		}
	}
}
