package history

import (
	"net/http"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/record"
	"github.com/headwaterdns/headwater/internal/control/api/zonefile"
	"github.com/headwaterdns/headwater/internal/control/history"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
)

type diffJSON struct {
	From     versionJSON         `json:"from"`
	To       versionJSON         `json:"to"`
	Records  recordsDiffJSON     `json:"records"`
	Settings []settingChangeJSON `json:"settings"`
	Served   faceDiffJSON        `json:"served"`
	Transfer faceDiffJSON        `json:"transfer"`
	Same     bool                `json:"same_faces"`
}

type versionJSON struct {
	Serial uint32    `json:"serial"`
	When   api.Stamp `json:"when"`
}

type recordsDiffJSON struct {
	Added     []*record.JSON    `json:"added"`
	Removed   []*record.JSON    `json:"removed"`
	Changed   []changedPairJSON `json:"changed"`
	Total     int               `json:"total"`
	Truncated bool              `json:"truncated"`
}

type changedPairJSON struct {
	Before *record.JSON `json:"before"`
	After  *record.JSON `json:"after"`
}

type faceDiffJSON struct {
	Removed   []string `json:"removed"`
	Added     []string `json:"added"`
	Truncated bool     `json:"truncated"`
}

// Bounds of a difference, in records and lines of each kind.
const (
	diffUsual = 1000
	diffMost  = 10_000
)

func getDiff(_ *api.API, q *api.Request) error {
	h, kept, err := reader(q)
	if err != nil {
		return err
	}
	v := q.R.URL.Query()
	limit, err := parseLimit(v, diffUsual, diffMost)
	if err != nil {
		return err
	}
	from, err := parsePoint(api.Last(v, "from"))
	if err != nil {
		return err
	}
	var to history.Point
	if s := api.Last(v, "to"); s != "" {
		if to, err = parsePoint(s); err != nil {
			return err
		}
	}
	d, err := h.Diff(q.Ctx(), &q.Zone, from, to, kept)
	if err != nil {
		return err
	}
	faces, err := h.Faces(q.Ctx(), d, limit)
	if err != nil {
		return err
	}
	return q.OK(diffJSON{
		From: versionJSON{d.From.Serial, api.Stamp(d.FromTime)}, To: versionJSON{d.To.Serial, api.Stamp(d.ToTime)},
		Records: renderEdits(&q.Zone, d.Edits, limit), Settings: renderSettings(d.Settings),
		Served: renderFace(&faces.Served), Transfer: renderFace(&faces.Transfer), Same: faces.Same,
	})
}

func renderEdits(z *model.Zone, list []history.RecordChange, most int) recordsDiffJSON {
	out := recordsDiffJSON{
		Added: []*record.JSON{}, Removed: []*record.JSON{}, Changed: []changedPairJSON{}, Total: len(list), Truncated: len(list) > most,
	}
	for i := range list[:min(len(list), most)] {
		before, after := renderRecord(z, list[i].Before), renderRecord(z, list[i].After)
		switch {
		case before == nil:
			out.Added = append(out.Added, after)
		case after == nil:
			out.Removed = append(out.Removed, before)
		default:
			out.Changed = append(out.Changed, changedPairJSON{before, after})
		}
	}
	return out
}

func renderFace(f *history.FaceDiff) faceDiffJSON {
	return faceDiffJSON{api.OrEmpty(f.Removed), api.OrEmpty(f.Added), f.Truncated}
}

// getFile writes a zone as it was, as a zone file.
func getFile(a *api.API, q *api.Request) error {
	h, kept, err := reader(q)
	if err != nil {
		return err
	}
	p, err := parsePoint(q.R.PathValue("version"))
	if err != nil {
		return err
	}
	w := rr.NewWriter(q.W)
	begun := false
	err = h.File(q.Ctx(), &q.Zone, p, kept, func(z *model.Zone) error {
		begun = true
		q.W.Header().Set("Content-Disposition", `attachment; filename="`+zonefile.FileName(z.Name)+`.txt"`)
		q.Head(http.StatusOK, "text/plain; charset=utf-8")
		return zonefile.WriteApex(w, z, q.Now())
	}, func(r *model.Record) error {
		return w.Write(r.Name, r.Type, r.TTL, r.RData, record.FileComment(r, q.Zone.Name))
	})
	if err == nil {
		err = w.Flush()
	}
	if err != nil && begun {
		a.Log.Error("file of the past ended early", "request", q.Id, "error", err)
		panic(http.ErrAbortHandler) // the client must not take what it has for the whole
	}
	return err
}
