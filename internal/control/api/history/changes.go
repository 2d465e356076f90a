package history

import (
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/record"
	"github.com/headwaterdns/headwater/internal/control/history"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// changeJSON is a change in the list.
type changeJSON struct {
	ID       string     `json:"id"`
	When     api.Stamp  `json:"when"`
	From     uint32     `json:"from_serial"`
	To       uint32     `json:"to_serial"`
	Actor    actorJSON  `json:"actor"`
	Request  string     `json:"request_id"`
	Note     string     `json:"note"`
	What     string     `json:"what"`
	Records  countsJSON `json:"records"`
	Imported int        `json:"imported"`
	Settings []string   `json:"settings"`
	First    []string   `json:"first"`
	Reverts  any        `json:"reverts"`
	Undo     string     `json:"undo"`
}

// objectChangeJSON is what happened to something that is no record and no setting.
type objectChangeJSON struct {
	What   string         `json:"what"`
	ID     model.ID       `json:"id"`
	Action string         `json:"action"`
	Before map[string]any `json:"before"`
	After  map[string]any `json:"after"`
}

type actorJSON struct {
	ID      model.ID `json:"id"`
	Email   string   `json:"email"`
	Context string   `json:"context"`
	Token   model.ID `json:"token_id"`
	IP      string   `json:"ip"`
}

type countsJSON struct {
	Added   int `json:"added"`
	Changed int `json:"changed"`
	Removed int `json:"removed"`
}

// wholeChangeJSON is a change with all that it did.
type wholeChangeJSON struct {
	changeJSON

	Changes         []recordChangeJSON  `json:"changes"`
	More            int                 `json:"more"`
	SettingsChanges []settingChangeJSON `json:"settings_changes"`
	Objects         []objectChangeJSON  `json:"objects"`
}

type recordChangeJSON struct {
	Action string       `json:"action"`
	ID     model.ID     `json:"id"`
	Before *record.JSON `json:"before"`
	After  *record.JSON `json:"after"`
}

type settingChangeJSON struct {
	Setting string `json:"setting"`
	Before  any    `json:"before"`
	After   any    `json:"after"`
}

// listInfoJSON tells of a list that is followed by cursors, and of how far history reaches.
type listInfoJSON struct {
	Count   int `json:"count"`
	PerPage int `json:"per_page"`
	Cursors struct {
		After string `json:"after"`
	} `json:"cursors"`
	Days int `json:"days"`
}

// Bounds of what is told.
const (
	changesUsual = 50
	changesMost  = 200
	firstMost    = 3
	editsMost    = 1000
)

// Whether a change can be taken back.
const (
	undoYes     = "yes"
	undoNothing = "nothing"
)

func listChanges(_ *api.API, q *api.Request) error {
	h, kept, err := reader(q)
	if err != nil {
		return err
	}
	v := q.R.URL.Query()
	limit, err := parseLimit(v, changesUsual, changesMost)
	if err != nil {
		return err
	}
	since, err := parseTime(v, "since")
	if err != nil {
		return err
	}
	before, err := parseTime(v, "before")
	if err != nil {
		return err
	}
	var from model.Place
	if s := api.Last(v, "cursor"); s != "" {
		at, ok := history.ParseChangeID(s)
		if !ok {
			return api.Invalid(model.CodeHistoryQuery, "", "The cursor is not one that this server gave out.")
		}
		from = at
	}
	if oldest := q.Now().Add(-kept); since.Before(oldest) {
		since = oldest
	}
	page, err := h.Changes(q.Ctx(), &q.Zone, from, since, before, limit)
	if err != nil {
		return err
	}
	info := listInfoJSON{Count: len(page.Changes), PerPage: limit, Days: int(kept / (24 * time.Hour))}
	if page.Next.ID != "" {
		info.Cursors.After = history.ChangeID(page.Next)
	}
	list := api.Each(page.Changes, func(c *history.Change) changeJSON { return renderChange(c) })
	return q.Send(200, api.Envelope{Result: list, Success: true, ResultInfo: info})
}

func renderChange(c *history.Change) changeJSON {
	out := changeJSON{
		ID: history.ChangeID(c.Place()), When: api.Stamp(c.When), From: c.From, To: c.To, Request: c.Actor.Request, Note: c.Actor.Note,
		Actor: actorJSON{ID: c.Actor.User, Email: c.Actor.Email, Context: c.Actor.Context, Token: c.Actor.Token},
		What:  c.Kind, Records: countsJSON{c.Added, c.Changed, c.Removed}, Imported: c.Imported, Settings: []string{}, First: []string{}, Undo: undoNothing,
	}
	if c.Actor.IP.IsValid() {
		out.Actor.IP = c.Actor.IP.String()
	}
	for _, s := range c.Settings {
		out.Settings = append(out.Settings, s.Name)
	}
	for i := range c.Edits {
		if i == firstMost {
			break
		}
		out.First = append(out.First, history.Words(c.Edits[i].One()))
	}
	for i := range c.Objects {
		if len(out.First) == firstMost {
			break
		}
		out.First = append(out.First, c.Objects[i].Words())
	}
	for _, f := range c.Reverts {
		switch f.Name {
		case "serial":
			out.Reverts = map[string]int64{f.Name: f.Number}
		default:
			out.Reverts = map[string]string{f.Name: f.Text}
		}
	}
	if c.Undoable() {
		out.Undo = undoYes
	}
	return out
}

// pathChange reads which change the path names.
func pathChange(q *api.Request) (model.Place, error) {
	return parseChange(q.R.PathValue("change"))
}

func parseChange(s string) (model.Place, error) {
	at, ok := history.ParseChangeID(s)
	if !ok {
		return at, api.Missing(model.CodeNoChange, "There is no such change of this zone.")
	}
	return at, nil
}

func getChange(_ *api.API, q *api.Request) error {
	h, kept, err := reader(q)
	if err != nil {
		return err
	}
	at, err := pathChange(q)
	if err != nil {
		return err
	}
	c, err := h.Change(q.Ctx(), &q.Zone, at)
	if err != nil {
		return err
	}
	if c.When.Before(q.Now().Add(-kept)) {
		return api.Missing(model.CodeNoChange, "There is no such change of this zone, or none that is kept.")
	}
	out := wholeChangeJSON{changeJSON: renderChange(&c), SettingsChanges: renderSettings(c.Settings)}
	out.Objects = api.Each(c.Objects, func(o *history.ObjectChange) objectChangeJSON {
		return objectChangeJSON{o.Kind, o.ID, o.Action, renderFacts(o.Before), renderFacts(o.After)}
	})
	out.More = max(0, len(c.Edits)-editsMost)
	out.Changes = api.Each(c.Edits[:len(c.Edits)-out.More], func(e *history.RecordChange) recordChangeJSON {
		return recordChangeJSON{action(e), e.ID, renderRecord(&q.Zone, e.Before), renderRecord(&q.Zone, e.After)}
	})
	return q.OK(out)
}

func renderFacts(facts model.AuditFacts) map[string]any {
	if facts == nil {
		return nil
	}
	out := make(map[string]any, len(facts))
	for _, f := range facts {
		if out[f.Name] = f.Number; f.Text != "" {
			out[f.Name] = f.Text
		}
	}
	return out
}

func action(e *history.RecordChange) string {
	switch {
	case e.Before == nil:
		return "add"
	case e.After == nil:
		return "remove"
	}
	return "change"
}

func renderRecord(z *model.Zone, r *model.Record) *record.JSON {
	if r == nil {
		return nil
	}
	out := record.ToJSON(z, r)
	return &out
}

func renderSettings(list []history.SettingChange) []settingChangeJSON {
	return api.Each(list, func(s *history.SettingChange) settingChangeJSON {
		return settingChangeJSON{s.Name, s.Before, s.After}
	})
}
