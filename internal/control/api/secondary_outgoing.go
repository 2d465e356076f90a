package api

import (
	"net/http"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

//nolint:gochecknoglobals // tables
var (
	outgoingRead  = []string{"DNS Read", "Zone Settings Read", "DNS Write", "Zone Settings Write", "Zone Write"}
	outgoingWrite = []string{"DNS Write", "Zone Settings Write", "Zone Write"}
)

func outgoingRoutes() []Route {
	const path = client + "/zones/{zone_id}/secondary_dns/outgoing"
	return []Route{
		{http.MethodGet, path, ScopeZone, outgoingRead, (*api).getOutgoing},
		{http.MethodPost, path, ScopeZone, outgoingWrite, (*api).createOutgoing},
		{http.MethodPut, path, ScopeZone, outgoingWrite, (*api).putOutgoing},
		{http.MethodDelete, path, ScopeZone, outgoingWrite, (*api).deleteOutgoing},
		{http.MethodPost, path + "/enable", ScopeZone, outgoingWrite, (*api).enableOutgoing},
		{http.MethodPost, path + "/disable", ScopeZone, outgoingWrite, (*api).disableOutgoing},
		{http.MethodPost, path + "/force_notify", ScopeZone, outgoingWrite, (*api).forceNotify},
		{http.MethodGet, path + "/status", ScopeZone, outgoingRead, (*api).outgoingStatus},
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
	Created     stamp      `json:"created_time"`
	Checked     stamp      `json:"checked_time"`
	Transferred stamp      `json:"last_transferred_time"`
}

// renderOutgoing adds what is known of the linked peers: when one was last heard of, and when one last took the zone.
func (q *request) renderOutgoing(z *model.Zone) (outgoingJSON, error) {
	out := outgoingJSON{
		ID: z.ID, Name: z.Outgoing.Name, Peers: z.Outgoing.Peers, Serial: z.Serial, Created: stamp(z.Outgoing.Created),
	}
	if out.Peers == nil {
		out.Peers = []model.ID{}
	}
	if q.api.Secondaries == nil {
		return out, nil
	}
	known, err := q.api.Secondaries(q.ctx(), *z)
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

func later(a stamp, b time.Time) stamp {
	if b.After(time.Time(a)) {
		return stamp(b)
	}
	return a
}

func noOutgoing() error {
	return missing(model.CodeOutgoingMissing, "The zone has no outgoing zone transfer configuration.")
}

func (a *api) getOutgoing(q *request) error {
	if q.zone.Outgoing == nil {
		return noOutgoing()
	}
	return q.okOutgoing(&q.zone)
}

func (q *request) okOutgoing(z *model.Zone) error {
	out, err := q.renderOutgoing(z)
	if err != nil {
		return err
	}
	return q.ok(out)
}

// readOutgoing reads the body. A name that is sent must be the zone's, in whatever spelling; it is kept as sent.
func (q *request) readOutgoing() (name string, peers []model.ID, err error) {
	var in struct {
		Name  *string             `json:"name"`
		Peers *[]optional[string] `json:"peers"`
	}
	if err := q.decode(&in); err != nil {
		return "", nil, err
	}
	if in.Name != nil && *in.Name != "" {
		if name = *in.Name; !names(name, q.zone.Name) {
			return "", nil, invalid(model.CodeOutgoingName, "/name", "The name must be the name of the zone.")
		}
	}
	if in.Peers == nil {
		return "", nil, invalid(model.CodeOutgoingPeers, "/peers", "The peers must be a list of ids; it may be empty.")
	}
	peers = make([]model.ID, 0, len(*in.Peers))
	for _, p := range *in.Peers {
		if !validID(p.Value) {
			return "", nil, invalid(model.CodeOutgoingPeers, "/peers", "The peers must be ids of peers.")
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

func (a *api) createOutgoing(q *request) error {
	name, peers, err := q.readOutgoing()
	if err != nil {
		return err
	}
	if name == "" {
		name = q.zone.Name.Host()
	}
	now := q.now()
	return q.editOutgoing("outgoing.create", func(z model.Zone) (model.Zone, error) {
		if z.Outgoing != nil {
			return z, invalid(model.CodeOutgoingExists, "", "The zone has an outgoing zone transfer configuration already.")
		}
		z.Outgoing = &model.Outgoing{Name: name, Peers: peers, Created: now, Modified: now}
		return z, nil
	})
}

func (a *api) putOutgoing(q *request) error {
	name, peers, err := q.readOutgoing()
	if err != nil {
		return err
	}
	now := q.now()
	return q.editOutgoing("outgoing.update", func(z model.Zone) (model.Zone, error) {
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
		z.Outgoing = &o
		return z, nil
	})
}

func (q *request) editOutgoing(action string, apply func(model.Zone) (model.Zone, error)) error {
	res, err := q.change(model.EditZone{Action: action, Apply: apply})
	if err != nil {
		return pointAt(err, map[int]string{
			model.CodeOutgoingPeers: "/peers", model.CodeOutgoingTooMany: "/peers", model.CodePeersTSIGDiffer: "/peers",
		})
	}
	return q.okOutgoing(res.Outcomes[0].Zone)
}

func (a *api) deleteOutgoing(q *request) error {
	_, err := q.change(model.EditZone{Action: "outgoing.delete", Apply: func(z model.Zone) (model.Zone, error) {
		if z.Outgoing == nil {
			return z, noOutgoing()
		}
		z.Outgoing = nil
		return z, nil
	}})
	if err != nil {
		return err
	}
	return q.ok(idOnly{q.zone.ID})
}

func (a *api) enableOutgoing(q *request) error {
	return q.switchOutgoing("outgoing.enable", true, enabledText)
}

func (a *api) disableOutgoing(q *request) error {
	return q.switchOutgoing("outgoing.disable", false, disabledText)
}

// switchOutgoing sets the switch; setting it to what it is changes nothing. Enabling what the zone is not entitled to is
// refused even when the switch stands there already: nothing would be transferred.
func (q *request) switchOutgoing(action string, on bool, answer string) error {
	_, err := q.change(model.EditZone{Action: action, Apply: func(z model.Zone) (model.Zone, error) {
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
		entitled, err := q.entitled()
		if err != nil {
			return err
		}
		if !entitled {
			return invalid(model.CodeNotEntitled, "", "Outgoing zone transfers are not available to this account or zone.")
		}
	}
	return q.ok(answer)
}

// entitled says whether the zone may be transferred: what it says itself, or else its account.
func (q *request) entitled() (bool, error) {
	if q.zone.OutgoingTransfers != nil {
		return *q.zone.OutgoingTransfers, nil
	}
	a, err := q.api.Store.Account(q.ctx(), q.account)
	return a.OutgoingTransfers, err
}

func (a *api) forceNotify(q *request) error {
	if _, err := q.change(model.NotifyZone{}); err != nil {
		return err
	}
	return q.ok(notifiedText)
}

// outgoingStatus tells what is done: a zone that lost its entitlement is not transferred, whatever its switch says.
func (a *api) outgoingStatus(q *request) error {
	if q.zone.Outgoing == nil {
		return noOutgoing()
	}
	entitled, err := q.entitled()
	if err != nil {
		return err
	}
	if q.zone.Outgoing.Enabled && entitled {
		return q.ok(enabledText)
	}
	return q.ok(disabledText)
}
