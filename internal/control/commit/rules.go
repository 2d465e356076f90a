package commit

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/keyring"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// place gathers what package rules needs to know of where a record shall stand; rows are those at its name.
func (p *plan) place(ctx context.Context, z *zoneWork, rows []*model.Record, r *model.Record) (*rules.Place, error) {
	at := &p.spot // it is looked at now, and by nobody later
	*at = rules.Place{
		Apex: z.row.Name, Rows: rows, Pool: p.pool(z), DNAME: z.dnameAbove(r),
		Limits: rules.Limits{Data: p.cfg.Limits.RecordBytes, Set: p.cfg.Limits.SetBytes},
	}
	var err error
	if rules.OfSigners(r.Type) && r.Name == z.row.Name {
		if at.Signers, err = p.signers(ctx, z); err != nil {
			return nil, err
		}
	}
	if !rules.LooksBelow(r.Type) {
		return at, nil
	}
	at.Below, err = p.below(ctx, z, r)
	return at, err
}

// signers is what the zone is signed with, as planned.
func (p *plan) signers(ctx context.Context, z *zoneWork) (*rules.Signers, error) {
	keys, err := p.keysOf(ctx, z)
	if err != nil {
		return nil, err
	}
	return signersOf(&z.row, keys), nil
}

func signersOf(z *model.Zone, keys []model.ZoneKey) *rules.Signers {
	out := &rules.Signers{Multi: z.DNSSEC.MultiSigner == model.SwitchOn}
	for i := range keys {
		out.Own = append(out.Own, &keys[i].Public)
	}
	return out
}

// others are the keys of other signers, which stand among the zone's records (RFC 8901 section 2.1.2).
func (s *workspace) others(ctx context.Context, z *zoneWork) (out []*dnssec.DNSKEY, err error) {
	if z.row.DNSSEC.MultiSigner != model.SwitchOn || z.fresh {
		return nil, nil
	}
	rows, err := s.at(ctx, z, z.row.Name)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if r.Type != wire.TypeDNSKEY {
			continue
		}
		if k, err := dnssec.ParseDNSKEY(r.RData); err == nil {
			out = append(out, k)
		}
	}
	return out, nil
}

// checkSigners says whether what is wanted goes with the keys of other signers among the records. They do not go unguarded: whoever ends
// signing together removes them first, in the order that keeps answers valid; and they fit the keys here, or no resolver believes
// either signer.
func (p *plan) checkSigners(ctx context.Context, z *zoneWork, old *model.Zone, own []model.ZoneKey) error {
	was, is := old.DNSSEC.MultiSigner == model.SwitchOn, z.row.DNSSEC.MultiSigner == model.SwitchOn
	if !was && !is {
		return nil
	}
	rows, err := p.at(ctx, z, z.row.Name)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if !rules.OfSigners(r.Type) {
			continue
		}
		if !is {
			e := invalid(model.CodeDNSSECState, "The zone has records of another signer (%s at the apex). Remove them first, as soon as nobody asks "+
				"that signer any more.", r.Type)
			e.Pointer = "/dnssec_multi_signer"
			return e
		}
		at := &rules.Place{Apex: z.row.Name, Rows: rows, Signers: signersOf(&z.row, own)}
		if err := rules.Signer(at, r); err != nil {
			return err
		}
		if k, err := dnssec.ParseDNSKEY(r.RData); err == nil && r.Type == wire.TypeDNSKEY && k.Algorithm != keyring.AlgorithmOf(&z.row.DNSSEC) {
			e := invalid(model.CodeDNSSECKey, "The DNSKEY record of algorithm %d does not go with keys of algorithm %d, which this server is to sign with.",
				k.Algorithm, keyring.AlgorithmOf(&z.row.DNSSEC))
			return e
		}
	}
	return nil
}

// dnameAbove is the owner of a DNAME, other than r itself, above the name of r, as planned. Where the workspace has not read the
// rows of an ancestor, memory has its DNAME: both faces show it.
func (z *zoneWork) dnameAbove(r *model.Record) wire.Name {
	for n := r.Name; n != z.row.Name && n.Within(z.row.Name); {
		n = n.Parent()
		rows, read := z.rows[n]
		for _, other := range rows {
			if other.Type == wire.TypeDNAME && other.ID != r.ID {
				return n
			}
		}
		if !read && z.state != nil && z.redirects(n) {
			return n
		}
	}
	return ""
}

// redirects says whether there is a DNAME at a name in memory, which does not change under a workspace. Records of a batch, and even
// more those of a file, ask about the same name one after the other.
func (z *zoneWork) redirects(n wire.Name) bool {
	if z.looked.at != n {
		var m zone.Match
		z.looked.at, z.looked.dname = n, false
		if z.state.Transfer.At([]byte(n), &m) {
			_, z.looked.dname = m.RRset(wire.TypeDNAME)
		}
	}
	return z.looked.dname
}

