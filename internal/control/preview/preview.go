package preview

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Bounds of what a plan tells.
const (
	MostObjects  = 200
	MostZones    = 20
	MostSets     = 200 // of each face of a zone
	MostFindings = 200 // new and gone, of a zone
	// MostReviewed is up to how many records a zone is reviewed as a whole, before and after: that reads all of it.
	MostReviewed = 100_000
)

// Zone is a zone before a change and after it. Base is the zero Versions for one that is made, Next for one that goes.
type Zone struct {
	Read, Row        model.Zone // as stored, and as planned
	Created, Deleted bool
	Serial           uint32 // after the change
	Base, Next       face.Versions
	Step             *zone.Step // leads from Base to Next, where Next is not made yet
	Access           bool
	Notified         []string
	// Puts and Dels are the rows that are written and removed.
	Puts map[model.ID]*model.Record
	Dels map[model.ID]struct{}
}

// Review looks at a zone whose faces are v. Rows says what becomes of a query's records on their way; nil: they are as stored.
type Review func(ctx context.Context, z *model.Zone, v face.Versions, rows *Rows) (model.Review, error)

// Of makes a plan of what was done to objects, in order, and of the zones. Without a review nothing is found.
func Of(ctx context.Context, told []model.Audit, zones []Zone, review Review) (*model.Plan, error) {
	p := &model.Plan{}
	objects(p, told)
	for i := range zones {
		z := &zones[i]
		if z.Base.Transfer != nil && z.Step != nil {
			var err error
			if z.Next, err = z.Base.Apply(z.Step); err != nil {
				return nil, fmt.Errorf("plan of zone %s: %w", z.Row.Name.Host(), err)
			}
		}
		if !z.seen() {
			continue
		}
		if p.AllZones++; p.AllZones > MostZones {
			continue
		}
		out := z.tell()
		if review != nil && !z.Deleted {
			var err error
			if out.Review, err = z.review(ctx, review); err != nil {
				return nil, fmt.Errorf("plan of zone %s: %w", z.Row.Name.Host(), err)
			}
		}
		p.Zones = append(p.Zones, out)
	}
	return p, nil
}

// objects folds what happened to each object into what it was and what it will be.
func objects(p *model.Plan, told []model.Audit) {
	type key struct {
		resource string
		id       model.ID
	}
	at := map[key]int{}
	var all []model.PlannedObject
	for i := range told {
		for _, part := range told[i].Parts {
			k := key{kindOf(part.Resource), part.ResourceID}
			n, known := at[k]
			if !known {
				at[k] = len(all)
				all = append(all, model.PlannedObject{
					Zone: told[i].Zone, Resource: part.Resource, ID: part.ResourceID, Before: plain(part.Before), After: plain(part.After),
				})
				continue
			}
			all[n].After = plain(part.After)
		}
	}
	for i := range all {
		switch o := &all[i]; {
		case o.Before == nil && o.After == nil:
			continue
		case o.Before == nil:
			p.Counts.Added++
		case o.After == nil:
			p.Counts.Removed++
		default:
			p.Counts.Changed++
		}
		if len(p.Objects) < MostObjects {
			p.Objects = append(p.Objects, all[i])
		}
	}
}

// kindOf is the object of a resource such as "zone.outgoing": edits of several parts of a zone are edits of one object.
func kindOf(resource string) string {
	for i := range len(resource) {
		if resource[i] == '.' && (resource[:i] == "zone" || resource[:i] == "account") {
			return resource[:i]
		}
	}
	return resource
}

// plain is a value itself, where a part points at one.
func plain(v any) any {
	if r, ok := v.(*model.Record); ok {
		if r == nil {
			return nil
		}
		return *r
	}
	return v
}

// seen says whether anybody but operators would see something of the change.
func (z *Zone) seen() bool {
	return z.Created || z.Deleted || z.Access || len(z.Notified) > 0 || z.Next.Transfer != nil && z.Next != z.Base
}
