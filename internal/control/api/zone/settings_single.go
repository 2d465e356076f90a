package zone

import (
	"github.com/headwaterdns/headwater/internal/control/api"
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
	ID         string    `json:"id"`
	Value      bool      `json:"value"`
	ModifiedOn api.Stamp `json:"modified_on"`
}

func okApexNS(q *api.Request, z *model.Zone) error {
	return q.OK(apexNSJSON{idApexNS, z.Settings.MultiProvider, api.Stamp(z.Modified)})
}

func getApexNS(a *api.API, q *api.Request) error { return okApexNS(q, &q.Zone) }

// editApexNS is the mission's sixth step under its older name.
func editApexNS(a *api.API, q *api.Request) error {
	var b struct {
		ID    api.Optional[string] `json:"id"`
		Value api.Optional[bool]   `json:"value"`
	}
	if err := q.Decode(&b); err != nil {
		return err
	}
	if b.ID.Given() && b.ID.Value != idApexNS {
		return badSetting("/id", "id must be use_apex_ns.")
	}
	if !b.Value.Given() {
		return badSetting("/value", "value is required.")
	}
	z, err := editZoneSettings(q, func(s *model.Settings) error {
		s.MultiProvider = b.Value.Value
		return nil
	})
	if err != nil {
		return err
	}
	return okApexNS(q, z)
}

type flatteningJSON struct {
	ID         string    `json:"id"`
	Value      string    `json:"value"`
	Editable   bool      `json:"editable"`
	ModifiedOn api.Stamp `json:"modified_on"`
}

func okFlattening(q *api.Request, z *model.Zone) error {
	value := flattenRoot
	if z.Settings.FlattenAll {
		value = flattenAll
	}
	return q.OK(flatteningJSON{idFlattening, value, true, api.Stamp(z.Modified)})
}

func getFlattening(a *api.API, q *api.Request) error { return okFlattening(q, &q.Zone) }

func editFlattening(a *api.API, q *api.Request) error {
	var b struct {
		Value api.Optional[string] `json:"value"`
	}
	if err := q.Decode(&b); err != nil {
		return err
	}
	switch b.Value.Value {
	case flattenAll, flattenRoot, flattenNone:
	default:
		return badSetting("/value", "value must be flatten_at_root, flatten_all or flatten_none.")
	}
	z, err := editZoneSettings(q, func(s *model.Settings) error {
		s.FlattenAll = b.Value.Value == flattenAll
		return nil
	})
	if err != nil {
		return err
	}
	return okFlattening(q, z)
}
