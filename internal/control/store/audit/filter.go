package audit

import (
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// Fields that the key knows, too.
const (
	fieldID   = "id"
	fieldZone = "zone.id"
)

// fields are what lines can be filtered by.
var fields = map[string]func(*model.AuditLine) string{
	fieldID:         func(l *model.AuditLine) string { return string(l.ID) },
	fieldZone:       func(l *model.AuditLine) string { return string(l.Zone) },
	"action":        func(l *model.AuditLine) string { return l.Action },
	"action.type":   func(l *model.AuditLine) string { return l.Action },
	"action.legacy": func(l *model.AuditLine) string { return l.Legacy },
	"actor.id":      func(l *model.AuditLine) string { return string(l.Actor.User) },
	"actor.email":   func(l *model.AuditLine) string { return l.Actor.Email },
	"resource.type": func(l *model.AuditLine) string { return l.Resource },
	"resource.id":   func(l *model.AuditLine) string { return string(l.ResourceID) },
	"zone.name":     func(l *model.AuditLine) string { return l.ZoneName },
	"actor.ip": func(l *model.AuditLine) string {
		if !l.Actor.IP.IsValid() {
			return ""
		}
		return l.Actor.IP.String()
	},
}

// exact are the values of the conditions on a field that are alternatives.
func exact(list []model.Filter, field string) (out []model.ID) {
	for _, f := range list {
		if f.Field == field && f.Op == model.OpExact {
			out = append(out, model.ID(strings.ToLower(f.Value)))
		}
	}
	return out
}

// filtersOf makes one test of many: those that want the same field to have a value are alternatives.
func filtersOf(list []model.Filter) (func(*model.AuditLine) bool, error) {
	type condition struct {
		of   func(*model.AuditLine) string
		not  bool
		want map[string]bool
	}
	var all []*condition
	alike := map[string]*condition{}
	for _, f := range list {
		of, known := fields[f.Field]
		if !known {
			return nil, engine.ErrField(f.Field)
		}
		c := alike[f.Field]
		if f.Op != model.OpExact || c == nil {
			c = &condition{of: of, not: f.Op == model.OpNotEqual, want: map[string]bool{}}
			all = append(all, c)
		}
		if f.Op == model.OpExact {
			alike[f.Field] = c
		}
		c.want[engine.LowerASCII(f.Value)] = true
	}
	return func(l *model.AuditLine) bool {
		for _, c := range all {
			if c.want[engine.LowerASCII(c.of(l))] == c.not {
				return false
			}
		}
		return true
	}, nil
}
