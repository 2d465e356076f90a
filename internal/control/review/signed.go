package review

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Secondary is a linked peer, and since when it has not been in step; the zero time if it is.
type Secondary struct {
	Name   string
	Behind time.Time
}

// Server is an address of a name of the zone's NS RRset. Ours says that it is a linked peer's, or was seen with a version of ours.
type Server struct {
	Name wire.Name
	Addr string
	Ours bool
}

// signed looks at what only resolvers that validate will mind.
func (r *reviewer) signed() {
	v := r.State.Transfer
	if !v.Signed() {
		return
	}
	inForce := r.Zone.InForce()
	expire, longest := rules.Lasting(&inForce)
	timing := dnssec.TimingOf(r.Now, expire, longest)
	r.tooLong(v)
	r.unknownToParent(v)
	r.lateSecondaries(timing)
	if r.Zone.DNSSEC.MultiSigner != model.SwitchOn {
		r.foreignServers(v)
	}
}

// longestTTL is what signatures are made to outlive.
func (r *reviewer) longestTTL() uint32 { return rules.LongestTTL(&r.Zone.Settings) }

// mostLong bounds how many names are told of that have too long a TTL: they come of one cause.
const mostLong = 20

// tooLong tells of TTLs beyond those that signatures are made for. No such record can be made; those of before the rule are there.
func (r *reviewer) tooLong(v *zone.Version) {
	most, told := r.longestTTL(), 0
	v.Walk(func(owner []byte, s zone.RRset) bool {
		ttl := s.TTL
		if s.Type.IsDNSSEC() || ttl <= most {
			return true
		}
		told++
		r.add(model.Finding{
			Reason: model.ReasonTTL, Severity: model.SeverityWarning, Name: wire.Name(owner), Type: s.Type,
			Message: fmt.Sprintf("The TTL of %d seconds is above %d, for which signatures are made to last: resolvers may keep these records for longer "+
				"than their signatures are good for, and then take them for forged. Lower it.", ttl, most),
		})
		return told < mostLong
	})
}

// unknownToParent tells of a zone whose parent is a zone of this account, on this server, and has no DS record of it.
func (r *reviewer) unknownToParent(v *zone.Version) {
	apex := r.Zone.Name
	if apex == wire.Root || r.Zone.DNSSEC.Status != model.DNSSECActive {
		return
	}
	parent := r.Find(apex.Parent())
	if parent == nil || parent.Apex() == apex {
		return
	}
	var keys []*dnssec.DNSKEY
	for _, s := range v.Sets(apex) {
		if s.Type != wire.TypeDNSKEY {
			continue
		}
		for _, d := range s.Data {
			if k, err := dnssec.ParseDNSKEY(d); err == nil {
				keys = append(keys, k)
			}
		}
	}
	for _, s := range parent.Sets(apex) {
		if s.Type != wire.TypeDS {
			continue
		}
		for _, d := range s.Data {
			if slices.ContainsFunc(keys, func(k *dnssec.DNSKEY) bool { return k.Names(apex, d) }) {
				return
			}
		}
	}
	r.add(model.Finding{
		Reason: model.ReasonNoDS, Severity: model.SeverityWarning, Name: apex, Type: wire.TypeDS,
		Message: fmt.Sprintf("The parent zone %s is here, too, and has no DS record of this zone's keys: nobody validates what is signed. It gets one by itself "+
			"as soon as all servers have been seen with the keys, or add it there.", parent.Apex().Host()),
	})
}

// patience is for how long a secondary may be behind before somebody should look: by so much signatures outlive what secondaries and
// caches need.
const patience = 24 * time.Hour

// lateSecondaries tells of peers that hold signatures which are not renewed.
func (r *reviewer) lateSecondaries(timing dnssec.Timing) {
	left := time.Duration(timing.Renew-uint32(r.Now.Unix())) * time.Second // of the signature in a version that had the least
	for _, s := range r.Secondaries {
		if s.Behind.IsZero() || r.Now.Sub(s.Behind) < patience {
			continue
		}
		r.add(model.Finding{
			Reason: model.ReasonLate, Severity: model.SeverityWarning, Name: r.Zone.Name, Type: wire.TypeRRSIG,
			Message: fmt.Sprintf("The secondary %s has not been in step since %s. Signatures that it hands out may end from %s on, and resolvers take for forged what "+
				"comes after. Whoever runs it has to act.", s.Name, stamp(s.Behind), stamp(s.Behind.Add(left))),
		})
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// foreignServers tells of name servers that have the zone from somebody else: without our keys they answer unsigned, or with
// signatures that nobody can verify.
func (r *reviewer) foreignServers(v *zone.Version) {
	names := map[wire.Name][]string{}
	for _, s := range r.Servers {
		if s.Ours {
			names[s.Name] = nil
			continue
		}
		if old, seen := names[s.Name]; !seen || old != nil {
			names[s.Name] = append(names[s.Name], s.Addr)
		}
	}
	for _, s := range v.Sets(r.Zone.Name) {
		if s.Type != wire.TypeNS {
			continue
		}
		for _, d := range s.Data {
			host := wire.Name(d)
			if len(names[host]) == 0 || slices.Contains(r.Zone.NS(), host.Host()) {
				continue
			}
			r.add(model.Finding{
				Reason: model.ReasonForeignNS, Severity: model.SeverityWarning, Name: r.Zone.Name, Type: wire.TypeNS,
				Message: fmt.Sprintf("The name server %s (%s) is no linked peer and was not seen with a version of ours: what it answers is not signed with this zone's "+
					"keys. Link it as a secondary; or, if another signer runs it, switch dnssec_multi_signer on and enter that signer's keys.",
					host.Host(), strings.Join(names[host], ", ")),
			})
		}
	}
}

// types tells of a name at which the faces have other types. A resolver that has asked one face may use its proof of what is not there
// for the other one (RFC 8198).
func (r *reviewer) types(f model.Finding) {
	if !r.State.Transfer.Signed() || r.State.Served == r.State.Transfer || r.typesTold[f.Name] {
		return
	}
	served, transferred := typesOf(r.State.Served, f.Name), typesOf(r.State.Transfer, f.Name)
	if slices.Equal(served, transferred) {
		return
	}
	if r.typesTold == nil {
		r.typesTold = map[wire.Name]bool{}
	}
	r.typesTold[f.Name] = true
	f.Reason, f.Severity = model.ReasonFaceTypes, model.SeverityWarning
	f.Message = fmt.Sprintf("We have %s at this name and secondaries %s. Resolvers that keep the one's proof of what is not there deny what the other one "+
		"has (RFC 8198). Transfer mode edge makes both alike.", mnemonics(served), mnemonics(transferred))
	r.add(f)
}

func typesOf(v *zone.Version, name wire.Name) (out []wire.Type) {
	for _, s := range v.Data(name) {
		if s.Type != zone.TypeMark {
			out = append(out, s.Type)
		}
	}
	slices.Sort(out)
	return out
}

func mnemonics(types []wire.Type) string {
	if len(types) == 0 {
		return "nothing"
	}
	out := make([]string, len(types))
	for i, t := range types {
		out[i] = t.String()
	}
	return strings.Join(out, ", ")
}
