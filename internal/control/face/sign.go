package face

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/keyring"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Signing is what a zone is signed with.
type Signing struct {
	dnssec.Signers
	Denial dnssec.Denial
	Timing dnssec.Timing
	// Whole says that everything is looked at, not only what a step has touched: the keys that sign are others than before.
	Whole bool
}

// Extend adds to a step what signing it adds and removes, and gives the versions that it leads to then. The step's serial
// stands already, for the SOA is signed, too. A face whose serial stays is not renewed beyond what has changed in it.
func (g *Signing) Extend(base Versions, step *zone.Step, owners []wire.Name, hashes ...dnssec.Hash) (next Versions, err error) {
	bare, err := base.Apply(step)
	if err != nil {
		return Versions{}, err
	}
	transfer, served := step.Transfer, step.Transfer
	if step.Served != nil {
		served = *step.Served
	}
	next.Transfer = bare.Transfer
	if transfer.From != transfer.To {
		if next.Transfer, err = g.sign(base.Transfer, bare.Transfer, nil, owners, hashes, &transfer); err != nil {
			return Versions{}, err
		}
	}
	step.Transfer, next.Served = transfer, next.Transfer
	if bare.Served == bare.Transfer {
		return next, nil
	}
	if next.Served, err = g.sign(base.Served, bare.Served, next.Transfer, owners, hashes, &served); err != nil {
		return Versions{}, err
	}
	step.Served = nil
	if !bytes.Equal(served.Removed, transfer.Removed) || !bytes.Equal(served.Added, transfer.Added) {
		step.Served = &served
	}
	return next, nil
}

// All signs versions that came about without steps, and keeps of base's signatures what is still good.
func (g *Signing) All(base, bare Versions) (next Versions, err error) {
	all := *g
	all.Whole = true
	if next.Transfer, err = all.sign(base.Transfer, bare.Transfer, nil, nil, nil, &zone.Delta{}); err != nil {
		return Versions{}, err
	}
	next.Served = next.Transfer
	if bare.Served != bare.Transfer {
		next.Served, err = all.sign(base.Served, bare.Served, next.Transfer, nil, nil, &zone.Delta{})
	}
	return next, err
}

// Job is the signing of a version that came from base.
func (g *Signing) Job(base, bare *zone.Version) *dnssec.Job {
	return &dnssec.Job{Old: View{base}, New: View{bare}, Signers: g.Signers, Denial: g.Denial, Timing: g.Timing}
}

// View is a version as package dnssec sees it.
type View struct{ *zone.Version }

// Sets gives a name's own RRsets.
func (v View) Sets(owner wire.Name) []rr.Set { return v.Own(owner) }

// HashedSets gives what the chain of NSEC3 has for a hash.
func (v View) HashedSets(h dnssec.Hash) []rr.Set { return v.Chain(h) }

// HashedBefore gives the last hash before h.
func (v View) HashedBefore(h dnssec.Hash) (dnssec.Hash, bool) { return v.ChainBefore(h) }

// HashedAfter gives the first hash behind h.
func (v View) HashedAfter(h dnssec.Hash) (dnssec.Hash, bool) { return v.ChainAfter(h) }

// sign signs one face and adds what that does to d.
func (g *Signing) sign(base, bare, other *zone.Version, owners []wire.Name, hashes []dnssec.Hash, d *zone.Delta) (*zone.Version, error) {
	job := g.Job(base, bare)
	if other != nil {
		job.Other = View{other}
	}
	sign := job.Sign
	if !g.Whole {
		sign = func() (*dnssec.Delta, error) { return job.Update(owners, hashes...) }
	}
	made, err := sign()
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	d.Removed, d.Added = slices.Concat(d.Removed, made.Removed), slices.Concat(d.Added, made.Added)
	next, err := bare.Apply(&zone.Delta{From: bare.Serial(), To: bare.Serial(), Removed: made.Removed, Added: made.Added})
	if err != nil {
		return nil, fmt.Errorf("lay signatures over the zone: %w", err)
	}
	return next, nil
}

// keys adds to the apex the RRsets of the zone's keys: DNSKEY, and CDS and CDNSKEY for the parent (RFC 7344), or the records that
// ask it to take its DS records away (RFC 8078 section 4). Records of these types among the rows are kept, and ignored in the DNS:
// a parent would follow CDS records that name no key of the zone.
func (c *Context) keys(sets []rr.Set) []rr.Set {
	if len(c.Keys) == 0 {
		return sets
	}
	sets = slices.DeleteFunc(sets, func(s rr.Set) bool {
		return s.Type == wire.TypeDNSKEY || s.Type == wire.TypeCDS || s.Type == wire.TypeCDNSKEY
	})
	var dnskey, cds, cdnskey [][]byte
	for i := range c.Keys {
		k := &c.Keys[i]
		if k.State.Marks[dnssec.Published].On {
			dnskey = append(dnskey, k.Public.RData())
		}
		if k.State.Marks[dnssec.AtParent].On && c.Zone.DNSSEC.CDS != model.SwitchOff {
			cds, cdnskey = append(cds, k.Public.DS(c.Zone.Name, dnssec.SHA256)), append(cdnskey, k.Public.RData())
		}
	}
	if len(dnskey) > 0 && c.Zone.DNSSEC.Status == model.DNSSECDisabled && c.Zone.DNSSEC.CDS != model.SwitchOff {
		cds, cdnskey = [][]byte{dnssec.DeleteCDS()}, [][]byte{dnssec.DeleteCDNSKEY()}
	}
	for t, data := range map[wire.Type][][]byte{wire.TypeDNSKEY: dnskey, wire.TypeCDS: cds, wire.TypeCDNSKEY: cdnskey} {
		if len(data) > 0 {
			sets = append(sets, rr.Set{Owner: c.Zone.Name, Type: t, TTL: keyring.KeyTTL, Data: canonical(data)})
		}
	}
	return sets
}
