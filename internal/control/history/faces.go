package history

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// FaceDiff is what two versions of a face differ in, as lines of a zone file.
type FaceDiff struct {
	Removed, Added []string
	Truncated      bool
}

// Faces are the differences of both faces.
type Faces struct {
	Served, Transfer FaceDiff
	Same             bool
}

// Faces renders the names at which two versions of a zone differ, without signatures. At most so many lines of each kind are told.
func (h *Reader) Faces(ctx context.Context, d *Diff, most int) (out Faces, err error) {
	account, err := h.Store.Account(ctx, d.To.Account)
	if err != nil {
		return out, err
	}
	names := d.names()
	if d.recast() {
		if names, err = h.dependents(ctx, d, names, most); err != nil {
			return out, err
		}
	}
	if !slices.Contains(names, d.To.Name) {
		names = append(names, d.To.Name)
	}
	truncated := len(names) > most
	names = names[:min(len(names), most)]
	rows, err := h.rowsNamed(ctx, d, names)
	if err != nil {
		return out, err
	}
	old, now := h.Context(&d.From, &account), h.Context(&d.To, &account)
	before, after := rows.of(d.from), rows.of(d.to)
	out.Served.Truncated, out.Transfer.Truncated = truncated, truncated
	for i := range names {
		was := old.Render(&face.Name{Owner: names[i], Rows: before[names[i]]})
		is := now.Render(&face.Name{Owner: names[i], Rows: after[names[i]]})
		out.Served.add(was.Served, is.Served, most)
		out.Transfer.add(was.Transfer, is.Transfer, most)
	}
	if err := d.soa(&out, most); err != nil {
		return out, err
	}
	out.Same = slices.Equal(out.Served.Added, out.Transfer.Added) && slices.Equal(out.Served.Removed, out.Transfer.Removed)
	return out, nil
}

// soa tells the SOA records, of which one comes with each serial.
func (d *Diff) soa(out *Faces, most int) error {
	was, err := face.SOA(&d.From, d.From.Serial)
	if err != nil {
		return err
	}
	is, err := face.SOA(&d.To, d.To.Serial)
	if err != nil {
		return err
	}
	out.Served.add([]rr.Set{was}, []rr.Set{is}, most)
	out.Transfer.add([]rr.Set{was}, []rr.Set{is}, most)
	return nil
}

// recast says that names without another record may look different.
func (d *Diff) recast() bool {
	a, b := &d.From, &d.To
	return a.Settings.FlattenAll != b.Settings.FlattenAll || a.Settings.ZoneMode != b.Settings.ZoneMode || a.Paused != b.Paused || a.Mode != b.Mode
}

// dependents adds the names that a setting of the zone may change: those of what is there now, and of what was there then.
func (h *Reader) dependents(ctx context.Context, d *Diff, names []wire.Name, most int) ([]wire.Name, error) {
	depends := func(r *model.Record) bool { return r != nil && (r.Proxied || r.Type == wire.TypeCNAME) }
	for _, p := range []*past{d.from, d.to} {
		for _, r := range p.records {
			if depends(r) {
				names = append(names, r.Name)
			}
		}
	}
	err := h.Store.Records(ctx, d.To.ID, model.RecordQuery{Order: "name"}, func(r *model.Record) error {
		switch {
		case depends(r) && (len(names) == 0 || names[len(names)-1] != r.Name):
			names = append(names, r.Name)
		case len(names) > mostTouched+2*most:
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	slices.SortFunc(names, func(a, b wire.Name) int { return strings.Compare(a.Host(), b.Host()) })
	return slices.Compact(names), nil
}

// named are records by their names: as of the head of the versions that are compared.
type named map[wire.Name][]model.Record

// rowsNamed reads all records at names.
func (h *Reader) rowsNamed(ctx context.Context, d *Diff, names []wire.Name) (named, error) {
	list, err := h.Store.RecordsNamed(ctx, d.To.ID, names)
	if err != nil {
		return nil, err
	}
	out := named{}
	for i := range list {
		out[list[i].Name] = append(out[list[i].Name], list[i])
	}
	err = h.since(ctx, &d.To, d.to.head, func(p *past) error {
		for n, rows := range out {
			out[n] = slices.DeleteFunc(rows, func(r model.Record) bool {
				_, told := p.records[r.ID]
				return told || p.imported(&r)
			})
		}
		for _, r := range p.records {
			if r != nil {
				out[r.Name] = append(out[r.Name], *r)
			}
		}
		return nil
	})
	return out, err
}

// of are the records of a version at these names.
func (n named) of(p *past) map[wire.Name][]*model.Record {
	out := make(map[wire.Name][]*model.Record, len(n))
	for name, rows := range n {
		for i := range rows {
			if _, told := p.records[rows[i].ID]; !told && !p.imported(&rows[i]) {
				out[name] = append(out[name], &rows[i])
			}
		}
	}
	for _, r := range p.records {
		if r != nil {
			out[r.Name] = append(out[r.Name], r)
		}
	}
	for _, rows := range out {
		slices.SortFunc(rows, inOrder)
	}
	return out
}

func (f *FaceDiff) add(was, is []rr.Set, most int) {
	old, now := lines(was), lines(is)
	f.Removed = f.append(f.Removed, old, now, most)
	f.Added = f.append(f.Added, now, old, most)
}

// append adds those of some lines that are not among others.
func (f *FaceDiff) append(to, some, others []string, most int) []string {
	for _, l := range some {
		if slices.Contains(others, l) {
			continue
		}
		if len(to) == most {
			f.Truncated = true
			break
		}
		to = append(to, l)
	}
	return to
}

// lines writes records as a zone file has them. What stands in for addresses that are not known has none, and a digest is of signatures, too.
func lines(sets []rr.Set) (out []string) {
	for i := range sets {
		s := &sets[i]
		if s.Type == zone.TypeMark || s.Type == wire.TypeZONEMD {
			continue
		}
		for _, data := range s.Data {
			out = append(out, s.Owner.String()+" "+strconv.FormatUint(uint64(s.TTL), 10)+" IN "+s.Type.String()+" "+rr.FormatData(s.Type, data))
		}
	}
	return out
}
