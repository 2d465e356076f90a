package zone

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// signingRoutes are what the upstream has no form for: a zone's keys one by one, and what each waits for.
func signingRoutes() []api.Route {
	const path = api.Own + "/zones/{zone_id}/dnssec"
	return []api.Route{
		api.NewRoute(http.MethodGet, path, api.ScopeZone, api.DNSRead, getSigning),
		api.NewRoute(http.MethodPatch, path, api.ScopeZone, api.DNSWrite, editSigning),
		api.NewRoute(http.MethodPost, path+"/roll", api.ScopeZone, api.DNSWrite, rollKeys),
		api.NewRoute(http.MethodPost, path+"/ds_seen", api.ScopeZone, api.DNSWrite, seeDS),
		api.NewRoute(http.MethodPost, path+"/keys", api.ScopeZone, api.DNSWrite, importKey),
		api.NewRoute(http.MethodDelete, path+"/keys/{key_id}", api.ScopeZone, api.DNSWrite, dropKey),
		api.NewRoute(http.MethodGet, path+"/keys/{key_id}/export", api.ScopeZone, api.DNSWrite, exportKey),
	}
}

type signingJSON struct {
	Status      string                 `json:"status"`
	Signed      bool                   `json:"signed"`
	Algorithm   dnssec.Algorithm       `json:"algorithm"`
	Denial      string                 `json:"denial"`
	MultiSigner bool                   `json:"multi_signer"`
	Policy      signingPolicyJSON      `json:"policy"`
	Progress    *signingProgressJSON   `json:"progress"`
	Expires     api.Stamp              `json:"expires"`
	Renews      api.Stamp              `json:"renews"`
	Trouble     *string                `json:"trouble"`
	Keys        []signingKeyStateJSON  `json:"keys"`
	Secondaries []signingSecondaryJSON `json:"secondaries"`
	Steps       []signerStepJSON       `json:"multi_signer_steps"`
}

type signingPolicyJSON struct {
	Algorithm dnssec.Algorithm `json:"algorithm"`
	ZSKDays   int              `json:"zsk_roll_days"`
	KSKRoll   string           `json:"ksk_roll"`
	CDS       bool             `json:"cds"`
}

type signingProgressJSON struct {
	What  string    `json:"what"`
	Done  int       `json:"done"`
	Total int       `json:"total"`
	Since api.Stamp `json:"since"`
}

type signingSecondaryJSON struct {
	Peer    model.ID           `json:"peer_id"`
	Name    string             `json:"name"`
	Serial  *uint32            `json:"serial"`
	Expires api.Stamp          `json:"expires"`
	State   api.SecondaryState `json:"state"`
}

type signingKeyStateJSON struct {
	ID            model.ID          `json:"id"`
	Tag           uint16            `json:"tag"`
	Role          string            `json:"role"`
	Algorithm     dnssec.Algorithm  `json:"algorithm"`
	AlgorithmName string            `json:"algorithm_name"`
	Bits          int               `json:"bits"`
	State         string            `json:"state"`
	Origin        string            `json:"origin"`
	Created       api.Stamp         `json:"created_on"`
	Timeline      []signingMarkJSON `json:"timeline"`
	Waits         []signingWaitJSON `json:"waits"`
	DNSKEY        string            `json:"dnskey"`
	DS            []string          `json:"ds"`
	DSSeen        string            `json:"ds_seen"`
}

type signingMarkJSON struct {
	What   string    `json:"what"`
	On     bool      `json:"on"`
	Since  api.Stamp `json:"since"`
	Serial *uint32   `json:"serial"`
}

// DNSSECWish is what is wanted of a zone's signatures, for the audit log.
type DNSSECWish struct {
	Status      string            `json:"status"`
	MultiSigner *bool             `json:"dnssec_multi_signer,omitempty"`
	NSEC3       *bool             `json:"dnssec_use_nsec3,omitempty"`
	Policy      signingPolicyJSON `json:"policy"`
}

// RenderWish gives that.
func RenderWish(d *model.DNSSEC) *DNSSECWish {
	return &DNSSECWish{d.Status, switchJSON(d.MultiSigner), switchJSON(d.NSEC3), renderPolicy(d)}
}

// The kinds of denial.
const (
	denialNSEC  = "nsec"
	denialNSEC3 = "nsec3"
)

// The ways in which a KSK is rolled: when it is asked for, or also by itself where the parent follows CDS records.
const (
	kskByRequest = "request"
	kskByCDS     = "cds"
)

