package face

import (
	"encoding/binary"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// SOA makes a zone's SOA (RFC 1035 section 3.3.13) with the serial given, by the settings that are in force. Left open, MNAME is the
// first name server and RNAME is hostmaster at the zone.
func SOA(z *model.Zone, serial uint32) (rr.Set, error) {
	soa, def := z.InForce().SOA, model.DefaultSettings().SOA
	mname := z.Name
	switch {
	case soa.MName != "":
		n, err := wire.ParseName(soa.MName)
		if err != nil {
			return rr.Set{}, fmt.Errorf("mname %q: %w", soa.MName, err)
		}
		mname = n
	case len(z.NS()) > 0:
		first := z.NS()[0]
		n, err := wire.ParseName(first)
		if err != nil {
			return rr.Set{}, fmt.Errorf("name server %q: %w", first, err)
		}
		mname = n
	}
	rname := hostmaster(z.Name)
	if soa.RName != "" {
		n, err := wire.ParseName(soa.RName)
		if err != nil {
			return rr.Set{}, fmt.Errorf("rname %q: %w", soa.RName, err)
		}
		rname = n
	}
	data := append([]byte(mname), rname...)
	data = binary.BigEndian.AppendUint32(data, serial)
	for _, v := range [][2]uint32{
		{soa.Refresh, def.Refresh}, {soa.Retry, def.Retry}, {soa.Expire, def.Expire}, {soa.MinTTL, def.MinTTL},
	} {
		data = binary.BigEndian.AppendUint32(data, or(v[0], v[1]))
	}
	return rr.Set{Owner: z.Name, Type: wire.TypeSOA, TTL: or(soa.TTL, def.TTL), Data: [][]byte{data}}, nil
}

func or(v, def uint32) uint32 {
	if v == 0 {
		return def
	}
	return v
}

// hostmaster is the mailbox of a zone, or the zone itself where that name would be too long.
func hostmaster(zone wire.Name) wire.Name {
	n := wire.Name("\x0ahostmaster") + zone
	if len(n) > wire.MaxName {
		return zone
	}
	return n
}

// soaTail is what stands behind the two names of an SOA's RDATA; the serial is its first member.
const soaTail = 20

// SameSOA compares two SOA RDATAs but for their serials.
func SameSOA(a, b []byte) bool {
	at := len(a) - soaTail
	return len(a) == len(b) && at >= 0 && string(a[:at]) == string(b[:at]) && string(a[at+4:]) == string(b[at+4:])
}

// WithSerial is an SOA's RDATA with another serial.
func WithSerial(rdata []byte, serial uint32) []byte {
	out := append([]byte(nil), rdata...)
	wire.SetSOASerial(out, serial)
	return out
}
