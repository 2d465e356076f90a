package transfer

import (
	"net/http"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// Routes are the operations of zone transfers.
func Routes() []api.Route {
	return slices.Concat(tsigRoutes(), rotationRoutes(), catalogRoutes(), accessRoutes(), peerRoutes(), aclRoutes(), outgoingRoutes(), transferSettingRoutes(), secondaryRoutes(), standingRoutes(), updateRoutes())
}

func secondaryRoutes() []api.Route {
	const zone = api.Own + "/zones/{zone_id}"
	return []api.Route{
		api.NewRoute(http.MethodGet, zone+"/secondaries", api.ScopeZone, outgoingRead, listSecondaries),
		api.NewRoute(http.MethodGet, zone+"/live", api.ScopeZone, outgoingRead, awaitLive),
		api.NewRoute(http.MethodGet, zone+"/transfer_review", api.ScopeZone, outgoingRead, api.Heavy(reviewTransfer)),
	}
}

type secondariesJSON struct {
	Zone        model.ID            `json:"zone_id"`
	Serial      uint32              `json:"serial"`
	Linked      bool                `json:"linked"` // there is an outgoing configuration
	Enabled     bool                `json:"enabled"`
	Peers       []secondaryPeerJSON `json:"peers"`
	NameServers []secondaryNSJSON   `json:"name_servers"`
	Strangers   []strangerJSON      `json:"strangers"`
}

type strangerJSON struct {
	Address string    `json:"address"`
	Cause   string    `json:"cause"`
	Reason  string    `json:"reason"`
	Key     string    `json:"key"`
	Since   api.Stamp `json:"since"`
	On      api.Stamp `json:"on"`
	Count   int       `json:"count"`
}

type secondaryPeerJSON struct {
	Peer           model.ID             `json:"peer_id"`
	Name           string               `json:"name"`
	Address        string               `json:"address"`
	State          api.SecondaryState   `json:"state"`
	Serial         *uint32              `json:"serial"`
	VersionsBehind *int                 `json:"versions_behind"`
	SecondsBehind  *int64               `json:"seconds_behind"`
	Seen           api.Stamp            `json:"seen_on"`
	LastNotify     *notifyJSON          `json:"last_notify"`
	LastTransfer   *transferJSON        `json:"last_transfer"`
	LastRefusal    *refusalJSON         `json:"last_refusal"`
	History        []secondaryEventJSON `json:"history"`
	Cause          string               `json:"cause"`
	RaiseTo        *uint32              `json:"raise_to"`
	NotifySource   string               `json:"notify_source"`
	Key            string               `json:"key"`
	KeyOn          api.Stamp            `json:"key_seen_on"`
	Compared       *comparedJSON        `json:"compared"`
}

type comparedJSON struct {
	On         api.Stamp `json:"on"`
	Serial     uint32    `json:"serial"`
	Whole      bool      `json:"whole"`
	Questions  int       `json:"questions"`
	Difference string    `json:"difference"`
}

type notifyJSON struct {
	On       api.Stamp `json:"on"`
	Serial   uint32    `json:"serial"`
	Attempts int       `json:"attempts"`
	Answer   string    `json:"answer"`

	Transport string `json:"transport"`
}

type transferJSON struct {
	On           api.Stamp `json:"on"`
	Kind         string    `json:"kind"`
	From         *uint32   `json:"from_serial"`
	Serial       uint32    `json:"serial"`
	Records      int       `json:"records"`
	Bytes        int64     `json:"bytes"`
	Milliseconds int64     `json:"milliseconds"`
	Key          string    `json:"key"`
	Outcome      string    `json:"outcome"`
	OneOf        []string  `json:"one_of"`

	Transport string `json:"transport"`
	TLS       string `json:"tls"`
	Client    string `json:"client"`
	ClientKey string `json:"client_key"`
}

type refusalJSON struct {
	On      api.Stamp `json:"on"`
	Address string    `json:"address"`
	Reason  string    `json:"reason"`
	Cause   string    `json:"cause"`
	Key     string    `json:"key"`
	OneOf   []string  `json:"one_of"`
}

type secondaryEventJSON struct {
	On     api.Stamp `json:"on"`
	Event  string    `json:"event"`
	Serial *uint32   `json:"serial"`
	Text   string    `json:"text"`
	Since  api.Stamp `json:"since"`
	Count  int       `json:"count"`
}

type secondaryNSJSON struct {
	Name    string             `json:"name"`
	Address string             `json:"address"`
	State   api.SecondaryState `json:"state"`
	Serial  *uint32            `json:"serial"`
	Seen    api.Stamp          `json:"seen_on"`
	Error   string             `json:"error"`
}

func renderSecondaryPeer(p *api.SecondaryPeer) secondaryPeerJSON {
	out := secondaryPeerJSON{
		Peer: p.Peer, Name: p.Name, Address: p.Address, State: p.State, Cause: p.Cause, Serial: p.Serial, RaiseTo: p.RaiseTo,
		NotifySource: p.NotifySource, Key: p.Key, KeyOn: api.Stamp(p.KeyOn),
		Seen:           api.Stamp(p.Seen),
		VersionsBehind: p.VersionsBehind, SecondsBehind: p.SecondsBehind,
		History: api.Each(p.History, func(e *api.SecondaryEvent) secondaryEventJSON {
			return secondaryEventJSON{api.Stamp(e.On), e.Event, e.Serial, e.Text, api.Stamp(e.Since), e.Count}
		}),
	}
	if c := p.Compared; c != nil {
		out.Compared = &comparedJSON{api.Stamp(c.On), c.Serial, c.Whole, c.Questions, c.Difference}
	}
	if n := p.LastNotify; n != nil {
		out.LastNotify = &notifyJSON{api.Stamp(n.On), n.Serial, n.Attempts, n.Answer, n.Transport}
	}
	if t := p.LastTransfer; t != nil {
		out.LastTransfer = &transferJSON{
			api.Stamp(t.On), t.Kind, t.From, t.Serial, t.Records, t.Bytes, t.Took.Milliseconds(), t.Key, t.Outcome, api.OrEmpty(t.OneOf),
			t.Transport, t.TLS, t.Client, t.ClientKey,
		}
	}
	if r := p.LastRefusal; r != nil {
		out.LastRefusal = &refusalJSON{api.Stamp(r.On), r.Address, r.Reason, r.Cause, r.Key, api.OrEmpty(r.OneOf)}
	}
	return out
}

func listSecondaries(a *api.API, q *api.Request) error {
	if a.Secondaries == nil {
		return api.NotHere()
	}
	known, err := a.Secondaries(q.Ctx(), q.Zone)
	if err != nil {
		return err
	}
	entitled, err := Entitled(q)
	if err != nil {
		return err
	}
	return q.OK(secondariesJSON{
		Zone: q.Zone.ID, Serial: q.Zone.Serial, Linked: q.Zone.Outgoing != nil,
		Enabled: q.Zone.Outgoing != nil && q.Zone.Outgoing.Enabled && entitled,
		Peers:   api.Each(known.Peers, renderSecondaryPeer),
		NameServers: api.Each(known.NameServers, func(n *api.SecondaryNS) secondaryNSJSON {
			return secondaryNSJSON{n.Name, n.Address, n.State, n.Serial, api.Stamp(n.Seen), n.Error}
		}),
		Strangers: api.Each(known.Strangers, func(s *api.Stranger) strangerJSON {
			return strangerJSON{s.Address, s.Cause, s.Reason, s.Key, api.Stamp(s.Since), api.Stamp(s.On), s.Count}
		}),
	})
}

// FindingJSON is a finding of a review.
type FindingJSON struct {
	Reason      model.Reason   `json:"reason"`
	Severity    model.Severity `json:"severity"`
	Message     string         `json:"message"`
	Name        string         `json:"name"` // host form
	Type        string         `json:"type"` // mnemonic
	Record      model.ID       `json:"record_id,omitempty"`
	Served      []string       `json:"served"`      // presentation form of what we answer
	Transferred []string       `json:"transferred"` // and of what secondaries get
	Fix         fixJSON        `json:"fix"`
}

// fixJSON links to the place in the dashboard where a finding can be mended.
type fixJSON struct {
	Label string `json:"label"`
	Path  string `json:"path"`
}

// fixOf is that place: where the transfer mode is chosen, where name servers are, or else the records.
func fixOf(z *model.Zone, reason model.Reason) fixJSON {
	base := "/" + string(z.Account) + "/" + z.Name.Host() + "/"
	switch reason {
	case model.ReasonOrigin, model.ReasonEdge, model.ReasonApexCNAME, model.ReasonFlattened:
		return fixJSON{"Transfer mode", base + "dns/settings"}
	case model.ReasonApexNS:
		return fixJSON{"Multi-provider", base + "dns/settings"}
	default:
		return fixJSON{"DNS records", base + "dns/records"}
	}
}

type reviewJSON struct {
	Zone     model.ID           `json:"zone_id"`
	Mode     model.TransferMode `json:"mode"`
	Blocking bool               `json:"blocking"`
	Total    int                `json:"total"`
	Findings []FindingJSON      `json:"findings"`
}

// maxFindings bounds how many findings one answer shows.
const maxFindings = 1000

// reviewTransfer tells what an operator should know before switching transfers on. It blocks only accounts that are
// strict, and then only for what secondaries do not load.
func reviewTransfer(a *api.API, q *api.Request) error {
	if a.Review == nil {
		return api.NotHere()
	}
	found, err := a.Review(q.Ctx(), q.Zone)
	if err != nil {
		return err
	}
	acc, err := a.Store.Account(q.Ctx(), q.Account)
	if err != nil {
		return err
	}
	out := reviewJSON{
		Zone: q.Zone.ID, Mode: modeOf(q.Zone.Mode), Total: found.Total, Blocking: acc.StrictReview && found.Critical > 0,
	}
	out.Findings = RenderFindings(&q.Zone, found.Findings)
	return q.OK(out)
}

// RenderFindings makes JSON of a zone's findings.
func RenderFindings(z *model.Zone, list []model.Finding) []FindingJSON {
	return api.Each(list[:min(len(list), maxFindings)], func(f *model.Finding) FindingJSON {
		return FindingJSON{
			f.Reason, f.Severity, f.Message, f.Name.Host(), f.Type.String(), f.Record, api.OrEmpty(f.Served), api.OrEmpty(f.Transferred),
			fixOf(z, f.Reason),
		}
	})
}
