package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// auditDoc holds the members of an audit entry that no statement looks into.
type auditDoc struct {
	auditHead
	Before, After object
}

type auditHead struct {
	Token   model.ID
	Context string
	Request string
}

// object is a JSON object inside a row. What is none stands there in base64.
type object []byte

// UnmarshalJSON takes both forms.
func (o *object) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		*o = bytes.Clone(b)
		return nil
	}
	return json.Unmarshal(b, (*[]byte)(o))
}

func (o object) append(dst []byte) []byte {
	if n := len(o); n > 0 && o[0] == '{' && o[n-1] == '}' {
		return append(dst, o...)
	}
	b, _ := json.Marshal([]byte(o)) // octets can always be encoded
	return append(dst, b...)
}

// auditText writes the document of an entry by hand: entries come with every record, and theirs are objects already.
func auditText(a *model.Audit) (string, error) {
	head, err := json.Marshal(auditHead{a.Actor.Token, a.Actor.Context, a.Actor.Request})
	if err != nil {
		return "", fmt.Errorf("encode row: %w", err)
	}
	b := append(slices.Grow(head, len(a.Before)+len(a.After)+32)[:len(head)-1], `,"Before":`...)
	b = append(object(a.Before).append(b), `,"After":`...)
	return string(append(object(a.After).append(b), '}')), nil
}

// Store is the audit log.
type Store struct{ db *engine.DB }

// New gives the audit log of a database.
func New(db *engine.DB) *Store { return &Store{db} }

// Put writes audit entries.
func Put(ctx context.Context, c engine.Conn, list []model.Audit) error {
	const text, width = `audits (account, at, id, zone, zone_name, actor, email, ip, action, legacy, resource,
		resource_id, doc)`, 13
	docs := make([]string, len(list))
	for i := range list {
		var err error
		if docs[i], err = auditText(&list[i]); err != nil {
			return err
		}
	}
	err := c.PostInsert(ctx, text, "", len(list), width, func(args []any, i int) []any {
		a := &list[i]
		ip := ""
		if a.Actor.IP.IsValid() {
			ip = a.Actor.IP.String()
		}
		return append(args, engine.ID(a.Account), engine.Micros(a.When), engine.ID(a.ID), engine.ID(a.Zone), a.ZoneName, engine.ID(a.Actor.User), engine.WellFormed(a.Actor.Email), ip,
			a.Action, a.Legacy, a.Resource, engine.ID(a.ResourceID), docs[i])
	}, nil)
	if err != nil {
		return fmt.Errorf("write %d audit entries: %w", len(list), err)
	}
	return nil
}

var auditFields = map[string]engine.Field{
	"id": engine.Column("id", engine.IDField), "action": engine.Column("action", engine.TextField), "action.type": engine.Column("action", engine.TextField),
	"action.legacy": engine.Column("legacy", engine.TextField), "actor.id": engine.Column("actor", engine.IDField), "actor.email": engine.Column("email", engine.TextField),
	"actor.ip": engine.Column("ip", engine.TextField), "resource.type": engine.Column("resource", engine.TextField), "resource.id": engine.Column("resource_id", engine.IDField),
	"zone.id": engine.Column("zone", engine.IDField), "zone.name": engine.Column("zone_name", engine.TextField),
}

// Cursor is the AuditQuery.After that continues after the entry.
func Cursor(a *model.Audit) string {
	return strconv.FormatInt(engine.Micros(a.When), 10) + "_" + string(a.ID)
}

func parseAuditCursor(s string) (at int64, entry model.ID, err error) {
	when, rest, ok := strings.Cut(s, "_")
	if at, err = strconv.ParseInt(when, 10, 64); err != nil || !ok || len(engine.ID(model.ID(rest))) != engine.IDSize {
		return 0, "", &model.Invalid{Code: model.CodeAuditQuery, Message: "The cursor is not one that this server gave out."}
	}
	return at, model.ID(rest), nil
}

// AuditLog lists entries in the query's direction. Since is inclusive, Before is exclusive. Filters on one field with
// OpExact are alternatives; everything else is joined by and. A Zone empty means every entry of the account.
func (s *Store) AuditLog(ctx context.Context, q model.AuditQuery) ([]model.Audit, error) {
	w := engine.NewWhere(s.db.Dialect)
	w.Add("account = ?", engine.ID(q.Account))
	if q.Zone != "" {
		w.Add("zone = ?", engine.ID(q.Zone))
	}
	if q.Since != 0 {
		w.Add("at >= ?", q.Since)
	}
	if q.Before != 0 {
		w.Add("at < ?", q.Before)
	}
	if err := auditFilters(&w, q.Filters); err != nil {
		return nil, fmt.Errorf("list audit log: %w", err)
	}
	if q.After != "" {
		at, entry, err := parseAuditCursor(q.After)
		if err != nil {
			return nil, err
		}
		than := "<"
		if q.Ascending {
			than = ">"
		}
		w.Add("(at, id) "+than+" (?, ?)", at, engine.ID(entry))
	}
	text := `SELECT account, at, id, zone, zone_name, actor, email, ip, action, legacy, resource, resource_id, doc FROM audits` +
		w.Text() + ` ORDER BY ` + engine.Ordered(!q.Ascending, "at", "id")
	text, args := engine.Paged(text, w.Arguments(), q.Offset, q.Limit)
	var out []model.Audit
	err := s.db.Read.Each(ctx, func(r *engine.Rows) error {
		a, err := scanAudit(r)
		out = append(out, a)
		return err
	}, text, args...)
	if err != nil {
		return nil, fmt.Errorf("list audit log: %w", err)
	}
	return out, nil
}

// auditFilters joins exact conditions on the same field by or.
func auditFilters(w *engine.Where, list []model.Filter) error {
	done := map[string]bool{}
	for i, f := range list {
		known, ok := auditFields[f.Field]
		if !ok {
			return engine.ErrField(f.Field)
		}
		if f.Op != model.OpExact {
			w.Filter(known, &f)
			continue
		}
		if done[f.Field] {
			continue
		}
		done[f.Field] = true
		w.Group(false, func(g *engine.Where) {
			for _, other := range list[i:] {
				if other.Field == f.Field && other.Op == model.OpExact {
					g.Filter(known, &other)
				}
			}
		})
	}
	return nil
}

func scanAudit(r *engine.Rows) (a model.Audit, err error) {
	var d auditDoc
	var ip string
	err = r.Scan(engine.ToID(&a.Account), engine.ToTime(&a.When), engine.ToID(&a.ID), engine.ToID(&a.Zone), &a.ZoneName, engine.ToID(&a.Actor.User), &a.Actor.Email,
		&ip, &a.Action, &a.Legacy, &a.Resource, engine.ToID(&a.ResourceID), engine.ToDoc(&d))
	if err != nil {
		return a, fmt.Errorf("scan audit entry: %w", err)
	}
	a.Actor.Token, a.Actor.Context, a.Actor.Request = d.Token, d.Context, d.Request
	a.Before, a.After = engine.OrNil(d.Before), engine.OrNil(d.After)
	if ip != "" {
		err = a.Actor.IP.UnmarshalText([]byte(ip))
	}
	return a, err
}
