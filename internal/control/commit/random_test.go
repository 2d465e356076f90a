package commit_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// sorted has records in an order that no engine and no id has a part in, so that the same dice fall the same way everywhere.
func sorted(records []model.Record) []model.Record {
	slices.SortStableFunc(records, func(a, b model.Record) int {
		return cmp.Or(strings.Compare(string(a.Name), string(b.Name)), cmp.Compare(a.Type, b.Type), strings.Compare(a.Content, b.Content))
	})
	return records
}

// knowing makes edits of one change that break no rule, each on top of those before it.
func knowing(d *rand.Rand, z *model.Zone, records []model.Record, count int) []model.Edit {
	at := map[wire.Name][]*model.Record{}
	for i := range records {
		r := records[i]
		at[r.Name] = append(at[r.Name], &r)
	}
	standing := slices.Clone(records)
	place := func(n wire.Name) *rules.Place {
		return &rules.Place{Apex: z.Name, Rows: at[n], Pool: testEdge(), Limits: rules.Limits{Set: 65535}}
	}
	var out []model.Edit
	for tries := 0; len(out) < count && tries < 50; tries++ {
		switch e := randomEdit(d, z, standing).(type) {
		case model.AddRecord:
			r := e.Record
			if r.ID = newID(); rules.Added(place(r.Name), &r) != nil {
				continue
			}
			at[r.Name] = append(at[r.Name], &r)
			out = append(out, e)
		case model.DeleteRecord:
			i := slices.IndexFunc(standing, func(r model.Record) bool { return r.ID == e.ID })
			n := standing[i].Name
			at[n] = slices.DeleteFunc(at[n], func(r *model.Record) bool { return r.ID == e.ID })
			standing = slices.Delete(standing, i, i+1)
			out = append(out, e)
		case model.EditRecord:
			i := slices.IndexFunc(standing, func(r model.Record) bool { return r.ID == e.ID })
			old := standing[i]
			r, err := e.Apply(old)
			if err != nil || rules.Edited(place(r.Name), &old, &r) != nil {
				continue
			}
			for _, p := range at[r.Name] {
				if p.ID == r.ID {
					*p = r
				}
			}
			standing[i] = r
			out = append(out, e)
		}
	}
	return out
}

func randomSettings(d *rand.Rand) func(model.Zone) (model.Zone, error) {
	n := d.IntN(6)
	return func(z model.Zone) (model.Zone, error) {
		switch n {
		case 0:
			z.Paused = !z.Paused
		case 1:
			z.Settings.FlattenAll = !z.Settings.FlattenAll
		case 2:
			z.Settings.MultiProvider = !z.Settings.MultiProvider
		case 3:
			z.Settings.SOA.Refresh++
		default:
			if z.Mode == model.ModeEdge {
				z.Mode = model.ModeOrigin
			} else {
				z.Mode = model.ModeEdge
			}
		}
		return z, nil
	}
}

func randomEdit(d *rand.Rand, z *model.Zone, records []model.Record) model.Edit {
	if len(records) > 0 && d.IntN(3) == 0 {
		r := records[d.IntN(len(records))]
		if d.IntN(2) == 0 {
			return model.DeleteRecord{ID: r.ID}
		}
		ttl, proxy := uint32(60+d.IntN(3)), d.IntN(2) == 0
		return model.EditRecord{ID: r.ID, Apply: func(r model.Record) (model.Record, error) {
			r.TTL = ttl
			if r.Type == wire.TypeA || r.Type == wire.TypeCNAME {
				r.Proxied = proxy
			}
			return r, nil
		}}
	}
	owners := []string{"", "www.", "*.", "a.b.", "deep.er.and.deeper.", "cut.", "glue.cut."}
	owner := owners[d.IntN(len(owners))] + z.Name.Host()
	target := fmt.Sprintf("t%d.test", d.IntN(8))
	var r model.Record
	switch d.IntN(6) {
	case 0:
		r = rec(owner, "CNAME", target)
		r.Proxied, r.Settings.FlattenCNAME = d.IntN(4) == 0, d.IntN(4) == 0
	case 1:
		r = rec(owner, "TXT", fmt.Sprintf("text %d", d.IntN(5)))
	case 2:
		r = rec(owner, "NS", target)
	case 3:
		r = rec(owner, "AAAA", fmt.Sprintf("2001:db8::%d", d.IntN(9)))
	default:
		r = rec(owner, "A", fmt.Sprintf("198.51.100.%d", d.IntN(9)))
		r.Proxied = d.IntN(3) == 0
	}
	return model.AddRecord{Record: r}
}
