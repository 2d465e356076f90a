package history

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
)

// Kinds of changes, by the main thing that they did.
const (
	KindRecords  = "records"
	KindImport   = "import"
	KindSettings = "settings"
	KindCreate   = "create"
	KindDelete   = "delete"
	KindUndelete = "undelete"
	KindRevert   = "revert"
	KindSerial   = "serial"
	KindDraft    = "draft"         // of a draft: the zone stays as it is
	KindPolicy   = "update_policy" // which keys may update the zone by messages
	KindKeys     = "keys"          // of a signed zone
	KindNotify   = "notify"        // secondaries were told by hand
	KindRebuild  = "rebuild"       // what secondaries have was made anew from the records
	KindOther    = "other"         // what a later version has told
)

// kinds are what an entry tells that is neither of records nor of the zone's own members, by its resource. What there is must stand here: a
// test holds the table against all that is told of zones.
//
//nolint:gochecknoglobals // table
var kinds = map[string]string{
	"zone.revert": KindRevert, "zone.serial": KindSerial, "zone.draft": KindDraft, "zone.update_policy": KindPolicy, "zone.dnssec": KindKeys,
	"zone.outgoing": KindNotify, "zone.rebuild": KindRebuild,
}

// Change is one change of a zone.
type Change struct {
	model.AuditHead

	Kind                     string
	Added, Changed, Removed  int
	Imported                 int
	Settings                 []SettingChange
	Edits                    []RecordChange // as far as they are told one by one
	Objects                  []ObjectChange
	Reverts                  model.AuditFacts
	undoable, undoableImport bool
	zone                     bool // members of the zone are others
}

// Undoable says that there is something in the change that can be taken back.
func (c *Change) Undoable() bool { return c.undoable || c.undoableImport }

// ObjectChange is what happened to something that belongs to a zone, and is no record and no setting; either of the two may be nil.
type ObjectChange struct {
	Kind          string
	ID            model.ID
	Action        string // create, update, delete or view
	Before, After model.AuditFacts
}

// Words tells it in a line: what it was, or is.
func (o *ObjectChange) Words() string {
	facts := o.After
	if facts == nil {
		facts = o.Before
	}
	return facts.Words()
}

// RecordChange is what happened to a record; one of the two may be nil.
type RecordChange struct {
	ID            model.ID
	Before, After *model.Record
}

// ChangeID is how a change is named to others: by its place.
func ChangeID(p model.Place) string { return strconv.FormatInt(p.At, 10) + "_" + string(p.ID) }

// ParseChangeID reads what ChangeID wrote.
func ParseChangeID(s string) (p model.Place, ok bool) {
	at, id, found := strings.Cut(s, "_")
	n, err := strconv.ParseInt(at, 10, 64)
	if err != nil || !found || len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
		return p, false
	}
	return model.Place{At: n, ID: model.ID(id)}, true
}

// describe tells what an entry says.
func describe(e *model.Audit) Change {
	c := Change{AuditHead: e.AuditHead}
	for i := range e.Parts {
		c.take(&e.Parts[i])
	}
	c.undoable = len(c.Edits) > 0
	for _, s := range c.Settings {
		c.undoable = c.undoable || s.Undone
	}
	for i := range c.Objects {
		c.undoable = c.undoable || c.Objects[i].Kind == KindPolicy
	}
	if c.Kind == "" {
		c.Kind = c.main()
	}
	return c
}

// main is the main thing that a change did which is none of a zone's life.
func (c *Change) main() string {
	switch {
	case c.Imported > 0:
		return KindImport
	case len(c.Edits) > 0:
		return KindRecords
	case len(c.Settings) > 0:
		return KindSettings
	case len(c.Objects) > 0:
		return c.Objects[0].Kind
	case c.zone: // a member that nobody is told of
		return KindSettings
	}
	return KindOther
}

func (c *Change) take(p *model.AuditPart) {
	if _, n, ok := importOf(p); ok {
		c.Imported += n
		c.undoableImport = true
		return
	}
	if before, after := recordOf(p.Before), recordOf(p.After); before != nil || after != nil {
		c.Edits = append(c.Edits, RecordChange{p.ResourceID, before, after})
		switch {
		case before == nil:
			c.Added++
		case after == nil:
			c.Removed++
		default:
			c.Changed++
		}
		return
	}
	before, was := p.Before.(model.Zone)
	after, is := p.After.(model.Zone)
	facts, _ := p.After.(model.AuditFacts)
	old, _ := p.Before.(model.AuditFacts)
	switch kind := kinds[p.Resource]; {
	case was && is:
		c.zone = true
		c.Settings = append(c.Settings, settingsBetween(&before, &after)...)
	case is && p.Action == "undelete":
		c.Kind = KindUndelete
	case is:
		c.Kind = KindCreate
	case was:
		c.Kind = KindDelete
	case kind == KindRevert:
		c.Kind, c.Reverts = KindRevert, facts
	case kind == KindSerial:
		c.Kind = KindSerial
	case kind != "":
		c.Objects = append(c.Objects, ObjectChange{kind, p.ResourceID, p.Action, old, facts})
	}
}

// Words tells a record in a line.
func Words(r *model.Record) string {
	return r.Type.String() + " " + r.Name.Host() + " " + rr.FormatData(r.Type, r.RData)
}

// Page is some changes, newest first. Next is where the ones before them begin, the zero Place at the end.
type Page struct {
	Changes []Change
	Next    model.Place
}

// Changes lists changes of a zone from a place in its history on, the zero Place for the newest; at most so many, none older than
// since, and none as young as before or younger.
func (h *Reader) Changes(ctx context.Context, z *model.Zone, from model.Place, since, before time.Time, limit int) (out Page, err error) {
	if from.ID == "" {
		from = z.Told
	}
	err = h.Store.ZoneHistory(ctx, z.Account, z.ID, from, func(e *model.Audit, earlier model.Place) (bool, error) {
		switch {
		case e.When.Before(since):
			out.Next = model.Place{}
			return false, nil
		case !before.IsZero() && !e.When.Before(before):
			return true, nil
		}
		out.Changes = append(out.Changes, describe(e))
		out.Next = earlier
		return len(out.Changes) < limit, nil
	})
	return out, err
}

// Change reads one change; model.ErrNotFound where the zone has no such.
func (h *Reader) Change(ctx context.Context, z *model.Zone, at model.Place) (out Change, err error) {
	e, err := h.entry(ctx, z, at)
	if err != nil {
		return out, err
	}
	return describe(e), nil
}

func (h *Reader) entry(ctx context.Context, z *model.Zone, at model.Place) (out *model.Audit, err error) {
	err = h.Store.ZoneHistory(ctx, z.Account, z.ID, at, func(e *model.Audit, _ model.Place) (bool, error) {
		out = e
		return false, nil
	})
	if err == nil && out == nil {
		err = invalid(model.CodeNoChange, 404, "There is no such change of this zone, or none that is kept.")
	}
	return out, err
}
