package api

import (
	"net/http"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

func secondaryRoutes() []Route {
	const zone = own + "/zones/{zone_id}"
	return []Route{
		{http.MethodGet, zone + "/secondaries", ScopeZone, outgoingRead, (*api).listSecondaries},
		{http.MethodGet, zone + "/transfer_review", ScopeZone, outgoingRead, heavy((*api).reviewTransfer)},
	}
}

// SecondaryState says how a secondary stands to us, by cause.
type SecondaryState string

// The states of secondaries.
const (
	SecondaryInStep      SecondaryState = "in_step"     // holds our serial
	SecondaryBehind      SecondaryState = "behind"      // holds an older one
	SecondaryAhead       SecondaryState = "ahead"       // holds a newer one, and takes nothing from us
	SecondaryRefuses     SecondaryState = "refuses"     // answers with an error
	SecondaryWrongKey    SecondaryState = "wrong_key"   // signs, or wants us to sign, otherwise than agreed
	SecondaryNoZone      SecondaryState = "no_zone"     // answers, but does not have the zone
	SecondaryUnreachable SecondaryState = "unreachable" // does not answer
	SecondaryNoAddress   SecondaryState = "no_address"  // cannot be asked
	SecondaryUnknown     SecondaryState = "unknown"     // was never heard of
)

// Secondaries is what is known of a zone's secondaries: its linked peers, and the names of its NS RRset as seen from
// outside; and who else was refused the zone. Serial and Enabled are filled in by the API.
type Secondaries struct {
	Peers       []SecondaryPeer
	NameServers []SecondaryNS
	Strangers   []Stranger
}

// SecondaryPeer is one linked peer. Zero times mean never; nil pointers mean unknown.
type SecondaryPeer struct {
	Peer           model.ID
	Name           string
	Address        string // address and port of NOTIFY; empty without
	State          SecondaryState
	NotifySource   string  // address that NOTIFY leaves from; empty where the system chooses
	Cause          string  // why it is not in step, in words; empty where that is all that is known
	Serial         *uint32 // newest that it is known to hold
	RaiseTo        *uint32 // of one that is ahead: the serial that it would take
	VersionsBehind *int
	SecondsBehind  *int64
	Seen           time.Time // last SOA query, transfer or answer to a NOTIFY
	LastNotify     *NotifyEvent
	LastTransfer   *TransferEvent
	LastRefusal    *RefusalEvent
	History        []SecondaryEvent // newest first
}

// Stranger is an address that was refused the zone and is no linked peer's.
type Stranger struct {
	Address   string
	Cause     string // as in RefusalEvent
	Reason    string
	Key       string
	Since, On time.Time
	Count     int
}

// NotifyEvent is a NOTIFY as it went: Answer is an rcode's name, or what went wrong in words.
type NotifyEvent struct {
	On       time.Time
	Serial   uint32
	Attempts int
	Answer   string
}

// TransferEvent is a transfer that was served. From is nil for AXFR.
type TransferEvent struct {
	On      time.Time
	Kind    string // "AXFR", "IXFR" or "AXFR-style IXFR"
	From    *uint32
	Serial  uint32
	Records int
	Bytes   int64
	Took    time.Duration
	Key     string // name of the TSIG; empty for none
	Outcome string
	OneOf   []string // names of the peers that it may have been, where it is not certain that it was this one
}

// RefusalEvent is a request of the peer that was refused.
type RefusalEvent struct {
	On      time.Time
	Address string
	Cause   string // a word: "signature", "unknown_key", "unsigned", "off", …
	Reason  string // the same in words
	Key     string // that the request named
	OneOf   []string
}

// SecondaryEvent is one point of a peer's timeline.
type SecondaryEvent struct {
	On     time.Time // the last time
	Since  time.Time // the first
	Count  int       // how often in a row; of a NOTIFY, how many messages
	Event  string    // "notify", "transfer", "refusal", "probe" or "state"
	Serial *uint32
	Text   string
}

// SecondaryNS is one name of the zone's NS RRset, asked from outside.
type SecondaryNS struct {
	Name, Address string
	State         SecondaryState
	Serial        *uint32
	Seen          time.Time
	Error         string
}

type secondariesJSON struct {
	Zone        model.ID            `json:"zone_id"`
	Serial      uint32              `json:"serial"`
	Enabled     bool                `json:"enabled"`
	Peers       []secondaryPeerJSON `json:"peers"`
	NameServers []secondaryNSJSON   `json:"name_servers"`
	Strangers   []strangerJSON      `json:"strangers"`
}

type strangerJSON struct {
	Address string `json:"address"`
	Cause   string `json:"cause"`
	Reason  string `json:"reason"`
	Key     string `json:"key"`
	Since   stamp  `json:"since"`
	On      stamp  `json:"on"`
	Count   int    `json:"count"`
}

type secondaryPeerJSON struct {
	Peer           model.ID             `json:"peer_id"`
	Name           string               `json:"name"`
	Address        string               `json:"address"`
	State          SecondaryState       `json:"state"`
	Serial         *uint32              `json:"serial"`
	VersionsBehind *int                 `json:"versions_behind"`
	SecondsBehind  *int64               `json:"seconds_behind"`
	Seen           stamp                `json:"seen_on"`
	LastNotify     *notifyJSON          `json:"last_notify"`
	LastTransfer   *transferJSON        `json:"last_transfer"`
	LastRefusal    *refusalJSON         `json:"last_refusal"`
	History        []secondaryEventJSON `json:"history"`
	Cause          string               `json:"cause"`
	RaiseTo        *uint32              `json:"raise_to"`
	NotifySource   string               `json:"notify_source"`
}

type notifyJSON struct {
	On       stamp  `json:"on"`
	Serial   uint32 `json:"serial"`
	Attempts int    `json:"attempts"`
	Answer   string `json:"answer"`
}

type transferJSON struct {
	On           stamp    `json:"on"`
	Kind         string   `json:"kind"`
	From         *uint32  `json:"from_serial"`
	Serial       uint32   `json:"serial"`
	Records      int      `json:"records"`
	Bytes        int64    `json:"bytes"`
	Milliseconds int64    `json:"milliseconds"`
	Key          string   `json:"key"`
	Outcome      string   `json:"outcome"`
	OneOf        []string `json:"one_of"`
}

type refusalJSON struct {
	On      stamp    `json:"on"`
	Address string   `json:"address"`
	Reason  string   `json:"reason"`
	Cause   string   `json:"cause"`
	Key     string   `json:"key"`
	OneOf   []string `json:"one_of"`
}

type secondaryEventJSON struct {
	On     stamp   `json:"on"`
	Event  string  `json:"event"`
	Serial *uint32 `json:"serial"`
	Text   string  `json:"text"`
	Since  stamp   `json:"since"`
	Count  int     `json:"count"`
}

type secondaryNSJSON struct {
	Name    string         `json:"name"`
	Address string         `json:"address"`
	State   SecondaryState `json:"state"`
	Serial  *uint32        `json:"serial"`
	Seen    stamp          `json:"seen_on"`
	Error   string         `json:"error"`
}

func renderSecondaryPeer(p *SecondaryPeer) secondaryPeerJSON {
	out := secondaryPeerJSON{
		Peer: p.Peer, Name: p.Name, Address: p.Address, State: p.State, Cause: p.Cause, Serial: p.Serial, RaiseTo: p.RaiseTo,
		NotifySource:   p.NotifySource,
		Seen:           stamp(p.Seen),
		VersionsBehind: p.VersionsBehind, SecondsBehind: p.SecondsBehind,
		History: each(p.History, func(e *SecondaryEvent) secondaryEventJSON {
			return secondaryEventJSON{stamp(e.On), e.Event, e.Serial, e.Text, stamp(e.Since), e.Count}
		}),
	}
	if n := p.LastNotify; n != nil {
		out.LastNotify = &notifyJSON{stamp(n.On), n.Serial, n.Attempts, n.Answer}
	}
	if t := p.LastTransfer; t != nil {
		out.LastTransfer = &transferJSON{
			stamp(t.On), t.Kind, t.From, t.Serial, t.Records, t.Bytes, t.Took.Milliseconds(), t.Key, t.Outcome, orEmpty(t.OneOf),
		}
	}
	if r := p.LastRefusal; r != nil {
		out.LastRefusal = &refusalJSON{stamp(r.On), r.Address, r.Reason, r.Cause, r.Key, orEmpty(r.OneOf)}
	}
	return out
}

func (a *api) listSecondaries(q *request) error {
	if a.Secondaries == nil {
		return notHere()
	}
	known, err := a.Secondaries(q.ctx(), q.zone)
	if err != nil {
		return err
	}
	entitled, err := q.entitled()
	if err != nil {
		return err
	}
	return q.ok(secondariesJSON{
		Zone: q.zone.ID, Serial: q.zone.Serial,
		Enabled: q.zone.Outgoing != nil && q.zone.Outgoing.Enabled && entitled,
		Peers:   each(known.Peers, renderSecondaryPeer),
		NameServers: each(known.NameServers, func(n *SecondaryNS) secondaryNSJSON {
			return secondaryNSJSON{n.Name, n.Address, n.State, n.Serial, stamp(n.Seen), n.Error}
		}),
		Strangers: each(known.Strangers, func(s *Stranger) strangerJSON {
			return strangerJSON{s.Address, s.Cause, s.Reason, s.Key, stamp(s.Since), stamp(s.On), s.Count}
		}),
	})
}

// notHere answers what this server was started without.
func notHere() error {
	return &apiFailure{status: http.StatusNotFound, code: codeNoPath, message: "This server does not keep that."}
}

// findingJSON is a finding of a review.
type findingJSON struct {
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
	Findings []findingJSON      `json:"findings"`
}

// maxFindings bounds how many findings one answer shows.
const maxFindings = 1000

// reviewTransfer tells what an operator should know before switching transfers on. It blocks only accounts that are
// strict, and then only for what secondaries do not load.
func (a *api) reviewTransfer(q *request) error {
	if a.Review == nil {
		return notHere()
	}
	found, err := a.Review(q.ctx(), q.zone)
	if err != nil {
		return err
	}
	acc, err := a.Store.Account(q.ctx(), q.account)
	if err != nil {
		return err
	}
	out := reviewJSON{
		Zone: q.zone.ID, Mode: modeOf(q.zone.Mode), Total: found.Total, Blocking: acc.StrictReview && found.Critical > 0,
	}
	out.Findings = each(found.Findings[:min(len(found.Findings), maxFindings)], func(f *model.Finding) findingJSON {
		return findingJSON{
			f.Reason, f.Severity, f.Message, f.Name.Host(), f.Type.String(), f.Record, orEmpty(f.Served), orEmpty(f.Transferred),
			fixOf(&q.zone, f.Reason),
		}
	})
	return q.ok(out)
}
