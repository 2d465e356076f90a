package face

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/dns/zonemd"
)

// A zone's digest (ZONEMD, RFC 8976) is of all the rest of what secondaries get, signatures among it, and is signed itself. So it comes
// last: rendering keeps its place at the apex, for the proof of what is there names its type; when everything else is made and signed,
// Seal puts the digest there and signs that. Where only what we answer changes, the digest stays: it is of the transfer face.

// digested puts a place for the digest among the apex's sets, with what is in it now. A record of the operator's is kept among the rows
// and ignored in the DNS.
func (c *Context) digested(now, sets []rr.Set) []rr.Set {
	if !c.Zone.Digest {
		return sets
	}
	is := func(s rr.Set) bool { return s.Type == wire.TypeZONEMD }
	sets = slices.DeleteFunc(sets, is)
	place := rr.Set{Owner: c.Zone.Name, Type: wire.TypeZONEMD, Data: [][]byte{zonemd.RData(0, make([]byte, zonemd.Size))}}
	if at := slices.IndexFunc(now, is); at >= 0 && len(now[at].Data) == 1 {
		place.Data = now[at].Data
	}
	if soa, err := SOA(c.Zone, 0); err == nil { // who renders the SOA hears of the error
		place.TTL = soa.TTL
	}
	return append(sets, place)
}

// Sealed is what Seal has done to the two faces.
type Sealed struct{ transfer, served zone.Delta }

// errPlace says that a version has no place for a digest: it was not rendered for a zone that has one.
var errPlace = errors.New("the version has no place for its digest")

// Seal puts the digest of what secondaries get into versions that have a place for it, and has it signed where g is not nil.
func Seal(v Versions, g *Signing) (next Versions, did *Sealed, err error) {
	data := zonemd.RData(v.Transfer.Serial(), zonemd.Digest(v.Transfer))
	if g != nil {
		one := *g
		one.Whole = false // it has been done
		g = &one
	}
	did = &Sealed{}
	if next.Transfer, did.transfer, err = seal(v.Transfer, nil, data, g); err != nil {
		return Versions{}, nil, err
	}
	if v.Served == v.Transfer {
		next.Served, did.served = next.Transfer, did.transfer
		return next, did, nil
	}
	next.Served, did.served, err = seal(v.Served, next.Transfer, data, g)
	return next, did, err
}

// seal does that to one face.
func seal(v, other *zone.Version, data []byte, g *Signing) (next *zone.Version, d zone.Delta, err error) {
	apex := v.Apex()
	sets := v.Own(apex)
	at := slices.IndexFunc(sets, func(s rr.Set) bool { return s.Type == wire.TypeZONEMD })
	if at < 0 {
		return nil, d, errPlace
	}
	d = zone.Delta{From: v.Serial(), To: v.Serial()}
	d.Removed = appendRecords(nil, apex, &sets[at], sets[at].Data)
	d.Added = appendRecords(nil, apex, &sets[at], [][]byte{data})
	if next, err = v.Apply(&d); err != nil {
		return nil, d, fmt.Errorf("seal: %w", err)
	}
	if g != nil {
		next, err = g.sign(v, next, other, []wire.Name{apex}, nil, &d)
	}
	return next, d, err
}

// Into adds to a step what was done to the versions that it leads to. The step has another serial at its end than at its beginning.
func (s *Sealed) Into(step *zone.Step, soa *rr.Set) error {
	frame := appendRecords(nil, soa.Owner, soa, soa.Data)
	join := func(first, then zone.Delta) (zone.Delta, error) {
		then.Removed, then.Added = slices.Concat(frame, then.Removed), slices.Concat(frame, then.Added)
		one, err := zone.Condense([]*zone.Delta{&first, &then})
		if err != nil {
			return zone.Delta{}, fmt.Errorf("seal: %w", err)
		}
		return *one, nil
	}
	served := step.Transfer
	if step.Served != nil {
		served = *step.Served
	}
	transfer, err := join(step.Transfer, s.transfer)
	if err != nil {
		return err
	}
	if served, err = join(served, s.served); err != nil {
		return err
	}
	step.Transfer, step.Served = transfer, nil
	if !bytes.Equal(served.Removed, transfer.Removed) || !bytes.Equal(served.Added, transfer.Added) {
		step.Served = &served
	}
	return nil
}
