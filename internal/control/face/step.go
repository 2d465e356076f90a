package face

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Versions are both faces of a zone, whole. Where they agree wholly they are one pointer.
type Versions struct{ Served, Transfer *zone.Version }

// Of are the versions of a state in memory.
func Of(s *zone.State) Versions { return Versions{s.Served, s.Transfer} }

// Apply gives the versions that a step leads to.
func (v Versions) Apply(step *zone.Step) (next Versions, err error) {
	if next.Transfer, err = v.Transfer.Apply(&step.Transfer); err != nil {
		return Versions{}, fmt.Errorf("apply: %w", err)
	}
	if v.Served == v.Transfer && step.Served == nil {
		next.Served = next.Transfer
		return next, nil
	}
	d := step.Served
	if d == nil {
		d = &step.Transfer
	}
	if next.Served, err = v.Served.Apply(d); err != nil {
		return Versions{}, fmt.Errorf("apply to the served face: %w", err)
	}
	return next, nil
}

// Since gives the step that leads to the versions from others.
func (v Versions) Since(old Versions) *zone.Step {
	step := &zone.Step{Transfer: *zone.Diff(old.Transfer, v.Transfer)}
	if v.Served != v.Transfer || old.Served != old.Transfer {
		step.Served = zone.Diff(old.Served, v.Served)
	}
	return step
}

// SOA is the SOA of the transfer face, whose serial is the zone's.
func (v Versions) SOA() (*rr.Set, error) {
	rdata, ttl := v.Transfer.SOA()
	if len(rdata) < soaTail {
		return nil, fmt.Errorf("the zone in memory has no SOA (serial %d)", v.Transfer.Serial())
	}
	return &rr.Set{Owner: v.Transfer.Apex(), Type: wire.TypeSOA, TTL: ttl, Data: [][]byte{rdata}}, nil
}

// First renders a zone that is new: all its names, each with its rows.
func (c *Context) First(serial uint32, names []Name) (Versions, error) {
	soa, err := SOA(c.Zone, serial)
	if err != nil {
		return Versions{}, err
	}
	all := []rr.Set{soa}
	var apart changes
	for i := range names {
		f := c.Render(&names[i])
		all = append(all, f.Transfer...)
		if !Equal(f.Served, f.Transfer) {
			apart.diff(names[i].Owner, f.Transfer, f.Served)
		}
	}
	transfer, err := zone.Build(c.Zone.Name, all)
	if err != nil {
		return Versions{}, fmt.Errorf("build: %w", err)
	}
	v := Versions{transfer, transfer}
	if !apart.empty() {
		// Derived, not built: so the faces share the pages in which they agree.
		d := apart.delta(serial, serial, nil, nil)
		if v.Served, err = transfer.Apply(&d); err != nil {
			return Versions{}, fmt.Errorf("derive the served face: %w", err)
		}
	}
	return v, nil
}

// Diff collects what changes in the two faces. Until they part both are the same, and transfer speaks for both: most zones
// never pay for two.
type Diff struct {
	base             Versions
	transfer, served changes
	split            bool
}

// DiffOf begins a Diff to versions; nothing has changed yet.
func DiffOf(base Versions) *Diff { return &Diff{base: base, split: base.Served != base.Transfer} }

// Render renders one owner and adds what differs there from the base. kept says that a CNAME there, if there is one, stands
// for what it stood for in the base.
func (d *Diff) Render(c *Context, owner wire.Name, rows []*model.Record, kept bool) {
	n := Name{Owner: owner, Rows: rows, Transfer: d.base.Transfer.Data(owner), Kept: kept}
	n.Served = n.Transfer
	if d.base.Served != d.base.Transfer {
		n.Served = d.base.Served.Data(owner)
	}
	d.add(&n, c.Render(&n))
}

func (d *Diff) add(n *Name, f Faces) {
	if !d.split && !Equal(f.Served, f.Transfer) {
		d.split = true
		d.served = changes{
			removed: slices.Clone(d.transfer.removed), added: slices.Clone(d.transfer.added), records: d.transfer.records,
		}
	}
	d.transfer.diff(n.Owner, n.Transfer, f.Transfer)
	if d.split {
		d.served.diff(n.Owner, n.Served, f.Served)
	}
}

// Transfers says whether secondaries get anything new but for the SOA.
func (d *Diff) Transfers() bool { return !d.transfer.empty() }

// Serves says whether what is answered changes, in a zone whose faces differ, by anything but the SOA.
func (d *Diff) Serves() bool { return d.split && !d.served.empty() }

// Records counts the records that come and go, in both faces.
func (d *Diff) Records() int { return d.transfer.records + d.served.records }

// Step frames the difference with two SOA records; where they stay they are not needed.
func (d *Diff) Step(from, to uint32, old, soa *rr.Set) *zone.Step {
	step := &zone.Step{Transfer: d.transfer.delta(from, to, old, soa)}
	if d.split {
		served := d.served.delta(from, to, old, soa)
		if !bytes.Equal(served.Removed, step.Transfer.Removed) || !bytes.Equal(served.Added, step.Transfer.Added) {
			step.Served = &served
		}
	}
	return step
}

// Equal compares what Render made for the two faces; it makes them in the same order.
func Equal(a, b []rr.Set) bool {
	return slices.EqualFunc(a, b, func(x, y rr.Set) bool {
		return x.Type == y.Type && x.TTL == y.TTL && slices.EqualFunc(x.Data, y.Data, bytes.Equal)
	})
}
