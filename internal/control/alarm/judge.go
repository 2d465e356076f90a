package alarm

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// answer says whether a rule is broken. Unsure leaves everything as it is: what is not known clears no alarm.
type answer uint8

const (
	unsure answer = iota
	no
	yes
)

// verdict is what a rule says of an object.
type verdict struct {
	rule  model.AlarmRule
	is    answer
	since time.Time // when it began, as far as others than this process know; zero: unknown
	sure  bool      // since is not only the time of the last sight to the contrary
	again time.Time // when to look once more though nothing moves; zero: never
	text  string
	now   bool // it need not last
}

// facts are a zone as rules look at it.
type facts struct {
	serial   uint32
	expire   time.Duration                   // of its SOA
	versions func(serial uint32) (int, bool) // that came after a serial
	now      time.Time
}

func factsOf(z *zone.Zone, now time.Time) facts {
	st := z.State()
	f := facts{serial: st.Transfer.Serial(), now: now, versions: func(serial uint32) (int, bool) {
		chain, ok := st.History.Since(serial)
		return len(chain), ok
	}}
	if soa, _ := st.Transfer.SOA(); len(soa) >= 20 { // serial, refresh, retry, expire and minimum stand last (RFC 1035 section 3.3.13)
		f.expire = time.Duration(binary.BigEndian.Uint32(soa[len(soa)-8:])) * time.Second
	}
	return f
}

// judge holds a peer against the rules about secondaries.
func judge(f *facts, p *watch.Fare, set settings) []verdict {
	answers := p.State == watch.InStep || p.State == watch.Differs || p.State == watch.Behind || p.State == watch.Ahead
	refuses := p.State == watch.Refuses || p.State == watch.WrongKey || p.State == watch.NoZone
	name, why := p.Peer.Name, ""
	if p.Cause != "" {
		why = ": " + p.Cause
	}
	of := func(rule model.AlarmRule, is, isNot bool, text string) verdict {
		v := verdict{rule: rule, text: text}
		switch {
		case is:
			v.is = yes
		case isNot:
			v.is = no
		}
		return v
	}
	behind := of(model.AlarmBehind, p.State == watch.Behind, answers, name+" is behind"+why)
	if behind.is == yes {
		behind.since = p.Since
		if n, known := f.versions(p.Serial); known {
			behind.text = fmt.Sprintf("%s is %d versions behind, at serial %d (ours: %d)%s", name, n, p.Serial, f.serial, why)
			behind.now = set.of(model.AlarmBehind).Versions > 0 && n >= set.of(model.AlarmBehind).Versions
		}
	}
	silent := of(model.AlarmSilent, p.State == watch.Unreachable, answers || refuses || p.State == watch.NoAddress, name+" does not answer"+why)
	silent.since = p.Seen
	ahead := of(model.AlarmAhead, p.State == watch.Ahead, answers, fmt.Sprintf("%s is ahead: it holds serial %d, and takes nothing from us (ours: %d)", name, p.Serial, f.serial))
	trouble := of(model.AlarmRefuses, refuses, answers, name+" refuses"+why)
	differs := of(model.AlarmDiffers, p.State == watch.Differs, p.State == watch.InStep && !p.Compared.IsZero(), name+" serves other contents at our serial"+why)
	refused := of(model.AlarmTransfers, !p.Refused.IsZero(), true, name+" was refused: "+p.Refusal)
	var old string
	if p.Peer.Key != nil {
		old = p.Peer.Key.Name.String()
	}
	key := of(model.AlarmTSIG, p.Use == watch.UsesOld, p.Use == "" || p.Use == watch.UsesNew, name+" still signs with "+old+", which is to be retired")
	return []verdict{behind, silent, ahead, trouble, expires(f, p, set), differs, refused, key}
}

// expires says whether the copy of a peer that is not in step ends soon (RFC 1035 section 3.3.13): counted from when it was last seen
// in step, for only then it is certain to have renewed it.
func expires(f *facts, p *watch.Fare, set settings) verdict {
	v := verdict{rule: model.AlarmExpires}
	switch {
	case p.State == watch.InStep || p.State == watch.Differs:
		v.is = no
		return v
	case p.State == watch.Unknown || p.Since.IsZero() || f.expire <= 0:
		return v
	}
	end := p.Since.Add(f.expire)
	warn := end.Add(-min(set.of(model.AlarmExpires).Before, f.expire/2))
	if f.now.Before(warn) {
		v.is, v.again = no, warn
		return v
	}
	v.is = yes
	v.text = fmt.Sprintf("%s was last seen in step %s ago: its copy expires in %s", p.Peer.Name, inWords(f.now.Sub(p.Since)), inWords(end.Sub(f.now)))
	if !f.now.Before(end) {
		v.text = fmt.Sprintf("%s was last seen in step %s ago: its copy has expired", p.Peer.Name, inWords(f.now.Sub(p.Since)))
	}
	return v
}

// inWords is a time in its two largest units.
func inWords(d time.Duration) string {
	d = max(d.Round(time.Second), 0)
	days, rest := d/(24*time.Hour), d%(24*time.Hour)
	parts := []string{}
	add := func(n time.Duration, unit string) {
		if n > 0 && len(parts) < 2 {
			parts = append(parts, fmt.Sprintf("%d %s", n, unit))
		}
	}
	add(days, "d")
	add(rest/time.Hour, "h")
	add(rest%time.Hour/time.Minute, "min")
	add(rest%time.Minute/time.Second, "s")
	if len(parts) == 0 {
		return "0 s"
	}
	return strings.Join(parts, " ")
}

// settings are an account's rules.
type settings map[model.AlarmRule]model.AlarmSetting

func settingsOf(list []model.AlarmSetting) settings {
	out := make(settings, len(list))
	for _, s := range list {
		out[s.Rule] = s
	}
	return out
}

func (s settings) of(r model.AlarmRule) model.AlarmSetting { return s[r] }
