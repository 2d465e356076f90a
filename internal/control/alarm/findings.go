package alarm

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/parent"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// KeyFindings says of a zone's keys which wait for somebody to act: whoever changes what the parent has.
func KeyFindings(keys []model.ZoneKey) (out []Finding) {
	for i := range keys {
		k := &keys[i]
		f := Finding{Rule: model.AlarmKeyWaits, Object: k.ID, Subject: fmt.Sprint("key ", k.Public.Tag())}
		if w := k.Wait; w != nil && (w.For == dnssec.DSAdded || w.For == dnssec.DSRemoved) {
			f.Broken, f.Since = true, w.Since
			what := "to show its DS record"
			if w.For == dnssec.DSRemoved {
				what = "to show its DS record no more"
			}
			f.Text = fmt.Sprintf("key %d waits for the parent %s", k.Public.Tag(), what)
		}
		out = append(out, f)
	}
	return out
}

// ParentFinding holds the name servers that the parent lists against those of the zone.
func ParentFinding(z *zone.Zone, seen *parent.Answer) Finding {
	var ours []wire.Name
	for _, s := range z.State().Transfer.Sets(z.Name) {
		if s.Type != wire.TypeNS {
			continue
		}
		for _, d := range s.Data {
			name := bytes.Clone(d)
			wire.FoldName(name)
			ours = append(ours, wire.Name(name))
		}
	}
	slices.Sort(ours)
	f := Finding{Rule: model.AlarmParentNS, Subject: seen.Parent.String()}
	for i := range seen.Seen {
		if s := &seen.Seen[i]; s.Error == "" && !slices.Equal(s.NS, ours) {
			f.Broken = true
			f.Text = fmt.Sprintf("%s lists %s at %s, the zone has %s", seen.Parent, names(s.NS), s.Server.Host(), names(ours))
			break
		}
	}
	return f
}

// namesMost is how many names a text has.
const namesMost = 8

func names(list []wire.Name) string {
	if len(list) == 0 {
		return "no name server"
	}
	out := make([]string, 0, len(list))
	for _, n := range list[:min(len(list), namesMost)] {
		out = append(out, n.Host())
	}
	if more := len(list) - namesMost; more > 0 {
		out = append(out, fmt.Sprint("and ", more, " more"))
	}
	return strings.Join(out, ", ")
}
