package faces_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit/scripted"
)

// resolver is a scripted recursive resolver on real UDP and TCP sockets. A host that it does not know gets SERVFAIL. A
// hostile one answers with a lie and TC over UDP, and over TCP late, with records that nobody has asked for.
type resolver struct {
	addr string

	mu    sync.Mutex
	hosts map[string][]netip.Addr
	ttl   uint32
	dead  bool
	evil  bool
	asked int
}

func startResolver(t *testing.T, ttl uint32) *resolver {
	t.Helper()
	s := &resolver{hosts: map[string][]netip.Addr{}, ttl: ttl}
	s.addr = scripted.Serve(t, func(network string, _ net.Addr, msg []byte) [][]byte {
		out, delay := s.answer(network, msg)
		if out == nil {
			return nil
		}
		<-time.After(delay)
		return [][]byte{out}
	})
	return s
}

// set makes a host known by its addresses, or by none.
func (s *resolver) set(host string, addrs ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []netip.Addr{}
	for _, a := range addrs {
		list = append(list, netip.MustParseAddr(a))
	}
	s.hosts[host] = list
}

// fail makes a host one that gets SERVFAIL.
func (s *resolver) fail(host string) { s.edit(func() { delete(s.hosts, host) }) }

// die makes it silent, live ends that.
func (s *resolver) die()  { s.edit(func() { s.dead = true }) }
func (s *resolver) live() { s.edit(func() { s.dead = false }) }

// turn makes it hostile.
func (s *resolver) turn() { s.edit(func() { s.evil = true }) }

func (s *resolver) edit(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// count gives the questions so far.
func (s *resolver) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// lie is an address that must never be believed.
const lie = "203.0.113.66"

func (s *resolver) answer(network string, msg []byte) (out []byte, delay time.Duration) {
	r, err := wire.NewReader(msg)
	if err != nil {
		return nil, 0
	}
	q := r.Question()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.dead {
		return nil, 0
	}
	addrs, known := s.hosts[q.Name.Host()]
	flags := wire.FlagQR | wire.FlagRA
	if s.evil && network == "udp" {
		flags |= wire.FlagTC
		addrs, known = []netip.Addr{netip.MustParseAddr(lie)}, true
	}
	var b wire.Builder
	b.Start(nil, wire.MaxMessage, wire.ID(msg), flags)
	b.Question([]byte(q.Name), q.Type, q.Class)
	if !known {
		b.SetRcode(wire.RcodeServFail)
	}
	if s.evil && network == "tcp" {
		delay = 300 * time.Millisecond
		b.AppendRaw(s.a(wire.MustName("other.test"), netip.MustParseAddr(lie)))
		if q.Type == wire.TypeAAAA {
			b.AppendRaw(s.a(q.Name, netip.MustParseAddr(lie)))
		}
	}
	some := false
	for _, a := range addrs {
		if a.Is4() == (q.Type == wire.TypeA) {
			some = true
			b.AppendRaw(s.a(q.Name, a))
		}
	}
	if !some && known { // a proof that there are none, which holds as long as an answer would
		soa := append([]byte(wire.MustName("m.test")), wire.MustName("h.test")...)
		for _, v := range []uint32{1, 2, 3, 4, s.ttl} {
			soa = binary.BigEndian.AppendUint32(soa, v)
		}
		b.Section(wire.SectionAuthority)
		b.AppendRaw(wire.RawRR{Owner: []byte(wire.MustName("test")), Type: wire.TypeSOA, Class: wire.ClassIN, TTL: s.ttl, RData: soa})
	}
	whole := b.Finish()
	end := wire.HeaderLen + len(q.Name)
	copy(whole[wire.HeaderLen:end], msg[wire.HeaderLen:end]) // the client's own spelling
	return whole, delay
}

func (s *resolver) a(owner wire.Name, a netip.Addr) wire.RawRR {
	t := wire.TypeA
	if a.Is6() {
		t = wire.TypeAAAA
	}
	return wire.RawRR{Owner: []byte(owner), Type: t, Class: wire.ClassIN, TTL: s.ttl, RData: a.AsSlice()}
}
