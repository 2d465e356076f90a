package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
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

// putAudits writes audit entries.
func putAudits(ctx context.Context, c conn, list []model.Audit) error {
	const text, width = `audits (account, at, id, zone, zone_name, actor, email, ip, action, legacy, resource,
		resource_id, doc)`, 13
	docs := make([]string, len(list))
	for i := range list {
		var err error
		if docs[i], err = auditText(&list[i]); err != nil {
			return err
		}
	}
	_, err := c.insert(ctx, text, "", len(list), width, func(args []any, i int) []any {
		a := &list[i]
		ip := ""
		if a.Actor.IP.IsValid() {
			ip = a.Actor.IP.String()
		}
		return append(args, id(a.Account), micros(a.When), id(a.ID), id(a.Zone), a.ZoneName, id(a.Actor.User), wellFormed(a.Actor.Email), ip,
			a.Action, a.Legacy, a.Resource, id(a.ResourceID), docs[i])
	})
	if err != nil {
		return fmt.Errorf("write %d audit entries: %w", len(list), err)
	}
	return nil
}

// Audit adds audit entries.
func (t *Tx) Audit(ctx context.Context, a []model.Audit) error { return putAudits(ctx, t.c, a) }

var auditFields = map[string]field{
	"id": {"id", idField}, "action": {"action", textField}, "action.type": {"action", textField},
	"action.legacy": {"legacy", textField}, "actor.id": {"actor", idField}, "actor.email": {"email", textField},
	"actor.ip": {"ip", textField}, "resource.type": {"resource", textField}, "resource.id": {"resource_id", idField},
	"zone.id": {"zone", idField}, "zone.name": {"zone_name", textField},
}

// AuditCursor is the AuditQuery.After that continues after the entry.
func AuditCursor(a *model.Audit) string {
	return strconv.FormatInt(micros(a.When), 10) + "_" + string(a.ID)
}

func parseAuditCursor(s string) (at int64, entry model.ID, err error) {
	when, rest, ok := strings.Cut(s, "_")
	if at, err = strconv.ParseInt(when, 10, 64); err != nil || !ok || len(id(model.ID(rest))) != idSize {
		return 0, "", &model.Invalid{Code: model.CodeAuditQuery, Message: "The cursor is not one that this server gave out."}
	}
	return at, model.ID(rest), nil
}

// AuditLog lists entries in the query's direction. Since is inclusive, Before is exclusive. Filters on one field with
// OpExact are alternatives; everything else is joined by and. A Zone empty means every entry of the account.
func (s *Store) AuditLog(ctx context.Context, q model.AuditQuery) ([]model.Audit, error) {
	w := where{d: s.d}
	w.add("account = ?", id(q.Account))
	if q.Zone != "" {
		w.add("zone = ?", id(q.Zone))
	}
	if q.Since != 0 {
		w.add("at >= ?", q.Since)
	}
	if q.Before != 0 {
		w.add("at < ?", q.Before)
	}
	if err := w.auditFilters(q.Filters); err != nil {
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
		w.add("(at, id) "+than+" (?, ?)", at, id(entry))
	}
	text := `SELECT account, at, id, zone, zone_name, actor, email, ip, action, legacy, resource, resource_id, doc FROM audits` +
		w.text() + ` ORDER BY ` + ordered(!q.Ascending, "at", "id")
	text, args := paged(text, w.args, q.Offset, q.Limit)
	var out []model.Audit
	err := s.read.each(ctx, func(r *sql.Rows) error {
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
func (w *where) auditFilters(list []model.Filter) error {
	done := map[string]bool{}
	for i, f := range list {
		known, ok := auditFields[f.Field]
		if !ok {
			return errField(f.Field)
		}
		if f.Op != model.OpExact {
			w.filter(known, f.Op, f.Value)
			continue
		}
		if done[f.Field] {
			continue
		}
		done[f.Field] = true
		w.group(false, func(g *where) {
			for _, other := range list[i:] {
				if other.Field == f.Field && other.Op == model.OpExact {
					g.filter(known, other.Op, other.Value)
				}
			}
		})
	}
	return nil
}

func scanAudit(r *sql.Rows) (a model.Audit, err error) {
	var d auditDoc
	var ip string
	err = r.Scan(toID{&a.Account}, toTime{&a.When}, toID{&a.ID}, toID{&a.Zone}, &a.ZoneName, toID{&a.Actor.User}, &a.Actor.Email,
		&ip, &a.Action, &a.Legacy, &a.Resource, toID{&a.ResourceID}, toDoc{&d})
	if err != nil {
		return a, fmt.Errorf("scan audit entry: %w", err)
	}
	a.Actor.Token, a.Actor.Context, a.Actor.Request = d.Token, d.Context, d.Request
	a.Before, a.After = orNil(d.Before), orNil(d.After)
	if ip != "" {
		err = a.Actor.IP.UnmarshalText([]byte(ip))
	}
	return a, err
}
