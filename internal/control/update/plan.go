package update

import (
	"bytes"
	"maps"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	message "github.com/headwaterdns/headwater/internal/dns/update"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// shape gives the message's data the form in which records are kept, so that they compare. What has no such form no record has: it can
// be looked for, and is refused where it is to be added.
func (u *request) shape(apex wire.Name) {
	for _, list := range [][]message.RR{u.m.Prerequisites, u.m.Updates} {
		for i := range list {
			r := &list[i]
			if len(r.Data) == 0 || r.Type == wire.TypeSOA || rr.IsMeta(r.Type) {
				continue
			}
			if _, _, data, err := u.s.cfg.Form(r.Type, r.Data, apex); err == nil {
				r.Data = data
			}
		}
	}
}

// planner is a message in its transaction.
type planner struct {
	u    *request
	view model.View
	rows map[wire.Name][]*model.Record

	// What is to be done: what goes comes first and what comes last, so that no rule is broken on the way.
	gone, changed, added []model.Edit
}

// plan works out, from the zone as it is in the transaction, which edits the message comes to. It may be called again, with another state.
func (u *request) plan(v model.View) ([]model.Edit, error) {
	u.failure, u.rep.Edits = nil, 0
	p := &planner{u: u, view: v, rows: map[wire.Name][]*model.Record{}}
	edits, err := p.plan()
	if f, ok := err.(*message.Failure); ok { //nolint:errorlint // it is package message's own, and the transaction's errors are told apart from it
		u.failure = f
		return nil, &model.Invalid{Code: model.CodeRequestInvalid, Message: f.Reason}
	}
	u.rep.Edits = len(edits)
	return edits, err
}

func (p *planner) plan() ([]model.Edit, error) {
	may := p.u.policy(p.view.Zone) // which somebody may have changed since it was looked at
	if err := p.u.m.Prescan(may); err != nil {
		return nil, err
	}
	z := &message.Zone{Apex: p.view.Zone.Name, Read: p.read, LeastTTL: rules.LeastTTL, MostTTL: rules.MostTTL}
	if err := p.u.m.Check(z); err != nil {
		return nil, err
	}
	if err := p.u.m.Apply(z, may); err != nil {
		return nil, err
	}
	for _, n := range p.u.m.Names() {
		if _, read := p.rows[n]; !read {
			continue
		}
		node, err := z.At(n)
		if err != nil {
			return nil, err
		}
		if err := p.compare(n, node); err != nil {
			return nil, err
		}
	}
	return slices.Concat(p.gone, p.changed, p.added), nil
}

// read makes RRsets of the records at a name as they are stored, whatever is answered in the place of proxied and flattened ones; with
// what the server adds by itself.
func (p *planner) read(n wire.Name) (message.Node, error) {
	rows, err := p.view.Rows(n)
	if err != nil {
		return nil, err
	}
	p.rows[n] = rows
	node := message.Node{}
	for _, r := range rows {
		s := node[r.Type]
		if s == nil {
			s = &message.Set{TTL: ttlOf(r)}
			node[r.Type] = s
		}
		s.TTL = min(s.TTL, ttlOf(r))
		s.Data = append(s.Data, r.RData)
		s.Answered = s.Answered || p.view.Answered(r)
	}
	for _, set := range p.view.Published(n) {
		if made(set.Type) {
			own(node, set.Type, set.TTL, set.Data...)
		}
	}
	if n == p.view.Zone.Name {
		own(node, wire.TypeSOA, p.view.SOA.TTL, p.view.SOA.Data...)
		for _, host := range p.view.Zone.NS() {
			if ns, err := wire.ParseName(host); err == nil { // no other has been let in
				own(node, wire.TypeNS, p.view.Zone.Settings.NSTTL, []byte(ns))
			}
		}
	}
	return node, nil
}

// made says whether records of a type may be the server's own, beside those that are stored.
func made(t wire.Type) bool {
	const zonemd = 63
	switch t {
	case wire.TypeRRSIG, wire.TypeNSEC, wire.TypeNSEC3, wire.TypeNSEC3PARAM, wire.TypeDNSKEY, wire.TypeCDS, wire.TypeCDNSKEY, zonemd:
		return true
	default:
		return false
	}
}

// own adds data that the server keeps by itself.
func own(node message.Node, t wire.Type, ttl uint32, data ...[]byte) {
	s := node[t]
	if s == nil {
		s = &message.Set{TTL: ttl}
		node[t] = s
	}
	for _, d := range data {
		if !holds(s.Data, d) {
			s.Data, s.Own = append(s.Data, d), append(s.Own, d)
		}
	}
}

func holds(list [][]byte, data []byte) bool {
	return slices.ContainsFunc(list, func(d []byte) bool { return bytes.Equal(d, data) })
}

// automatic is what a TTL of 1 is answered with.
const automatic = 300

func ttlOf(r *model.Record) uint32 {
	if r.TTL <= rules.AutomaticTTL {
		return automatic
	}
	return r.TTL
}

// compare notes which edits bring the records at a name to what the message has made of them.
func (p *planner) compare(n wire.Name, node message.Node) error {
	types := map[wire.Type]bool{}
	for _, r := range p.rows[n] {
		types[r.Type] = true
	}
	for t := range node {
		types[t] = true
	}
	for _, t := range slices.Sorted(maps.Keys(types)) {
		if t == wire.TypeSOA {
			if err := p.compareSOA(node[t]); err != nil {
				return err
			}
			continue
		}
		if err := p.compareSet(n, t, node[t]); err != nil {
			return err
		}
	}
	return nil
}

// compareSet is that for one RRset, nil for none any more. Records that stay keep their ids, comments and tags, and so does one whose data
// give way to others: that is what clients mean who remove an address and add another.
func (p *planner) compareSet(n wire.Name, t wire.Type, s *message.Set) error {
	if s == nil {
		s = &message.Set{}
	}
	var gone []*model.Record
	var first *model.Record
	stored := map[string]bool{}
	for _, r := range p.rows[n] {
		if r.Type == t {
			stored[string(r.RData)] = true
		}
		switch {
		case r.Type != t:
			continue
		case !s.Has(r.RData):
			gone = append(gone, r)
		case s.Set && !r.Proxied && ttlOf(r) != s.TTL:
			p.edit(r.ID, func(r *model.Record) { r.TTL = s.TTL })
		}
		if first == nil {
			first = r
		}
	}
	for _, data := range s.Data {
		if holds(s.Own, data) || stored[string(data)] {
			continue
		}
		if t == wire.TypeNS && n == p.view.Zone.Name && !p.view.Zone.Settings.MultiProvider {
			return &message.Failure{Code: wire.RcodeRefused, Reason: "name servers at the apex are the server's own, unless the zone has several providers"}
		}
		content, priority, canonical, err := p.u.s.cfg.Form(t, data, p.view.Zone.Name)
		if err != nil {
			return &message.Failure{Code: wire.RcodeRefused, Reason: err.Error()}
		}
		if len(gone) > 0 {
			p.edit(gone[0].ID, func(r *model.Record) { r.Content, r.Priority, r.RData, r.TTL = content, priority, canonical, s.TTL })
			gone = gone[1:]
			continue
		}
		r := model.Record{Name: n, Type: t, TTL: s.TTL, Content: content, Priority: priority, RData: canonical}
		if first != nil { // what is answered in the place of an RRset's records is answered in the place of all of them
			r.Proxied, r.Settings = first.Proxied, first.Settings
		}
		p.added = append(p.added, model.AddRecord{Record: r})
	}
	for _, r := range gone {
		p.gone = append(p.gone, model.DeleteRecord{ID: r.ID})
	}
	return nil
}

func (p *planner) edit(id model.ID, change func(*model.Record)) {
	p.changed = append(p.changed, model.EditRecord{ID: id, Apply: func(r model.Record) (model.Record, error) {
		change(&r)
		return r, nil
	}})
}

// compareSOA has the zone's SOA become another: the serial goes on to what was asked for, and the rest are settings of the zone.
func (p *planner) compareSOA(s *message.Set) error {
	was := p.view.SOA
	if s == nil || !s.Set {
		return nil
	}
	data := s.Data[0]
	serial, err := wire.SOASerial(data)
	if err != nil {
		return &message.Failure{Code: wire.RcodeFormErr, Reason: "the SOA is malformed"}
	}
	p.changed = append(p.changed, model.RaiseSerial{AtLeast: serial})
	old, now := soaOf(was.Data[0], was.TTL), soaOf(data, s.TTL)
	if old == now {
		return nil
	}
	p.changed = append(p.changed, model.EditZone{Action: "dns_settings", Apply: func(z model.Zone) (model.Zone, error) {
		set := &z.Settings.SOA
		before := *set
		change(&set.MName, old.MName, now.MName)
		change(&set.RName, old.RName, now.RName)
		for _, v := range []struct {
			at       *uint32
			old, now uint32
		}{
			{&set.Refresh, old.Refresh, now.Refresh},
			{&set.Retry, old.Retry, now.Retry},
			{&set.Expire, old.Expire, now.Expire},
			{&set.MinTTL, old.MinTTL, now.MinTTL},
			{&set.TTL, old.TTL, now.TTL},
		} {
			change(v.at, v.old, v.now)
		}
		return z, rules.SOA(&before, set)
	}})
	return nil
}

// change sets what the message wants to be another than it is; what it leaves keeps the words that a person has used.
func change[T comparable](at *T, old, now T) {
	if old != now {
		*at = now
	}
}

// soaOf reads an SOA's RDATA, which is well-formed.
func soaOf(data []byte, ttl uint32) model.SOA {
	n, _ := wire.NameLen(data)
	m, _ := wire.NameLen(data[n:])
	v := message.SOATimes(data)
	return model.SOA{
		MName: wire.Name(data[:n]).Host(), RName: wire.Name(data[n : n+m]).Host(),
		Refresh: v[1], Retry: v[2], Expire: v[3], MinTTL: v[4], TTL: ttl,
	}
}
