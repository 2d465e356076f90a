package history

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/history"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// revertBody says what a zone is to go back to.
type revertBody struct {
	Serial   *uint32 `json:"serial"`
	Time     *string `json:"time"`
	Change   *string `json:"change"`
	DryRun   bool    `json:"dry_run"`
	Settings *bool   `json:"settings"`
}

type revertJSON struct {
	DryRun   bool                `json:"dry_run"`
	Change   string              `json:"change"`
	From     uint32              `json:"from_serial"`
	To       uint32              `json:"to_serial"`
	Records  recordsDiffJSON     `json:"records"`
	Settings []settingChangeJSON `json:"settings"`
	Left     []string            `json:"left"`
	Policies []objectChangeJSON  `json:"update_policies"`
}

func (b *revertBody) wish() (history.Wish, error) {
	w := history.Wish{Settings: b.Settings == nil || *b.Settings}
	given := 0
	for _, there := range []bool{b.Serial != nil, b.Time != nil, b.Change != nil} {
		if there {
			given++
		}
	}
	if given != 1 {
		return w, api.Invalid(model.CodeHistoryQuery, "", "Say one of serial, time and change.")
	}
	switch {
	case b.Serial != nil:
		w.Point = history.At(*b.Serial)
	case b.Time != nil:
		t, err := time.Parse(time.RFC3339Nano, *b.Time)
		if err != nil {
			return w, api.Invalid(model.CodeHistoryQuery, "/time", "time must be a time as in 2026-11-28T20:00:00Z.")
		}
		w.Point.Time = t
	default:
		at, err := parseChange(*b.Change)
		if err != nil {
			return w, err
		}
		w.Change = &at
	}
	return w, nil
}

// revertTries bounds how often what is to be done is worked out anew for a zone that changes all the time.
const revertTries = 8

func revert(_ *api.API, q *api.Request) error {
	h, kept, err := reader(q)
	if err != nil {
		return err
	}
	var b revertBody
	if err := q.Decode(&b); err != nil {
		return err
	}
	w, err := b.wish()
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		err := revertOnce(q, h, w, kept, b.DryRun)
		var bad *model.Invalid
		if n == revertTries || !errors.As(err, &bad) || bad.Code != model.CodeUndoMoved {
			return told(err)
		}
		if q.Zone, err = q.API.Store.Zone(q.Ctx(), q.Zone.ID); err != nil {
			return api.OrMissing(err, model.CodeZoneInvalid, "Invalid zone identifier")
		}
	}
}

func revertOnce(q *api.Request, h *history.Reader, w history.Wish, kept time.Duration, dry bool) error {
	z := q.Zone
	u, err := h.Undo(q.Ctx(), &z, w, kept)
	if err != nil {
		return err
	}
	out := revertJSON{
		DryRun: dry, From: z.Serial, To: z.Serial, Records: renderEdits(&z, u.Records, diffUsual), Settings: renderSettings(u.Settings), Left: []string{},
	}
	for _, s := range u.Left {
		out.Left = append(out.Left, s.Name)
	}
	out.Policies = api.Each(u.Policies, renderPolicy)
	if u.Empty() {
		return q.OK(out)
	}
	if !maySet(q, u.Settings) || len(u.Policies) > 0 && !q.Who.Can(api.DNSWrite, q.Zone.Account, q.Zone.ID) {
		return auth.Forbidden(false)
	}
	if dry || q.Dry() {
		return tryRevert(q, u, &out)
	}
	res, err := q.Change(u.Edit)
	if err != nil {
		return err
	}
	out.To, out.Change = res.Serial, history.ChangeID(res.Outcomes[0].Zone.Told)
	return q.OK(out)
}

// tryRevert tells what a revert would do.
func tryRevert(q *api.Request, u *history.Undoing, out *revertJSON) error {
	res, p, err := q.Plan(u.Edit)
	if err != nil {
		return err
	}
	out.DryRun, out.To = true, res.Serial
	if q.Dry() {
		return q.Planned(p, out)
	}
	return q.OK(out)
}

func renderPolicy(c *history.PolicyChange) objectChangeJSON {
	out := objectChangeJSON{What: history.KindPolicy, ID: c.ID, Action: "update"}
	switch {
	case c.Before == nil:
		out.Action = "create"
	case c.After == nil:
		out.Action = "delete"
	}
	if c.Before != nil {
		out.Before = renderFacts(c.Before.Facts())
	}
	if c.After != nil {
		out.After = renderFacts(c.After.Facts())
	}
	return out
}

// maySet says whether who asks may change these settings by hand, too.
func maySet(q *api.Request, list []history.SettingChange) bool {
	if len(list) == 0 || q.Who.Can(api.ZoneWrite, q.Zone.Account, q.Zone.ID) {
		return true
	}
	return q.Who.Can(api.SettingsWrite, q.Zone.Account, q.Zone.ID) && !slices.ContainsFunc(list, func(s history.SettingChange) bool {
		return s.Name == "paused" || s.Name == "vanity_name_servers"
	})
}

// clashesMost bounds the conflicts that are named.
const clashesMost = 100

// told names every conflict.
func told(err error) error {
	var c *model.Clashes
	if !errors.As(err, &c) {
		return err
	}
	list := make([]*model.Invalid, 0, min(len(c.List), clashesMost)+1)
	for i := range c.List[:min(len(c.List), clashesMost)] {
		one := *c.List[i].Err
		one.Status = 409
		switch k := &c.List[i]; {
		case k.ID != "":
			one.Pointer = "/records/" + string(k.ID)
		case k.Setting != "":
			one.Pointer = "/settings/" + k.Setting
		case k.Policy != "":
			one.Pointer = "/update_policies/" + string(k.Policy)
		}
		list = append(list, &one)
	}
	if more := len(c.List) - clashesMost; more > 0 {
		list = append(list, &model.Invalid{Code: model.CodeUndoRecord, Message: "There are " + strconv.Itoa(more) + " more conflicts."})
	}
	return api.FailedAll(list)
}
