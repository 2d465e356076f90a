package draft

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// FourEyesRoutes are those of whether a zone is changed by approved drafts alone.
func FourEyesRoutes() []api.Route {
	const path = api.Own + "/zones/{zone_id}/four_eyes"
	return []api.Route{
		api.NewRoute(http.MethodGet, path, api.ScopeZone, api.ZoneRead, getFourEyes),
		api.NewRoute(http.MethodPut, path, api.ScopeZone, api.ZoneWrite, putFourEyes),
	}
}

type fourEyesJSON struct {
	Enabled bool       `json:"enabled"`
	Except  []model.ID `json:"except"`
}

func okFourEyes(q *api.Request, z *model.Zone) error {
	out := fourEyesJSON{Enabled: z.FourEyes != nil, Except: []model.ID{}}
	if z.FourEyes != nil {
		out.Except = append(out.Except, z.FourEyes.Except...)
	}
	return q.OK(out)
}

func getFourEyes(_ *api.API, q *api.Request) error { return okFourEyes(q, &q.Zone) }

// exceptMost bounds the tokens that change a zone by themselves.
const exceptMost = 20

// putFourEyes switches it on or off, or names the tokens that it does not hold for. Once it is on, that is done by a draft itself, or by an
// administrator of the server.
func putFourEyes(_ *api.API, q *api.Request) error {
	var in struct {
		Enabled api.Optional[bool]       `json:"enabled"`
		Except  api.Optional[[]model.ID] `json:"except"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	switch bad := slices.IndexFunc(in.Except.Value, func(id model.ID) bool { return !api.ValidID(string(id)) }); {
	case !in.Enabled.Given():
		return api.Invalid(model.CodeDraftInvalid, "/enabled", "enabled must be true or false.")
	case bad >= 0:
		return api.Invalid(model.CodeDraftInvalid, fmt.Sprintf("/except/%d", bad), "except lists ids of tokens.")
	case len(in.Except.Value) > exceptMost:
		return api.Invalid(model.CodeDraftInvalid, "/except", fmt.Sprintf("except lists %d tokens at most.", exceptMost))
	}
	var next *model.FourEyes
	if in.Enabled.Value {
		next = &model.FourEyes{Except: slices.Compact(slices.Sorted(slices.Values(in.Except.Value)))}
	}
	res, err := q.Change(model.EditZone{Action: "four_eyes", Alone: q.Who.ServerAdmin(), Apply: func(z model.Zone) (model.Zone, error) {
		z.FourEyes = next
		return z, nil
	}})
	if err != nil {
		return err
	}
	return okFourEyes(q, res.Outcomes[0].Zone)
}
