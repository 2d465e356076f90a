package audit

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// Earlier versions wrote the table audits: a row for each line, of many columns and a document with the objects as JSON. Nodes of
// the version before this one still do, until they are replaced. Nobody writes it otherwise, and the log is read from both.

// earlierColumns are those that the row of a line had instead of the entry.
const earlierColumns = `zone_name, actor, email, ip, action, legacy, resource, resource_id, doc`

// noColumns stand for them in rows that have an entry, and noOctets for the entry in rows that have none: both sides of a union
// have columns of the same types, and this is none of octets.
const (
	noOctets  = `nullif(zone, zone)`
	noColumns = `'', ` + noOctets + `, '', '', '', '', '', ` + noOctets + `, ''`
)

// earlierRow is where they are read to.
type earlierRow struct {
	zone, email, ip, action, legacy, resource, doc string
	actor, object                                  []byte
}

func (r *earlierRow) dest() []any {
	return []any{&r.zone, &r.actor, &r.email, &r.ip, &r.action, &r.legacy, &r.resource, &r.object, &r.doc}
}

// earlierDoc holds the members that no statement looked into.
type earlierDoc struct {
	Token         model.ID
	Context       string
	Request       string
	Before, After earlierObject
}

// earlierObject is a JSON object. What is none stands there in base64.
type earlierObject []byte

// UnmarshalJSON takes both forms.
func (o *earlierObject) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		*o = bytes.Clone(b)
		return nil
	}
	return json.Unmarshal(b, (*[]byte)(o))
}

func (o earlierObject) value() any {
	if len(o) == 0 {
		return nil
	}
	return model.AuditText(o)
}

// into makes an entry of one part of the row.
func (r *earlierRow) into(e *model.Audit) error {
	var doc earlierDoc
	if err := json.Unmarshal([]byte(r.doc), &doc); err != nil {
		return fmt.Errorf("audit entry %s of an earlier version: %w", e.ID, err)
	}
	part := model.AuditPart{
		Action: r.action, Legacy: r.legacy, Resource: r.resource, Before: doc.Before.value(), After: doc.After.value(),
	}
	e.ZoneName = r.zone
	e.Actor = model.Actor{Email: r.email, Token: doc.Token, Context: doc.Context, Request: doc.Request}
	for _, scan := range []error{engine.ToID(&e.Actor.User).Scan(r.actor), engine.ToID(&part.ResourceID).Scan(r.object)} {
		if scan != nil {
			return fmt.Errorf("audit entry %s of an earlier version: %w", e.ID, scan)
		}
	}
	e.Parts = []model.AuditPart{part}
	if r.ip == "" {
		return nil
	}
	if err := e.Actor.IP.UnmarshalText([]byte(r.ip)); err != nil {
		return fmt.Errorf("audit entry %s of an earlier version: %w", e.ID, err)
	}
	return nil
}
