package update

import (
	"fmt"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Failure is why a message is not done: the response code, and a reason for people.
type Failure struct {
	Code   wire.Rcode
	Reason string
}

func (f *Failure) Error() string { return f.Code.String() + ": " + f.Reason }

func fail(code wire.Rcode, format string, args ...any) *Failure {
	return &Failure{code, fmt.Sprintf(format, args...)}
}

// Message is an UPDATE message (RFC 2136 section 2).
type Message struct {
	Zone          wire.Question
	Prerequisites []RR
	Updates       []RR
}

// RR is a record of a message. Its class says what is meant by it (sections 2.4 and 2.5).
type RR struct {
	Owner wire.Name
	Type  wire.Type
	Class wire.Class
	TTL   uint32
	Data  []byte // canonical, uncompressed; empty where there is none
}

// known says whether the class says anything: there are three.
func (r *RR) known() bool {
	return r.Class == wire.ClassIN || r.Class == wire.ClassANY || r.Class == wire.ClassNONE
}

// Parse reads a message whose header, question and TSIG have been looked at. Faults are FORMERR: what has not the form that its section,
// class and type ask for (RFC 2136 sections 2.4 and 2.5) is no message, whoever sent it and whatever else is asked for in it.
func Parse(msg []byte) (*Message, error) {
	r, err := wire.NewReader(msg)
	if err != nil {
		return nil, fail(wire.RcodeFormErr, "%v", err)
	}
	m := &Message{Zone: r.Question()}
	for rec := (wire.Record{}); r.Next(&rec); {
		if rec.Section == wire.SectionAdditional {
			continue // EDNS and TSIG, which others read; addresses of section 2.6 are hints, and not needed
		}
		if err := form(&rec); err != nil {
			return nil, err
		}
		u := RR{Owner: rec.Owner, Type: rec.Type, Class: rec.Class, TTL: rec.TTL}
		if u.Data, err = data(r, &rec); err != nil {
			return nil, fail(wire.RcodeFormErr, "%s %s: %v", rec.Owner, rec.Type, err)
		}
		if rec.Section == wire.SectionAnswer {
			m.Prerequisites = append(m.Prerequisites, u)
		} else {
			m.Updates = append(m.Updates, u)
		}
	}
	if err := r.Err(); err != nil {
		return nil, fail(wire.RcodeFormErr, "%v", err)
	}
	return m, nil
}

// form looks at what a record's section and class say of its data.
func form(rec *wire.Record) error {
	prerequisite := rec.Section == wire.SectionAnswer
	switch {
	case len(rec.RData) > 0 && (rec.Class == wire.ClassANY || prerequisite && rec.Class == wire.ClassNONE):
		return fail(wire.RcodeFormErr, "%s %s stands for all its data, and has some", rec.Owner, rec.Type)
	case rec.Class == wire.ClassCH && rec.Type == wire.TypeA: // a name and 16 bits there (RFC 1035 section 3.4.1 has those of the Internet)
		return fail(wire.RcodeFormErr, "%s A is none of the Internet", rec.Owner)
	}
	return nil
}

// data is a record's RDATA. Without any it stands for no record but for something about a name, and has no form: but for what is to be
// taken out of an RRset (section 2.5.4), which is a record with its data.
func data(r *wire.Reader, rec *wire.Record) ([]byte, error) {
	one := rec.Class == wire.ClassIN || rec.Class == wire.ClassNONE && rec.Section == wire.SectionAuthority
	if len(rec.RData) == 0 && (!one || rr.IsMeta(rec.Type)) {
		return nil, nil
	}
	out, err := r.Expand(nil, rec)
	if err == nil && !rr.IsMeta(rec.Type) {
		if err = rr.Valid(rec.Type, out); err == nil {
			err = rr.Canonical(rec.Type, out)
		}
	}
	return out, err
}

// Policy says whether the sender of a message may change records of a type at a name. The nil one lets nobody change anything.
type Policy func(owner wire.Name, t wire.Type) bool

// Prescan holds the update section against RFC 2136 section 3.4.1. may is asked of each record, in order;
// of the removal of all that is at a name Apply asks, when it is known what there is.
func (m *Message) Prescan(may Policy) error {
	if may == nil {
		return fail(wire.RcodeRefused, "no update policy of the zone lets the key change anything")
	}
	for i := range m.Updates {
		u := &m.Updates[i]
		if !u.Owner.Within(m.Zone.Name) {
			return fail(wire.RcodeNotZone, "%s is not in the zone", u.Owner)
		}
		all := u.Type == wire.TypeANY && u.Class == wire.ClassANY
		switch {
		case !u.known():
			return fail(wire.RcodeFormErr, "%s %s has the class %d", u.Owner, u.Type, u.Class)
		case rr.IsMeta(u.Type) && !all:
			return fail(wire.RcodeFormErr, "%s is no type of records", u.Type)
		case u.Class != wire.ClassIN && u.TTL != 0:
			return fail(wire.RcodeFormErr, "%s %s is to be removed and has a TTL", u.Owner, u.Type)
		case u.Type == wire.TypeNSEC || u.Type == wire.TypeNSEC3 || u.Type == wire.TypeRRSIG:
			return fail(wire.RcodeRefused, "%s records are made by the server", u.Type)
		case !all && !may(u.Owner, u.Type):
			return fail(wire.RcodeRefused, "the key may not change %s %s", u.Owner, u.Type)
		}
	}
	return nil
}

// Names are those that the message is about, each once.
func (m *Message) Names() []wire.Name {
	seen := map[wire.Name]bool{m.Zone.Name: true}
	out := []wire.Name{m.Zone.Name}
	for _, list := range [][]RR{m.Prerequisites, m.Updates} {
		for i := range list {
			if n := list[i].Owner; !seen[n] && n.Within(m.Zone.Name) {
				seen[n] = true
				out = append(out, n)
			}
		}
	}
	return out
}
