package flatten_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit/scripted"
)

// reply is what the scripted resolver says to one question; the zero value says nothing at all.
type reply struct {
	send  bool
	rcode wire.Rcode
	tc    bool
	rrs   []wire.RawRR // answer section
	auth  []wire.RawRR
	// before are raw datagrams sent ahead of the response.
	before func(question []byte) [][]byte
	// mangle spoils the response.
	mangle func([]byte) []byte
}

// resolver is a scripted resolver on real sockets: a program of lies, delays, truncations and forgeries.
type resolver struct {
	addr string

	mu     sync.Mutex
	script func(network string, name wire.Name, t wire.Type) reply
	asked  []string
	ports  map[string]bool
	ids    map[uint16]bool
	cased  bool
}

func startResolver(t *testing.T, script func(network string, name wire.Name, t wire.Type) reply) *resolver {
	t.Helper()
	s := &resolver{script: script, ports: map[string]bool{}, ids: map[uint16]bool{}}
	s.addr = scripted.Serve(t, s.answer)
	return s
}

func (s *resolver) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

func (s *resolver) answer(network string, from net.Addr, msg []byte) [][]byte {
	r, err := wire.NewReader(msg)
	if err != nil {
		return nil
	}
	q := r.Question()
	end := wire.HeaderLen + len(q.Name)
	s.mu.Lock()
	if network == "udp" {
		s.ports[from.String()] = true
	}
	s.asked = append(s.asked, network+" "+q.Name.Host())
	s.ids[wire.ID(msg)] = true
	s.cased = s.cased || string(msg[wire.HeaderLen:end]) != string(q.Name)
	rep := s.script(network, q.Name, q.Type)
	s.mu.Unlock()
	var out [][]byte
	if rep.before != nil {
		out = rep.before(msg)
	}
	if !rep.send {
		return out
	}
	var b wire.Builder
	flags := wire.FlagQR | wire.FlagRA
	if rep.tc {
		flags |= wire.FlagTC
	}
	b.Start(nil, wire.MaxMessage, wire.ID(msg), flags)
	b.SetRcode(rep.rcode)
	b.Question([]byte(q.Name), q.Type, q.Class)
	for _, rr := range rep.rrs {
		b.AppendRaw(rr)
	}
	b.Section(wire.SectionAuthority)
	for _, rr := range rep.auth {
		b.AppendRaw(rr)
	}
	whole := b.Finish()
	copy(whole[wire.HeaderLen:end], msg[wire.HeaderLen:end]) // the client's own spelling
	if rep.mangle != nil {
		whole = rep.mangle(whole)
	}
	return append(out, whole)
}

// rec makes a record; data is an address or a name.
func rec(owner string, ttl uint32, t wire.Type, data string) wire.RawRR {
	rr := wire.RawRR{Owner: []byte(wire.MustName(owner)), Type: t, Class: wire.ClassIN, TTL: ttl}
	switch t {
	case wire.TypeA, wire.TypeAAAA:
		rr.RData = netip.MustParseAddr(data).AsSlice()
	case wire.TypeSOA:
		rr.RData = append([]byte(wire.MustName(data)), wire.MustName("h."+data)...)
		for _, v := range []uint32{1, 2, 3, 4, 17} {
			rr.RData = binary.BigEndian.AppendUint32(rr.RData, v)
		}
	default:
		rr.RData = []byte(wire.MustName(data))
	}
	return rr
}

func say(rrs ...wire.RawRR) reply { return reply{send: true, rrs: rrs} }

func none() reply {
	return reply{send: true, auth: []wire.RawRR{rec("test", 60, wire.TypeSOA, "test")}}
}
