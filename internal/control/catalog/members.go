package catalog

import (
	"slices"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Member is a zone of a catalog. Unique is its label there (RFC 9432 section 4.1), by which consumers tell it from a later zone of
// its name: the zone's id, so that it stays the same for as long as the zone does.
type Member struct {
	Unique string
	Zone   wire.Name
	Group  string // empty for none
}

// Labels of a catalog (RFC 9432 sections 4.1 to 4.3).
const (
	labelVersion = "\x07version"
	labelZones   = "\x05zones"
	labelGroup   = "\x05group"
)

// schema is the version of the layout, as a TXT record has it.
const schema = "\x012"

// ttl is of all records of a catalog; consumers do not look at it.
const ttl = 3600

// Members reads what a catalog lists, by label.
func Members(v *zone.Version) map[string]Member {
	zones := labelZones + string(v.Apex())
	out := map[string]Member{}
	v.Walk(func(owner []byte, set zone.RRset) bool {
		front, ok := strings.CutSuffix(string(owner), zones)
		if !ok || set.Type != wire.TypePTR && set.Type != wire.TypeTXT {
			return true
		}
		it := set.Iter()
		if !it.Next() {
			return true
		}
		data := string(it.AppendFull(nil))
		if group, ok := strings.CutPrefix(front, labelGroup); ok && set.Type == wire.TypeTXT {
			m := out[unlabel(group)]
			m.Unique, m.Group = unlabel(group), data[1:]
			out[m.Unique] = m
		} else if set.Type == wire.TypePTR {
			m := out[unlabel(front)]
			m.Unique, m.Zone = unlabel(front), wire.Name(data)
			out[m.Unique] = m
		}
		return true
	})
	return out
}

func label(text string) string { return string([]byte{byte(len(text))}) + text }

func unlabel(l string) string { return l[min(1, len(l)):] }

// Wanted is what a peer's catalog should list: the zones that are transferred to it. Catalogs are no members of one another.
func Wanted(linked []*zone.Zone, peer string) map[string]Member {
	out := map[string]Member{}
	for _, z := range linked {
		l := z.State().Links
		at := slices.Index(l.Peers, peer)
		if at < 0 || !l.Enabled || l.Hidden {
			continue
		}
		m := Member{Unique: z.ID, Zone: z.Name}
		if l.Groups != nil {
			m.Group = l.Groups[at]
		}
		out[m.Unique] = m
	}
	return out
}

// First are the records that make a zone a catalog, of no members.
func First(apex wire.Name) []model.Edit {
	return []model.Edit{model.ReplaceAt{Name: wire.Name(labelVersion + string(apex)), Records: []model.Record{text(schema)}}}
}

// records are what a member takes in a catalog.
func (m *Member) records(apex wire.Name) []model.Edit {
	at := label(m.Unique) + labelZones + string(apex)
	ptr := model.ReplaceAt{Name: wire.Name(at), Records: []model.Record{{
		Type: wire.TypePTR, TTL: ttl, Content: m.Zone.Host(), RData: []byte(m.Zone),
	}}}
	group := model.ReplaceAt{Name: wire.Name(labelGroup + at)}
	if m.Group != "" {
		group.Records = []model.Record{text(label(m.Group))}
	}
	return []model.Edit{ptr, group}
}

// without takes a member's records out.
func (m *Member) without(apex wire.Name) []model.Edit {
	at := label(m.Unique) + labelZones + string(apex)
	return []model.Edit{model.ReplaceAt{Name: wire.Name(at)}, model.ReplaceAt{Name: wire.Name(labelGroup + at)}}
}

// text is a TXT record of one string.
func text(data string) model.Record {
	return model.Record{Type: wire.TypeTXT, TTL: ttl, Content: `"` + data[1:] + `"`, RData: []byte(data)}
}

// MaxName is the longest name of a catalog, in octets on the wire: behind the labels of a member's group it must still be a name.
const MaxName = wire.MaxName - 33 - len(labelZones) - len(labelGroup)

// GroupText says whether a text can be a group: consumers take it for the name of a template.
func GroupText(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return len(s) > 0 && len(s) <= 63
}

// Zone is a catalog that lists nothing yet, for a peer. What RFC 9432 section 4.2 leaves open of SOA and NS is as in its examples.
func Zone(id, account, peer model.ID, name wire.Name, now time.Time) model.Zone {
	on := true
	z := model.Zone{
		ID: id, Account: account, Name: name, Status: model.StatusCatalog, Created: now, Activated: now, VanityNS: []string{"invalid"},
		Settings: model.DefaultSettings(), Mode: model.ModeOrigin, OutgoingTransfers: &on,
		Outgoing: &model.Outgoing{Name: name.Host(), Peers: []model.ID{peer}, Enabled: true, Created: now, Modified: now},
	}
	z.Settings.SOA = model.SOA{MName: "invalid", RName: "invalid", Refresh: 3600, Retry: 600, Expire: 2147483646, TTL: ttl}
	return z
}
