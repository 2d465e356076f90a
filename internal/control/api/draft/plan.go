package draft

import (
	"encoding/json"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/people"
	"github.com/headwaterdns/headwater/internal/control/api/transfer"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
)

type planJSON struct {
	DryRun  bool         `json:"dry_run"`
	Counts  countsJSON   `json:"counts"`
	Objects []objectJSON `json:"objects"`
	Zones   []zoneJSON   `json:"zones"`
	Total   int          `json:"zones_total"`
	Answer  any          `json:"answer"`
	Draft   model.ID     `json:"draft_id,omitempty"`
	Clashes []clashJSON  `json:"clashes,omitempty"`
}

// clashJSON is a part of a draft that clashes with what the zone is now.
type clashJSON struct {
	Part   int      `json:"part"`
	ID     model.ID `json:"part_id"`
	Reason string   `json:"reason"`
}

type countsJSON struct {
	Added   int `json:"added"`
	Changed int `json:"changed"`
	Removed int `json:"removed"`
}

type objectJSON struct {
	Action   string          `json:"action"`
	Resource string          `json:"resource"`
	ID       model.ID        `json:"id"`
	Zone     model.ID        `json:"zone_id,omitempty"`
	Before   json.RawMessage `json:"before"`
	After    json.RawMessage `json:"after"`
}

type zoneJSON struct {
	ID          model.ID   `json:"id"`
	Name        string     `json:"name"`
	Serial      serialJSON `json:"serial"`
	Created     bool       `json:"created"`
	Deleted     bool       `json:"deleted"`
	Transfers   bool       `json:"transfers"`
	Notified    []string   `json:"notified"`
	Agree       bool       `json:"faces_agree"`
	Served      faceJSON   `json:"served"`
	Transferred faceJSON   `json:"transferred"`
	Signatures  int        `json:"signatures"`
	Review      reviewJSON `json:"review"`
	RefusedBy   []string   `json:"refused_by"`
}

type serialJSON struct {
	Before uint32 `json:"before"`
	After  uint32 `json:"after"`
}

type faceJSON struct {
	Count int       `json:"count"`
	Sets  []setJSON `json:"rrsets"`
}

type setJSON struct {
	Name   string    `json:"name"`
	Type   string    `json:"type"`
	Before *dataJSON `json:"before"`
	After  *dataJSON `json:"after"`
}

type dataJSON struct {
	TTL   uint32   `json:"ttl"`
	Count int      `json:"count"`
	Data  []string `json:"data"`
}

type reviewJSON struct {
	Complete bool                   `json:"complete"`
	New      []transfer.FindingJSON `json:"new"`
	Gone     []transfer.FindingJSON `json:"gone"`
	AllNew   int                    `json:"new_total"`
	AllGone  int                    `json:"gone_total"`
}

// RenderPlan makes JSON of a plan. answer is what the call itself would answer, as far as that is known.
func RenderPlan(q *api.Request, p *model.Plan, answer any) any {
	out := render(q.Now(), p, answer)
	out.Draft = q.DraftID()
	return out
}

func render(now time.Time, p *model.Plan, answer any) planJSON {
	return planJSON{
		DryRun: true, Counts: countsJSON(p.Counts), Total: p.AllZones, Answer: answer,
		Objects: api.Each(p.Objects, func(o *model.PlannedObject) objectJSON { return objectOf(o, now) }),
		Zones:   api.Each(p.Zones, zoneOf),
	}
}

func objectOf(o *model.PlannedObject, now time.Time) objectJSON {
	return objectJSON{action(o.Before, o.After), o.Resource, o.ID, o.Zone, people.Described(o.Before, now), people.Described(o.After, now)}
}

// action is what becomes of an object.
func action(before, after any) string {
	switch {
	case before == nil:
		return "add"
	case after == nil:
		return "remove"
	}
	return "change"
}

func zoneOf(z *model.PlannedZone) zoneJSON {
	of := &model.Zone{Account: z.Account, Name: z.Name}
	return zoneJSON{
		ID: z.ID, Name: z.Name.Host(), Serial: serialJSON{z.Before, z.After}, Created: z.Created, Deleted: z.Deleted,
		Transfers: z.Access, Notified: api.OrEmpty(z.Notified), Agree: z.Agree, Served: faceOf(&z.Served), Transferred: faceOf(&z.Transferred),
		Signatures: z.Signatures, RefusedBy: api.OrEmpty(z.Review.RefusedBy),
		Review: reviewJSON{
			z.Review.Complete, transfer.RenderFindings(of, z.Review.New), transfer.RenderFindings(of, z.Review.Gone), z.Review.AllNew, z.Review.AllGone,
		},
	}
}

func faceOf(f *model.PlannedFace) faceJSON {
	return faceJSON{f.Count, api.Each(f.Sets, func(s *model.PlannedSet) setJSON {
		return setJSON{s.Name.Host(), s.Type.String(), dataOf(s.Before), dataOf(s.After)}
	})}
}

// dataMost bounds the records that are shown of an RRset.
const dataMost = 100

func dataOf(s *rr.Set) *dataJSON {
	if s == nil {
		return nil
	}
	out := &dataJSON{TTL: s.TTL, Count: len(s.Data), Data: make([]string, 0, min(len(s.Data), dataMost))}
	for _, d := range s.Data[:min(len(s.Data), dataMost)] {
		out.Data = append(out.Data, rr.FormatData(s.Type, d))
	}
	return out
}
