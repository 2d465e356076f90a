package transfer

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

//nolint:gochecknoglobals // tables
var (
	outgoingRead  = []string{"DNS Read", "Zone Settings Read", "DNS Write", "Zone Settings Write", "Zone Write"}
	outgoingWrite = []string{"DNS Write", "Zone Settings Write", "Zone Write"}
)

func outgoingRoutes() []api.Route {
	const path = api.Client + "/zones/{zone_id}/secondary_dns/outgoing"
	return []api.Route{
		api.NewRoute(http.MethodGet, path, api.ScopeZone, outgoingRead, getOutgoing),
		api.NewRoute(http.MethodPost, path, api.ScopeZone, outgoingWrite, createOutgoing),
		api.NewRoute(http.MethodPut, path, api.ScopeZone, outgoingWrite, putOutgoing),
		api.NewRoute(http.MethodDelete, path, api.ScopeZone, outgoingWrite, deleteOutgoing),
		api.NewRoute(http.MethodPost, path+"/enable", api.ScopeZone, outgoingWrite, enableOutgoing),
		api.NewRoute(http.MethodPost, path+"/disable", api.ScopeZone, outgoingWrite, disableOutgoing),
		api.NewRoute(http.MethodPost, path+"/force_notify", api.ScopeZone, outgoingWrite, forceNotify),
		api.NewRoute(http.MethodGet, path+"/status", api.ScopeZone, outgoingRead, outgoingStatus),
	}
}

// The strings that the switches answer.
const (
	enabledText  = "Enabled"
	disabledText = "Disabled"
	notifiedText = "OK"
)

// outgoingJSON is a zone's outgoing configuration; its id is the zone's.
type outgoingJSON struct {
	ID          model.ID   `json:"id"`
	Name        string     `json:"name"`
	Peers       []model.ID `json:"peers"`
	Serial      uint32     `json:"soa_serial"`
	Created     api.Stamp  `json:"created_time"`
	Checked     api.Stamp  `json:"checked_time"`
	Transferred api.Stamp  `json:"last_transferred_time"`
}

// renderOutgoing adds what is known of the linked peers: when one was last heard of, and when one last took the zone.
func renderOutgoing(q *api.Request, z *model.Zone) (outgoingJSON, error) {
	out := outgoingJSON{
		ID: z.ID, Name: z.Outgoing.Name, Peers: z.Outgoing.Peers, Serial: z.Serial, Created: api.Stamp(z.Outgoing.Created),
	}
	if out.Peers == nil {
		out.Peers = []model.ID{}
	}
	if q.API.Secondaries == nil {
		return out, nil
	}
	known, err := q.API.Secondaries(q.Ctx(), *z)
	if err != nil {
		return out, err
	}
	for _, p := range known.Peers {
		out.Checked = later(out.Checked, p.Seen)
		if p.LastTransfer != nil {
			out.Transferred = later(out.Transferred, p.LastTransfer.On)
		}
	}
	return out, nil
}

func later(a api.Stamp, b time.Time) api.Stamp {
	if b.After(time.Time(a)) {
		return api.Stamp(b)
	}
	return a
}

func noOutgoing() error {
	return api.Missing(model.CodeOutgoingMissing, "The zone has no outgoing zone transfer configuration.")
}

func getOutgoing(a *api.API, q *api.Request) error {
	if q.Zone.Outgoing == nil {
		return noOutgoing()
	}
	return okOutgoing(q, &q.Zone)
}

func okOutgoing(q *api.Request, z *model.Zone) error {
	out, err := renderOutgoing(q, z)
	if err != nil {
		return err
	}
	return q.OK(out)
}

// readOutgoing reads the body. A name that is sent must be the zone's, in whatever spelling; it is kept as sent.
func readOutgoing(q *api.Request) (name string, peers []model.ID, err error) {
	var in struct {
		Name  *string                 `json:"name"`
		Peers *[]api.Optional[string] `json:"peers"`
	}
	if err := q.Decode(&in); err != nil {
		return "", nil, err
	}
	if in.Name != nil && *in.Name != "" {
		if name = *in.Name; !names(name, q.Zone.Name) {
			return "", nil, api.Invalid(model.CodeOutgoingName, "/name", "The name must be the name of the zone.")
		}
	}
	if in.Peers == nil {
		return "", nil, api.Invalid(model.CodeOutgoingPeers, "/peers", "The peers must be a list of ids; it may be empty.")
	}
	peers = make([]model.ID, 0, len(*in.Peers))
	for _, p := range *in.Peers {
		if !api.ValidID(p.Value) {
			return "", nil, api.Invalid(model.CodeOutgoingPeers, "/peers", "The peers must be ids of peers.")
		}
		peers = append(peers, model.ID(p.Value))
	}
	return name, peers, nil
}

