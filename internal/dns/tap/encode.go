package tap

import (
	"net/netip"

	"google.golang.org/protobuf/encoding/protowire"
)

// Numbers of dnstap.proto: fields of Dnstap and Message, and values of their enumerations.
const (
	fieldIdentity = 1
	fieldVersion  = 2
	fieldMessage  = 14
	fieldType     = 15
	typeMessage   = 1

	fieldKind         = 1
	fieldFamily       = 2
	fieldProtocol     = 3
	fieldFrom         = 4
	fieldTo           = 5
	fieldFromPort     = 6
	fieldToPort       = 7
	fieldQuerySec     = 8
	fieldQueryNsec    = 9
	fieldQuery        = 10
	fieldZone         = 11
	fieldResponseSec  = 12
	fieldResponseNsec = 13
	fieldResponse     = 14

	authQuery    = 1
	authResponse = 2
	inet         = 1
	inet6        = 2
)

// encode appends a message, a query or the answer to it, to b. A query is told with the time at which it was answered: the two are
// microseconds apart.
func (t *Tap) encode(b, scratch []byte, m *slot, kind uint64, zone []byte) (frame, grown []byte) {
	s := number(scratch[:0], fieldKind, kind)
	family := uint64(inet6)
	if m.from.Addr().Is4() {
		family = inet
	}
	s = number(s, fieldFamily, family)
	s = number(s, fieldProtocol, uint64(m.proto))
	s = address(s, fieldFrom, fieldFromPort, m.from)
	s = address(s, fieldTo, fieldToPort, m.to)
	sec, nsec := uint64(m.at/1e9), uint32(m.at%1e9)
	s = moment(s, fieldQuerySec, fieldQueryNsec, sec, nsec)
	if kind == authQuery {
		s = octets(s, fieldQuery, m.query[:m.nq])
	}
	if len(zone) > 0 {
		s = octets(s, fieldZone, zone)
	}
	if kind == authResponse {
		s = moment(s, fieldResponseSec, fieldResponseNsec, sec, nsec)
		s = octets(s, fieldResponse, m.response[:m.nr])
	}
	b = octets(b, fieldIdentity, []byte(t.cfg.Identity))
	b = octets(b, fieldVersion, []byte(t.cfg.Version))
	b = octets(b, fieldMessage, s)
	return number(b, fieldType, typeMessage), s
}

func number(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func octets(b []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

func moment(b []byte, seconds, nanoseconds protowire.Number, sec uint64, nsec uint32) []byte {
	b = number(b, seconds, sec)
	return protowire.AppendFixed32(protowire.AppendTag(b, nanoseconds, protowire.Fixed32Type), nsec)
}

// address leaves out what is not known: a socket that listens everywhere does not say at which address it was asked.
func address(b []byte, field, port protowire.Number, a netip.AddrPort) []byte {
	if !a.IsValid() {
		return b
	}
	if !a.Addr().IsUnspecified() {
		b = octets(b, field, a.Addr().AsSlice())
	}
	return number(b, port, uint64(a.Port()))
}
