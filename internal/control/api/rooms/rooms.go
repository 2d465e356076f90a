// Package rooms lists the operations of all rooms of the API, for whoever serves them. It knows the rooms and nothing of what
// they do.
package rooms

import (
	"slices"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/alarms"
	"github.com/headwaterdns/headwater/internal/control/api/history"
	"github.com/headwaterdns/headwater/internal/control/api/insight"
	"github.com/headwaterdns/headwater/internal/control/api/people"
	"github.com/headwaterdns/headwater/internal/control/api/record"
	"github.com/headwaterdns/headwater/internal/control/api/transfer"
	"github.com/headwaterdns/headwater/internal/control/api/zone"
	"github.com/headwaterdns/headwater/internal/control/api/zonefile"
)

// Routes are the operations of every room.
func Routes() []api.Route {
	return slices.Concat(zone.Routes(), record.Routes(), zonefile.Routes(), transfer.Routes(), people.Routes(), alarms.Routes(), insight.Routes(), history.Routes())
}
