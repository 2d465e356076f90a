// Package rooms lists the operations of all rooms of the API, for whoever serves them. It knows the rooms and nothing of what
// they do.
package rooms

import (
	"slices"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/alarms"
	"github.com/headwaterdns/headwater/internal/control/api/draft"
	"github.com/headwaterdns/headwater/internal/control/api/history"
	"github.com/headwaterdns/headwater/internal/control/api/insight"
	"github.com/headwaterdns/headwater/internal/control/api/people"
	"github.com/headwaterdns/headwater/internal/control/api/record"
	"github.com/headwaterdns/headwater/internal/control/api/transfer"
	"github.com/headwaterdns/headwater/internal/control/api/zone"
	"github.com/headwaterdns/headwater/internal/control/api/zonefile"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// Routes are the operations of every room. What the rooms of zones write, they write by changes, which can be planned.
func Routes() []api.Route {
	planned := api.Planned(slices.Concat(zone.Routes(), record.Routes(), zonefile.Routes(), transfer.Routes(), draft.FourEyesRoutes(), history.Routes()))
	return slices.Concat(planned, people.Routes(), draft.Routes(), alarms.Routes(), insight.Routes())
}

// RenderPlan makes JSON of a plan.
func RenderPlan(q *api.Request, p *model.Plan, answer any) any { return draft.RenderPlan(q, p, answer) }