// Where a key comes from.
const (
	originMade     = "made"
	originImported = "imported"
	originForeign  = "foreign"
)

func getSigning(_ *api.API, q *api.Request) error { return okSigning(q, http.StatusOK, &q.Zone) }

func okSigning(q *api.Request, status int, z *model.Zone) error {
	out, err := renderSigning(q, z)
	if err != nil {
		return err
	}
	return q.Send(status, api.Envelope{Result: out, Success: true})
}

func renderSigning(q *api.Request, z *model.Zone) (*signingJSON, error) {
	keys, err := zoneKeys(q, z.ID)
	if err != nil {
		return nil, err
	}
	d := &z.DNSSEC
	out := &signingJSON{
		Status: dnssecState(d, keys), Signed: d.Signed, Algorithm: d.KeyAlgorithm(), Denial: denialNSEC,
		MultiSigner: d.MultiSigner == model.SwitchOn, Policy: renderPolicy(d), Secondaries: []signingSecondaryJSON{}, Steps: []signerStepJSON{},
		Keys: api.Each(keys, func(k *model.ZoneKey) signingKeyStateJSON { return renderKey(z, k) }),
	}
	if d.NSEC3 == model.SwitchOn {
		out.Denial = denialNSEC3
	}
	if d.Signed || d.Work {
		if err := out.facts(q, z, keys); err != nil {
			return nil, err
		}
	}
	if out.MultiSigner {
		others, err := foreignKeys(q, z)
		if err != nil {
			return nil, err
		}
		out.Keys = append(out.Keys, api.Each(others, func(k *foreignKey) signingKeyStateJSON { return renderForeign(z, k) })...)
		if out.Steps, err = signerSteps(q, z, keys, others); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// facts adds what this node knows of the zone's signatures beside its rows.
func (j *signingJSON) facts(q *api.Request, z *model.Zone, keys []model.ZoneKey) error {
	var known api.SigningFacts
	if q.API.Signing != nil {
		known = q.API.Signing(z)
	}
	if at := known.Expires; !at.IsZero() {
		now := q.Now()
		inForce := z.InForce()
		expire, longest := rules.Lasting(&inForce)
		timing := dnssec.TimingOf(now, expire, longest)
		margin := time.Duration(timing.Renew-uint32(now.Unix())) * time.Second
		j.Expires, j.Renews = api.Stamp(at), api.Stamp(at.Add(-margin))
	}
	if p := known.Progress; p != nil {
		j.Progress = &signingProgressJSON{p.What, p.Done, p.Total, api.Stamp(p.Since)}
	}
	trouble := known.Trouble
	if late := clockBack(keys, q.Now()); trouble == "" {
		trouble = late
	}
	if lost := lostKeys(keys); lost != "" {
		trouble = lost
	}
	if trouble != "" {
		j.Trouble = &trouble
	}
	if q.API.Secondaries == nil {
		return nil
	}
	list, err := q.API.Secondaries(q.Ctx(), *z)
	if err != nil {
		return err
	}
	j.Secondaries = api.Each(list.Peers, func(p *api.SecondaryPeer) signingSecondaryJSON {
		out := signingSecondaryJSON{Peer: p.Peer, Name: p.Name, Serial: p.Serial, State: p.State}
		if p.State == api.SecondaryInStep {
			out.Expires = j.Expires
		}
		return out
	})
	return nil
}

// clockSlack is by how much clocks of nodes may differ without a word.
const clockSlack = 10 * time.Minute

// clockBack tells of a clock that was later when something of the keys was noted.
func clockBack(keys []model.ZoneKey, now time.Time) string {
	at := model.LatestOf(keys)
	if at.Sub(now) <= clockSlack {
		return ""
	}
	return "This server's clock says " + minute(now) + ", and what was last noted of the zone's keys is of " + minute(at) + ": one of the two was wrong. " +
		"The keys wait until the clock is as late as that. Whoever runs this server has to see that its clock is right."
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// lostKeys tells of keys that sign the zone and whose private halves this server cannot open.
func lostKeys(keys []model.ZoneKey) string {
	var tags []string
	for i := range keys {
		if marks := &keys[i].State.Marks; len(keys[i].Private) == 0 && (marks[dnssec.SignsKeys].On || marks[dnssec.SignsZone].On) {
			tags = append(tags, itoa(int(keys[i].Public.Tag())))
		}
	}
	if len(tags) == 0 {
		return ""
	}
	return "The private keys " + strings.Join(tags, ", ") + " cannot be opened here: signatures are not renewed, and nothing in the zone " +
		"can be changed. Whoever runs this server has to give it the secret key that they were encrypted with, or a backup."
}

func zoneKeys(q *api.Request, zone model.ID) ([]model.ZoneKey, error) {
	keys, err := q.API.Store.ZoneKeys(q.Ctx(), zone)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return keys, nil
}

func renderPolicy(d *model.DNSSEC) signingPolicyJSON {
	out := signingPolicyJSON{Algorithm: d.KeyAlgorithm(), ZSKDays: d.ZSKDays, KSKRoll: kskByRequest, CDS: d.CDS != model.SwitchOff}
	if d.KSKDays > 0 {
		out.KSKRoll = kskByCDS
	}
	return out
}

func renderKey(z *model.Zone, k *model.ZoneKey) signingKeyStateJSON {
	out := describeKey(z.Name, &k.Public)
	out.ID, out.Created, out.Role, out.State, out.Origin = k.ID, api.Stamp(k.Created), roleName(k.State.Role), stateName(&k.State), originMade
	if k.Imported {
		out.Origin = originImported
	}
	for t, what := range traceNames {
		m := &k.State.Marks[t]
		if m.Since.IsZero() {
			continue
		}
		mark := signingMarkJSON{What: what, On: m.On, Since: api.Stamp(m.Since)}
		if !m.Pending && dnssec.Trace(t) != dnssec.AtParent {
			mark.Serial = &m.Serial
		}
		out.Timeline = append(out.Timeline, mark)
	}
	slices.SortStableFunc(out.Timeline, func(a, b signingMarkJSON) int { return time.Time(a.Since).Compare(time.Time(b.Since)) })
	if k.State.Role&dnssec.KSK == 0 {
		out.DS = []string{}
	}
	out.DSSeen = seenName(&k.DS)
	out.Waits = renderWaits(&z.DNSSEC, k)
	return out
}

// describeKey is what a public key says of itself.
func describeKey(zone wire.Name, k *dnssec.DNSKEY) signingKeyStateJSON {
	out := signingKeyStateJSON{
		Tag: k.Tag(), Algorithm: k.Algorithm, AlgorithmName: k.Algorithm.String(), Bits: k.Bits(), DSSeen: seenName(&dnssec.DSFact{}),
		Timeline: []signingMarkJSON{}, Waits: []signingWaitJSON{}, DS: []string{}, DNSKEY: presentation(zone, wire.TypeDNSKEY, k.RData()),
	}
	for _, d := range []dnssec.Digest{dnssec.SHA256, dnssec.SHA384} {
		out.DS = append(out.DS, presentation(zone, wire.TypeDS, k.DS(zone, d)))
	}
	return out
}

// presentation is a record of the zone's apex as people copy it.
func presentation(zone wire.Name, t wire.Type, data []byte) string {
	return zone.String() + " " + itoa(keyTTL) + " IN " + t.String() + " " + rr.FormatData(t, data)
}

// keyTTL is the TTL that records of keys are shown with, which is that of those in the zone.
const keyTTL = 3600

func roleName(r dnssec.Role) string {
	switch r {
	case dnssec.KSK:
		return roleKSK
	case dnssec.ZSK:
		return roleZSK
	default:
		return roleCSK
	}
}

// The names of roles.
const (
	roleKSK = "ksk"
	roleZSK = "zsk"
	roleCSK = "csk"
)

//nolint:gochecknoglobals // table
var traceNames = [...]string{dnssec.Published: "published", dnssec.SignsKeys: "signs_keys", dnssec.SignsZone: "signs_zone", dnssec.AtParent: "ds"}

// stateName sums a key up.
func stateName(k *dnssec.KeyState) string {
	published, signs := k.Marks[dnssec.Published].On, k.Marks[dnssec.SignsKeys].On || k.Marks[dnssec.SignsZone].On
	switch {
	case k.Leaving && !published && !signs:
		return "gone"
	case k.Leaving:
		return "leaving"
	case signs:
		return "signing"
	case published:
		return "published"
	}
	return "new"
}

func seenName(f *dnssec.DSFact) string {
	switch {
	case f.Everywhere:
		return "everywhere"
	case f.Somewhere:
		return "somewhere"
	case f.Since.IsZero():
		return "unknown"
	}
	return "nowhere"
}

// hexText is a digest as registrars want it.
func hexText(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }
