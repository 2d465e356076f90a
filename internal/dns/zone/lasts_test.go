package zone_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// What a secondary holds lasts as long as the SOA says, and no longer than the first signature that ends.
func TestLasts(t *testing.T) {
	t.Parallel()
	name := wire.MustName("lasts.example.")
	soa := append([]byte(name+name), make([]byte, 20)...)
	binary.BigEndian.PutUint32(soa[len(soa)-8:], 1000)
	sets := []rr.Set{{Owner: name, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{soa}}}
	now := time.Unix(1<<32-100, 0) // the expiration's 32 bits begin anew meanwhile
	lasts := func(ends int64) uint32 {
		all := sets
		if ends != 0 {
			sig := []byte{0, byte(wire.TypeSOA), 13, 2, 0, 0, 0, 60}
			sig = binary.BigEndian.AppendUint32(sig, uint32(now.Unix()+ends))
			sig = append(append(sig, 0, 0, 0, 1, 0, 7), name...)
			all = append(all, rr.Set{Owner: name, Type: wire.TypeRRSIG, TTL: 60, Data: [][]byte{append(sig, make([]byte, 64)...)}})
		}
		v, err := zone.Build(name, all)
		if err != nil {
			t.Fatal(err)
		}
		return v.Lasts(now)
	}
	for ends, want := range map[int64]uint32{0: 1000, 5000: 1000, 700: 700, 50: 50, -1: 0, -5000: 0} {
		if got := lasts(ends); got != want {
			t.Errorf("a signature that ends in %d s: %d, want %d", ends, got, want)
		}
	}
}