// below says whether records other than r itself stand below the name of r, as planned: among the rows that the workspace has
// read, or else in memory. Flattened names need not show there, so the rows of those are read.
func (p *plan) below(ctx context.Context, z *zoneWork, r *model.Record) (bool, error) {
	if err := p.countUnder(ctx, z); err != nil {
		return false, err
	}
	count := z.under[r.Name]
	if old := z.byID[r.ID]; old != nil && old.Name != r.Name && old.Name.Within(r.Name) {
		count--
	}
	if count > 0 || z.state == nil {
		return count > 0, nil
	}
	found := false
	for _, face := range []*zone.Version{z.state.Transfer, z.state.Served} {
		face.Below(r.Name, func(name []byte) bool {
			_, read := z.rows[wire.Name(name)]
			found = !read
			return read
		})
		if found || z.state.Served == z.state.Transfer {
			break
		}
	}
	return found, nil
}

// countUnder begins to count how many rows the workspace has below each name: from a zone's first DNAME on, for few ever have
// one.
func (p *plan) countUnder(ctx context.Context, z *zoneWork) error {
	if z.under != nil {
		return nil
	}
	if !z.fresh && z.read.Mode == model.ModeEdge {
		names, err := p.tx.Dependent(ctx, z.row.ID)
		if err != nil {
			return fmt.Errorf("read dependent names: %w", err)
		}
		if err := p.load(ctx, z, names); err != nil {
			return err
		}
	}
	assign(&p.undo, &z.under, map[wire.Name]int{})
	for n, rows := range z.rows {
		z.tally(n, len(rows))
	}
	return nil
}

// tally counts rows that come or go at a name, for all names above it.
func (z *zoneWork) tally(n wire.Name, by int) {
	if z.under == nil || by == 0 {
		return
	}
	for n != z.row.Name {
		n = n.Parent()
		z.under[n] += by
	}
}

// tally is that for rows that are planned.
func (p *plan) tally(z *zoneWork, n wire.Name, by int) {
	if z.under != nil {
		z.tally(n, by)
		p.undo = append(p.undo, func() { z.tally(n, -by) })
	}
}

// insert puts a record in place; the caller has checked it.
func (p *plan) insert(z *zoneWork, r *model.Record) {
	rows, read := z.rows[r.Name]
	was, known := z.byID[r.ID]
	before, written := z.puts[r.ID]
	p.undo = append(p.undo, func() {
		putBack(z.rows, r.Name, rows, read)
		putBack(z.byID, r.ID, was, known)
		putBack(z.puts, r.ID, before, written)
	})
	z.rows[r.Name], z.byID[r.ID], z.puts[r.ID] = append(rows, r), r, r
	p.grow(z, model.Usage{Records: 1, Octets: r.Size()})
	p.tally(z, r.Name, 1)
	p.touch(z, r.Name)
	p.noteCut(z, r)
}

// insertFresh is insert for a record with an id that was made for it just now, beside the rows at its name: with less to take back.
func (p *plan) insertFresh(z *zoneWork, rows []*model.Record, r *model.Record) {
	zone, acct := z.grown, z.acct.grown
	_, touched := z.touched[r.Name]
	p.undo = append(p.undo, func() {
		z.rows[r.Name] = rows
		delete(z.byID, r.ID)
		delete(z.puts, r.ID)
		delete(z.adds, r.ID)
		if !touched {
			delete(z.touched, r.Name)
		}
		z.grown, z.acct.grown = zone, acct
	})
	z.rows[r.Name], z.byID[r.ID], z.puts[r.ID] = append(rows, r), r, r
	z.adds[r.ID] = struct{}{}
	if !touched {
		z.touched[r.Name] = struct{}{}
	}
	more := model.Usage{Records: 1, Octets: r.Size()}
	z.grown, z.acct.grown = zone.Plus(more), acct.Plus(more)
	p.tally(z, r.Name, 1)
	p.noteCut(z, r)
}

func (p *plan) remove(z *zoneWork, r *model.Record) {
	rest := make([]*model.Record, 0, len(z.rows[r.Name]))
	for _, other := range z.rows[r.Name] {
		if other.ID != r.ID {
			rest = append(rest, other)
		}
	}
	put(&p.undo, z.rows, r.Name, rest)
	drop(&p.undo, z.byID, r.ID)
	p.grow(z, model.Usage{Records: -1, Octets: -r.Size()})
	p.tally(z, r.Name, -1)
	p.touch(z, r.Name)
	p.noteCut(z, r)
	p.doubt(z, r)
}
