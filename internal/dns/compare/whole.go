package compare

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// roomFor is how much larger than ours a transfer may be before it is broken off.
const roomFor = 1 << 20

// whole transfers the zone from the peer and finds the first record that is in one of both alone. n is how many records it has, 0 where
// the serial is another. An error: it cannot be had.
func (c *Comparer) whole(ctx context.Context, j *job, v *zone.Version) (diff string, n int, err error) {
	got, err := xfr.Fetch(ctx, xfr.Source{
		Server: j.f.Peer.Addr, Zone: v.Apex(), Key: j.f.Peer.Key, Timeout: 5 * c.cfg.Timeout, Now: c.cfg.Now, Most: int64(2*v.Size() + roomFor),
	})
	if err != nil {
		return "", 0, err
	}
	if got.Serial != v.Serial() || j.z.State().Transfer != v {
		return "", 0, nil
	}
	seed := maphash.MakeSeed()
	theirs := make(map[uint64]struct{}, v.Records())
	for rest := got.Records; len(rest) > 0; n++ {
		var one wire.RawRR
		if one, rest, err = wire.NextRR(rest); err != nil {
			return "", 0, err
		}
		owner := wire.Name(one.Owner)
		data := bytes.Clone(one.RData)
		_ = rr.Canonical(one.Type, data) // what has not the shape of its type is compared as it is
		if diff == "" && !holds(v, owner, one.Type, one.TTL, data) {
			diff = fmt.Sprintf("it has %s %d %s %s, which ours has not", owner, one.TTL, one.Type, shortened(rr.FormatData(one.Type, data)))
		}
		theirs[sum(seed, one.Owner, one.Type, data)] = struct{}{}
	}
	if diff != "" {
		return diff, n, nil
	}
	var last wire.Name
	v.Walk(func(name []byte, _ zone.RRset) bool {
		if string(name) == string(last) {
			return true
		}
		last = wire.Name(name)
		for _, s := range v.Sets(last) {
			for _, data := range canonical(s.Type, s.Data) {
				if _, there := theirs[sum(seed, name, s.Type, data)]; !there && !rr.IsMeta(s.Type) {
					diff = fmt.Sprintf("it has no %s %s %s, which ours has", last, s.Type, shortened(rr.FormatData(s.Type, data)))
					return false
				}
			}
		}
		return true
	})
	return diff, n, nil
}

// holds says whether a version has a record.
func holds(v *zone.Version, owner wire.Name, t wire.Type, ttl uint32, data []byte) bool {
	for _, s := range v.Sets(owner) {
		if s.Type == t { // of a signature the TTL is that of what it covers
			return (s.TTL == ttl || t == wire.TypeRRSIG) && slices.ContainsFunc(canonical(t, s.Data), func(d []byte) bool { return bytes.Equal(d, data) })
		}
	}
	return false
}

func sum(seed maphash.Seed, owner []byte, t wire.Type, data []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	_, _ = h.Write(owner) // never fails
	_, _ = h.Write([]byte{byte(t >> 8), byte(t)})
	_, _ = h.Write(data)
	return h.Sum64()
}
