package api

import (
	"github.com/headwaterdns/headwater/internal/control/model"
)

// Two settings have paths of their own, older than dns_settings: each is another name of a value there.
const (
	idApexNS     = "use_apex_ns"
	idFlattening = "cname_flattening"

	flattenAll  = "flatten_all"
	flattenRoot = "flatten_at_root"
	flattenNone = "flatten_none" // what the upstream once called flatten_at_root
)

type apexNSJSON struct {
	ID         string `json:"id"`
	Value      bool   `json:"value"`
	ModifiedOn stamp  `json:"modified_on"`
}

func (q *request) okApexNS(z *model.Zone) error {
	return q.ok(apexNSJSON{idApexNS, z.Settings.MultiProvider, stamp(z.Modified)})
}

func (a *api) getApexNS(q *request) error { return q.okApexNS(&q.zone) }

// editApexNS is the mission's sixth step under its older name.
func (a *api) editApexNS(q *request) error {
	var b struct {
		ID    optional[string] `json:"id"`
		Value optional[bool]   `json:"value"`
	}
	if err := q.decode(&b); err != nil {
		return err
	}
	if b.ID.given() && b.ID.Value != idApexNS {
		return badSetting("/id", "id must be use_apex_ns.")
	}
	if !b.Value.given() {
		return badSetting("/value", "value is required.")
	}
	z, err := q.editZoneSettings(func(s *model.Settings) error {
		s.MultiProvider = b.Value.Value
		return nil
	})
	if err != nil {
		return err
	}
	return q.okApexNS(z)
}

type flatteningJSON struct {
	ID         string `json:"id"`
	Value      string `json:"value"`
	Editable   bool   `json:"editable"`
	ModifiedOn stamp  `json:"modified_on"`
}

func (q *request) okFlattening(z *model.Zone) error {
	value := flattenRoot
	if z.Settings.FlattenAll {
		value = flattenAll
	}
	return q.ok(flatteningJSON{idFlattening, value, true, stamp(z.Modified)})
}

func (a *api) getFlattening(q *request) error { return q.okFlattening(&q.zone) }

func (a *api) editFlattening(q *request) error {
	var b struct {
		Value optional[string] `json:"value"`
	}
	if err := q.decode(&b); err != nil {
		return err
	}
	switch b.Value.Value {
	case flattenAll, flattenRoot, flattenNone:
	default:
		return badSetting("/value", "value must be flatten_at_root, flatten_all or flatten_none.")
	}
	z, err := q.editZoneSettings(func(s *model.Settings) error {
		s.FlattenAll = b.Value.Value == flattenAll
		return nil
	})
	if err != nil {
		return err
	}
	return q.okFlattening(z)
}
