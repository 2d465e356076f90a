package face

import (
	"bytes"
	"fmt"
	"maps"
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
	// Crew has many pieces of work done, on as many cores as there are for it; nil: one after the other.
	Crew func(pieces int, do func(i int) error) error
	// Yield is called after each signature, for others who wait for a core; nil: nobody is let through.
	Yield func()
	// Told hears how many names of how many are signed, where all are.
	Told func(done, total int)
}

// Extend adds to a step what signing it adds and removes, and gives the versions that it leads to then. The step's serial
// stands already, for the SOA is signed, too. A transfer face whose serial stays is not looked at.
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
	if !transfer.Empty() {
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
	if next.Transfer, err = g.all(base.Transfer, bare.Transfer, nil); err != nil {
		return Versions{}, err
	}
	next.Served = next.Transfer
	if bare.Served != bare.Transfer {
		next.Served, err = g.all(base.Served, bare.Served, next.Transfer)
	}
	return next, err
}

// partNames is how many names are signed at a time, a few milliseconds' work, and batchParts how many such parts are laid over the
// zone together: what all of a large zone's signatures take as a delta would be more than the zone.
const partNames, batchParts = 64, 64

// all signs one face, some names at a time.
func (g *Signing) all(base, bare, other *zone.Version) (*zone.Version, error) {
	parts, err := g.Job(base, bare, other).Whole(partNames)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	crew := g.Crew
	if crew == nil {
		crew = func(pieces int, do func(i int) error) error {
			for i := range pieces {
				if err := do(i); err != nil {
					return err
				}
			}
			return nil
		}
	}
	next := bare
	for done := 0; done < len(parts); done += batchParts {
		batch := parts[done:min(done+batchParts, len(parts))]
		made := make([]*dnssec.Delta, len(batch))
		err := crew(len(batch), func(i int) (err error) {
			made[i], err = batch[i].Sign()
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
		d := &zone.Delta{From: bare.Serial(), To: bare.Serial()}
		for _, m := range made {
			d.Removed, d.Added = append(d.Removed, m.Removed...), append(d.Added, m.Added...)
		}
		if next, err = next.Apply(d); err != nil {
			return nil, fmt.Errorf("lay signatures over the zone: %w", err)
		}
		if g.Told != nil {
			g.Told((done+len(batch))*partNames, len(parts)*partNames)
		}
	}
	return next, nil
}

// Follow does to versions that were signed beside the zone's life what has changed in that meanwhile, at some owners (Changed), and
// gives them another SOA. What stands at the apex hangs on settings and keys, of which the versions are ahead: it is not taken from
// there, but as rendered by who knows, nil for what it was.
func (g *Signing) Follow(signed, from, to Versions, owners []wire.Name, apex *Faces, soa *rr.Set) (Versions, error) {
	d := DiffOf(signed)
	for _, owner := range owners {
		if owner != signed.Transfer.Apex() {
			was := Name{Owner: owner, Transfer: from.Transfer.Data(owner), Served: from.Served.Data(owner)}
			d.add(&was, Faces{Transfer: to.Transfer.Data(owner), Served: to.Served.Data(owner)})
		}
	}
	if apex != nil {
		owner := signed.Transfer.Apex()
		d.add(&Name{Owner: owner, Transfer: signed.Transfer.Data(owner), Served: signed.Served.Data(owner)}, *apex)
		owners = append(slices.Clip(owners), owner)
	}
	old, err := signed.SOA()
	if err != nil {
		return Versions{}, err
	}
	serial, err := wire.SOASerial(soa.Data[0])
	if err != nil {
		return Versions{}, fmt.Errorf("serial: %w", err)
	}
	return g.Extend(signed, d.Step(signed.Transfer.Serial(), serial, old, soa), owners)
}

// Changed lists the names at which two states of a zone differ in some face, by anything that signing has not made, in order.
func Changed(from, to Versions) (owners []wire.Name, err error) {
	seen := map[wire.Name]struct{}{}
	for _, d := range []*zone.Delta{zone.Diff(from.Transfer, to.Transfer), zone.Diff(from.Served, to.Served)} {
		for _, part := range [][]byte{d.Removed, d.Added} {
			for len(part) > 0 {
				raw, rest, err := wire.NextRR(part)
				if err != nil {
					return nil, fmt.Errorf("difference of two versions: %w", err)
				}
				if part = rest; !raw.Type.IsDNSSEC() && raw.Type != wire.TypeSOA {
					seen[wire.Name(raw.Owner)] = struct{}{}
				}
			}
		}
	}
	return slices.SortedFunc(maps.Keys(seen), wire.Compare), nil
}

// Job is the signing of a version that came from base; other is the other face, nil for none.
func (g *Signing) Job(base, bare, other *zone.Version) *dnssec.Job {
	job := &dnssec.Job{Old: View{base}, New: View{bare}, Signers: g.Signers, Denial: g.Denial, Timing: g.Timing, Yield: g.Yield}
	if other != nil {
		job.Other = View{other}
	}
	return job
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
	if g.Whole {
		next, err := g.all(base, bare, other)
		if err != nil {
			return nil, err
		}
		made := zone.Diff(bare, next)
		d.Removed, d.Added = slices.Concat(d.Removed, made.Removed), slices.Concat(d.Added, made.Added)
		return next, nil
	}
	made, err := g.Job(base, bare, other).Update(owners, hashes...)
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
// ask it to take its DS records away (RFC 8078 section 4). Records of these types among the rows are of other signers: they stand
// beside ours where the zone is signed by several (RFC 8901 section 2.1.2), and are kept and ignored in the DNS otherwise, for a parent
// would follow CDS records that name no key of the zone.
func (c *Context) keys(sets []rr.Set) []rr.Set {
	if len(c.Keys) == 0 {
		return sets
	}
	rows := map[wire.Type][][]byte{}
	sets = slices.DeleteFunc(sets, func(s rr.Set) bool {
		ofSigners := s.Type == wire.TypeDNSKEY || s.Type == wire.TypeCDS || s.Type == wire.TypeCDNSKEY
		if ofSigners && c.Zone.DNSSEC.MultiSigner == model.SwitchOn {
			rows[s.Type] = s.Data
		}
		return ofSigners
	})
	dnskey, cds, cdnskey := slices.Clone(rows[wire.TypeDNSKEY]), [][]byte(nil), [][]byte(nil)
	for i := range c.Keys {
		k := &c.Keys[i]
		if k.State.Marks[dnssec.Published].On {
			dnskey = append(dnskey, k.Public.RData())
		}
		if k.State.Marks[dnssec.AtParent].On && c.Zone.DNSSEC.CDS != model.SwitchOff {
			cds, cdnskey = append(cds, k.Public.DS(c.Zone.Name, dnssec.SHA256)), append(cdnskey, k.Public.RData())
		}
	}
	if len(cds) > 0 { // the parent gets the other signers' DS records together with ours, or not at all
		more, keys := c.others(rows)
		cds, cdnskey = append(cds, more...), append(cdnskey, keys...)
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

// others are the CDS and CDNSKEY records of other signers: those that follow from their KSKs, and those that were entered and name one.
func (c *Context) others(rows map[wire.Type][][]byte) (cds, cdnskey [][]byte) {
	for _, data := range rows[wire.TypeDNSKEY] {
		k, err := dnssec.ParseDNSKEY(data)
		if err != nil || !k.SEP() {
			continue
		}
		cds, cdnskey = append(cds, k.DS(c.Zone.Name, dnssec.SHA256)), append(cdnskey, data)
		for _, d := range rows[wire.TypeCDS] {
			if k.Names(c.Zone.Name, d) {
				cds = append(cds, d)
			}
		}
	}
	return cds, cdnskey
}
