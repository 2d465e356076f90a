package preview

import (
	"context"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/review"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Rows is what becomes of stored rows: those that are removed or written anew are not told as they are stored.
type Rows struct {
	Puts map[model.ID]*model.Record
	Dels map[model.ID]struct{}
}

// Records yields the records as planned that one of a review's queries finds: what is proxied, and all of CNAME and NS.
func (r *Rows) Records(stored func(yield func(*model.Record) error) error, yield func(*model.Record) error) error {
	err := stored(func(rec *model.Record) error {
		_, gone := r.Dels[rec.ID]
		_, written := r.Puts[rec.ID]
		if gone || written {
			return nil
		}
		return yield(rec)
	})
	if err != nil {
		return err
	}
	for _, id := range sortedIDs(r.Puts) {
		rec := r.Puts[id]
		if !rec.Proxied && rec.Type != wire.TypeCNAME && rec.Type != wire.TypeNS {
			continue
		}
		if err := yield(rec); err != nil {
			return err
		}
	}
	return nil
}

func sortedIDs(m map[model.ID]*model.Record) []model.ID {
	out := make([]model.ID, 0, len(m))
	for id := range m {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// review finds what is new after the change, and what is not there any more.
func (z *Zone) review(ctx context.Context, look Review) (out model.PlannedReview, err error) {
	next := z.Next
	if next.Transfer == nil {
		next = z.Base // settings alone change
	}
	if next.Transfer == nil {
		return out, nil
	}
	var before, after []model.Finding
	if out.Complete = next.Transfer.Records() <= MostReviewed; out.Complete {
		rows := &Rows{z.Puts, z.Dels}
		if !z.Created {
			if before, err = findings(look(ctx, &z.Read, z.Base, nil)); err != nil {
				return out, err
			}
		}
		if after, err = findings(look(ctx, &z.Row, next, rows)); err != nil {
			return out, err
		}
	} else {
		before, after = z.glance()
	}
	out.New, out.AllNew = less(after, before)
	out.Gone, out.AllGone = less(before, after)
	for i := range out.New {
		for _, name := range review.RefusedBy(&out.New[i]) {
			if !slices.Contains(out.RefusedBy, name) {
				out.RefusedBy = append(out.RefusedBy, name)
			}
		}
	}
	slices.Sort(out.RefusedBy)
	return out, nil
}

func findings(r model.Review, err error) ([]model.Finding, error) { return r.Findings, err }

// glance holds the RRsets at the names that change against what secondaries load.
func (z *Zone) glance() (before, after []model.Finding) {
	places, _ := changed(z.Base.Transfer, z.Next.Transfer)
	var last wire.Name
	for _, p := range places {
		if p.name == last {
			continue
		}
		last = p.name
		for v, out := range map[*zone.Version]*[]model.Finding{z.Base.Transfer: &before, z.Next.Transfer: &after} {
			if v == nil {
				continue
			}
			sets := slices.DeleteFunc(v.Sets(p.name), func(s rr.Set) bool { return s.Type.IsDNSSEC() || s.Type == wire.TypeSOA })
			review.LoadsSets(z.Row.Name, p.name, sets, 0, func(f model.Finding) { *out = append(*out, f) })
		}
	}
	return before, after
}

// less is what a has and b lacks, the gravest first as they stand in a.
func less(a, b []model.Finding) (out []model.Finding, all int) {
	type key struct {
		reason  model.Reason
		name    wire.Name
		kind    wire.Type
		message string
	}
	of := func(f *model.Finding) key { return key{f.Reason, f.Name, f.Type, f.Message} }
	known := make(map[key]bool, len(b))
	for i := range b {
		known[of(&b[i])] = true
	}
	for i := range a {
		if known[of(&a[i])] {
			continue
		}
		if all++; all <= MostFindings {
			out = append(out, a[i])
		}
	}
	return out, all
}
