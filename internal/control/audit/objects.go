package audit

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Kinds of objects; 0 is none.
const (
	kindText = iota + 1 // JSON that an earlier version has written
	kindFacts
	kindRecord
	kindZone
	kindAccount
	kindTSIG
	kindPeer
	kindACL
	kindUser
	kindMember
	kindToken
)

// tagSelf is the id of an object where it is not the one that its part names.
const tagSelf = 63

// writer remembers what was told of each kind, for the next one of it.
type writer struct {
	when   time.Time
	origin []byte
	self   model.ID
	last   map[uint64]*told
	spare  *told // was the last of its kind
}

// object packs one object.
func (w *writer) object(dst []byte, v any) ([]byte, error) {
	if v == nil {
		return append(dst, 0), nil
	}
	kind, now := w.values(v)
	if kind == 0 {
		return nil, fmt.Errorf("audit log: no form for %T", v)
	}
	last := w.last[kind]
	if last == nil {
		last = &told{}
	}
	dst = appendDelta(binary.AppendUvarint(dst, kind), last, now)
	if w.last == nil {
		w.last = map[uint64]*told{}
	}
	w.last[kind], w.spare = now, last
	return dst, nil
}

// fresh is room for the values of one object: a change of a thousand records needs it for two.
func (w *writer) fresh() *told {
	out := w.spare
	if out == nil {
		return &told{}
	}
	w.spare = nil
	out.set, out.room = 0, out.room[:0]
	return out
}

func (w *writer) values(v any) (kind uint64, out *told) {
	out = w.fresh()
	switch v := v.(type) {
	case model.AuditText:
		out.octets(1, v)
		return kindText, out
	case model.AuditFacts:
		w.facts(out, v)
		return kindFacts, out
	case model.Record:
		w.record(out, &v)
		return kindRecord, out
	case *model.Record:
		w.record(out, v)
		return kindRecord, out
	case model.Zone:
		w.zone(out, &v)
		return kindZone, out
	case model.Account:
		w.account(out, &v)
		return kindAccount, out
	case model.TSIG:
		w.own(out, v.ID)
		out.text(1, v.Name)
		out.text(2, v.Algo)
		out.id(3, v.Successor)
		return kindTSIG, out
	case model.Peer:
		w.peer(out, &v)
		return kindPeer, out
	case model.ACL:
		w.acl(out, &v)
		return kindACL, out
	case model.User:
		w.user(out, &v)
		return kindUser, out
	case model.AuditMember:
		w.member(out, &v)
		return kindMember, out
	case model.Token:
		w.token(out, &v)
		return kindToken, out
	}
	return 0, nil
}

func (w *writer) peer(out *told, p *model.Peer) {
	w.own(out, p.ID)
	out.text(1, p.Name)
	out.addr(2, p.IP)
	out.text(3, p.IPText)
	out.number(4, uint64(p.Port))
	out.number(5, uint64(p.IXFR))
	out.id(6, p.TSIG)
	out.number(7, uint64(p.Transport))
	out.text(8, p.ClientKeys)
	if p.Stripped {
		out.number(9, 1)
	}
	out.text(10, p.ClientNames)
	out.text(11, p.Authority)
	n := &p.Notify
	flags := uint64(0)
	if n.TLS {
		flags |= 1
	}
	if n.Clear {
		flags |= 2
	}
	out.number(12, flags)
	out.number(13, uint64(n.Port))
	out.text(14, n.Server)
	out.text(15, n.Keys)
	out.text(16, n.Sources)
}

func (w *writer) acl(out *told, a *model.ACL) {
	w.own(out, a.ID)
	out.text(1, a.Name)
	out.text(2, a.Range)
	if a.Prefix.IsValid() {
		out.text(3, a.Prefix.String())
	}
}

func (w *writer) member(out *told, m *model.AuditMember) {
	w.own(out, m.ID)
	out.text(1, m.Role)
	out.text(2, m.Status)
	out.id(3, m.User.ID)
	out.text(4, m.User.Email)
	out.text(5, m.User.FirstName)
	out.text(6, m.User.LastName)
	var zones []byte
	for _, r := range m.Zones {
		zones = appendOctets(appendOctets(zones, []byte(r.Zone)), []byte(r.Role))
	}
	if zones != nil {
		out.put(7, zones)
	}
}