// names says whether text, in Unicode or A-labels, with or without final dot, spells n.
func names(text string, n wire.Name) bool {
	ascii, err := rr.ToASCII(text)
	if err != nil {
		return false
	}
	got, err := wire.ParseName(ascii)
	return err == nil && got == n
}

func createOutgoing(a *api.API, q *api.Request) error {
	name, peers, err := readOutgoing(q)
	if err != nil {
		return err
	}
	if name == "" {
		name = q.Zone.Name.Host()
	}
	now := q.Now()
	return editOutgoing(q, "outgoing.create", func(z model.Zone) (model.Zone, error) {
		if z.Outgoing != nil {
			return z, api.Invalid(model.CodeOutgoingExists, "", "The zone has an outgoing zone transfer configuration already.")
		}
		z.Outgoing = &model.Outgoing{Name: name, Peers: peers, Created: now, Modified: now}
		return z, nil
	})
}

func putOutgoing(a *api.API, q *api.Request) error {
	name, peers, err := readOutgoing(q)
	if err != nil {
		return err
	}
	now := q.Now()
	return editOutgoing(q, "outgoing.update", func(z model.Zone) (model.Zone, error) {
		if z.Outgoing == nil {
			return z, noOutgoing()
		}
		o := *z.Outgoing
		if name != "" {
			o.Name = name
		}
		if o.Name == z.Outgoing.Name && slices.Equal(o.Peers, peers) {
			return z, nil
		}
		o.Peers, o.Modified = peers, now
		maps.DeleteFunc(o.Groups, func(p model.ID, _ string) bool { return !linked(&o, p) })
		z.Outgoing = &o
		return z, nil
	})
}

func editOutgoing(q *api.Request, action string, apply func(model.Zone) (model.Zone, error)) error {
	res, err := q.Change(model.EditZone{Action: action, Apply: apply})
	if err != nil {
		return api.PointAt(err, map[int]string{
			model.CodeOutgoingPeers: "/peers", model.CodeOutgoingTooMany: "/peers", model.CodePeersTSIGDiffer: "/peers",
		})
	}
	return okOutgoing(q, res.Outcomes[0].Zone)
}

func deleteOutgoing(a *api.API, q *api.Request) error {
	_, err := q.Change(model.EditZone{Action: "outgoing.delete", Apply: func(z model.Zone) (model.Zone, error) {
		if z.Outgoing == nil {
			return z, noOutgoing()
		}
		z.Outgoing = nil
		return z, nil
	}})
	if err != nil {
		return err
	}
	return q.OK(api.IDOnly{ID: q.Zone.ID})
}

func enableOutgoing(a *api.API, q *api.Request) error {
	return switchOutgoing(q, "outgoing.enable", true, enabledText)
}

func disableOutgoing(a *api.API, q *api.Request) error {
	return switchOutgoing(q, "outgoing.disable", false, disabledText)
}

// switchOutgoing sets the switch; setting it to what it is changes nothing. Enabling what the zone is not entitled to is
// refused even when the switch stands there already: nothing would be transferred.
func switchOutgoing(q *api.Request, action string, on bool, answer string) error {
	_, err := q.Change(model.EditZone{Action: action, Apply: func(z model.Zone) (model.Zone, error) {
		if z.Outgoing == nil {
			return z, noOutgoing()
		}
		if z.Outgoing.Enabled == on {
			return z, nil
		}
		o := *z.Outgoing
		o.Enabled = on
		z.Outgoing = &o
		return z, nil
	}})
	if err != nil {
		return err
	}
	if on {
		entitled, err := Entitled(q)
		if err != nil {
			return err
		}
		if !entitled {
			return api.Invalid(model.CodeNotEntitled, "", "Outgoing zone transfers are not available to this account or zone.")
		}
	}
	return q.OK(answer)
}

// Entitled says whether the zone may be transferred: what it says itself, or else its account.
func Entitled(q *api.Request) (bool, error) {
	if q.Zone.OutgoingTransfers != nil {
		return *q.Zone.OutgoingTransfers, nil
	}
	a, err := q.API.Store.Account(q.Ctx(), q.Account)
	return a.OutgoingTransfers, err
}

func forceNotify(a *api.API, q *api.Request) error {
	if _, err := q.Change(model.NotifyZone{}); err != nil {
		return err
	}
	return q.OK(notifiedText)
}

// outgoingStatus tells what is done: a zone that lost its entitlement is not transferred, whatever its switch says.
func outgoingStatus(a *api.API, q *api.Request) error {
	if q.Zone.Outgoing == nil {
		return noOutgoing()
	}
	entitled, err := Entitled(q)
	if err != nil {
		return err
	}
	if q.Zone.Outgoing.Enabled && entitled {
		return q.OK(enabledText)
	}
	return q.OK(disabledText)
}
