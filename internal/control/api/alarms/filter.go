package alarms

import (
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// kinds are the kinds of events by their names.
//
//nolint:gochecknoglobals // tables
var (
	kinds = map[string]model.EventKind{
		"zone": model.EventZone, "account": model.EventAccount, "secondary": model.EventSecondary, "alarm": model.EventAlarm,
	}
	// Who may hear of secondaries is who may read them.
	secondaryRead = []string{"DNS Read", "Zone Settings Read", "DNS Write", "Zone Settings Write", "Zone Write"}
)

// filter is what a client wants to hear of.
type filter struct {
	account, zone model.ID
	kinds         []model.EventKind // nil: all
}

func readFilter(q *api.Request) (f filter, err error) {
	v := q.R.URL.Query()
	f.account, f.zone = model.ID(api.Last(v, "account_id")), model.ID(api.Last(v, "zone_id"))
	for name, id := range map[string]model.ID{"account_id": f.account, "zone_id": f.zone} {
		if id != "" && !api.ValidID(string(id)) {
			return f, api.Invalid(model.CodeRequestInvalid, "", name+" must be an identifier.")
		}
	}
	if list := api.Last(v, "kinds"); list != "" {
		for name := range strings.SplitSeq(list, ",") {
			kind, known := kinds[name]
			if !known {
				return f, api.Invalid(model.CodeRequestInvalid, "", "kinds must be some of zone, account, secondary and alarm, with commas.")
			}
			f.kinds = append(f.kinds, kind)
		}
	}
	return f, nil
}

func (f *filter) wants(e *model.Event) bool {
	return (f.account == "" || e.Account == f.account) && (f.zone == "" || e.Zone == f.zone) && (f.kinds == nil || slices.Contains(f.kinds, e.Kind))
}

// may says whether who asks may hear of an event.
func may(q *api.Request, e *model.Event) bool {
	switch e.Kind {
	case model.EventZone:
		return q.Who.Can(api.ZoneRead, e.Account, e.Zone)
	case model.EventAccount:
		return q.Who.Can(api.AccSetRead, e.Account, "")
	case model.EventSecondary:
		return q.Who.Can(secondaryRead, e.Account, e.Zone)
	case model.EventAlarm:
		return q.Who.Can(api.AccSetRead, e.Account, "") || e.Zone != "" && q.Who.Can(secondaryRead, e.Account, e.Zone)
	}
	return false
}