// object reads what writer.object has packed.
func (r *reader) object() any {
	kind := r.uvarint()
	if kind == 0 || r.bad {
		return nil
	}
	last := r.last[kind]
	if last == nil {
		last = &values{}
	}
	now := r.delta(last)
	if r.bad {
		return nil
	}
	if r.last == nil {
		r.last = map[uint64]*values{}
	}
	r.last[kind] = now
	switch kind {
	case kindText:
		return model.AuditText(now[1])
	case kindFacts:
		return r.facts(now)
	case kindRecord:
		return r.record(now)
	case kindZone:
		return r.zone(now)
	case kindAccount:
		return r.account(now)
	case kindTSIG:
		return model.TSIG{ID: r.own(now), Name: string(now[1]), Algo: string(now[2]), Successor: now.getID(3)}
	case kindPeer:
		p := model.Peer{
			ID: r.own(now), Name: string(now[1]), IPText: string(now[3]), Port: uint16(now.getNumber(4)), IXFR: model.Switch(now.getNumber(5)),
			TSIG: now.getID(6), Transport: model.Transport(now.getNumber(7)), ClientKeys: string(now[8]), Stripped: now.getNumber(9) == 1,
			ClientNames: string(now[10]), Authority: string(now[11]), Notify: model.NotifyBy{
				TLS: now.getNumber(12)&1 != 0, Clear: now.getNumber(12)&2 != 0, Port: uint16(now.getNumber(13)), Server: string(now[14]), Keys: string(now[15]),
				Sources: string(now[16]),
			},
		}
		p.IP, _ = netip.AddrFromSlice(now[2])
		return p
	case kindACL:
		a := model.ACL{ID: r.own(now), Name: string(now[1]), Range: string(now[2])}
		a.Prefix, _ = netip.ParsePrefix(string(now[3]))
		return a
	case kindUser:
		return r.user(now)
	case kindMember:
		m := model.AuditMember{ID: r.own(now), Role: string(now[1]), Status: string(now[2]), User: model.User{
			ID: now.getID(3), Email: string(now[4]), FirstName: string(now[5]), LastName: string(now[6]),
		}}
		for in := (reader{b: now[7]}); len(in.b) > 0; {
			m.Zones = append(m.Zones, model.ZoneRole{Zone: model.ID(in.octets()), Role: string(in.octets())})
			if in.bad {
				r.fail()
				break
			}
		}
		return m
	case kindToken:
		return r.token(now)
	}
	r.fail() // a later version's
	return nil
}

func (w *writer) own(out *told, id model.ID) {
	if id != w.self {
		out.made(tagSelf, appendID(out.room, id))
	}
}

func (r *reader) own(v *values) model.ID {
	if v[tagSelf] != nil {
		return v.getID(tagSelf)
	}
	return r.self
}

// moment is a time as its distance from that of the entry, in microseconds: nearly always none, or the same as before.
func (w *writer) moment(out *told, tag int, t time.Time) {
	if t.IsZero() {
		return
	}
	out.made(tag, binary.AppendVarint(out.room, t.UnixMicro()-w.when.UnixMicro()))
}

func (r *reader) moment(v *values, tag int) time.Time {
	if v[tag] == nil {
		return time.Time{}
	}
	in := reader{b: v[tag]}
	return time.UnixMicro(r.when.UnixMicro() + in.varint()).UTC()
}

// originOf is the wire form of a zone's name, nil where that is none.
func originOf(zone string) []byte {
	n, err := wire.ParseName(zone)
	if err != nil || zone == "" {
		return nil
	}
	return []byte(n)
}

// name is a name in its zone without the zone's own, or whole under the next tag.
func (w *writer) name(out *told, tag int, n wire.Name) {
	if rest, ok := strings.CutSuffix(string(n), string(w.origin)); ok && len(w.origin) > 0 && n.Within(wire.Name(w.origin)) {
		out.made(tag, append(out.room, rest...))
		return
	}
	out.made(tag+1, append(out.room, n...))
}

func (r *reader) name(v *values, tag int) wire.Name {
	if v[tag+1] != nil {
		return wire.Name(v[tag+1])
	}
	if v[tag] == nil {
		return ""
	}
	return wire.Name(string(v[tag]) + string(r.origin))
}

// What a fact is.
const (
	factText = iota + 1
	factNumber
)

func (w *writer) facts(out *told, list model.AuditFacts) {
	var b []byte
	for _, f := range list {
		b = appendOctets(b, []byte(f.Name))
		if f.Text != "" {
			b = appendOctets(append(b, factText), []byte(f.Text))
			continue
		}
		b = binary.AppendVarint(append(b, factNumber), f.Number)
	}
	out.octets(1, b)
}

func (r *reader) facts(v *values) model.AuditFacts {
	in := reader{b: v[1]}
	var out model.AuditFacts
	for len(in.b) > 0 {
		f := model.AuditFact{Name: string(in.octets())}
		switch kind := in.take(1); {
		case in.bad:
		case kind[0] == factText:
			f.Text = string(in.octets())
		case kind[0] == factNumber:
			f.Number = in.varint()
		default:
			in.fail()
		}
		if in.bad {
			r.fail()
			return nil
		}
		out = append(out, f)
	}
	return out
}
