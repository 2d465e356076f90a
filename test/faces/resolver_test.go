package faces_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// resolver is a scripted recursive resolver on real UDP and TCP sockets. A host that it does not know gets no answer.
type resolver struct {
	addr string

	mu    sync.Mutex
	hosts map[string][]netip.Addr
	ttl   uint32
	dead  bool
	asked int
}

func startResolver(t *testing.T, ttl uint32) *resolver {
	t.Helper()
	s := &resolver{hosts: map[string][]netip.Addr{}, ttl: ttl}
	var lis net.Listener
	var pc net.PacketConn
	for range 20 { // the same free port for both
		var err error
		if lis, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if pc, err = net.ListenPacket("udp", lis.Addr().String()); err == nil {
			break
		}
		lis.Close()
	}
	if pc == nil {
		t.Fatal("no port is free for UDP and TCP")
	}
	s.addr = lis.Addr().String()
	var wg sync.WaitGroup
	wg.Go(func() { s.udp(pc) })
	wg.Go(func() { s.tcp(lis, &wg) })
	t.Cleanup(func() { pc.Close(); lis.Close(); wg.Wait() })
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

func (s *resolver) die() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = true
}

// count gives the questions so far.
func (s *resolver) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *resolver) udp(pc net.PacketConn) {
	buf := make([]byte, wire.MaxMessage)
	for {
		n, from, err := pc.ReadFrom(buf)
		if err != nil {
			return
		}
		if msg := s.answer(buf[:n]); msg != nil {
			pc.WriteTo(msg, from)
		}
	}
}

func (s *resolver) tcp(lis net.Listener, wg *sync.WaitGroup) {
	for {
		conn, err := lis.Accept()
		if err != nil {
			return
		}
		wg.Go(func() {
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(5 * time.Second))
			var size [2]byte
			if _, err := io.ReadFull(conn, size[:]); err != nil {
				return
			}
			msg := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(conn, msg); err != nil {
				return
			}
			if out := s.answer(msg); out != nil {
				conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...))
			}
		})
	}
}

func (s *resolver) answer(msg []byte) []byte {
	r, err := wire.NewReader(msg)
	if err != nil {
		return nil
	}
	q := r.Question()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	addrs, known := s.hosts[q.Name.Host()]
	if s.dead {
		return nil
	}
	var b wire.Builder
	b.Start(nil, wire.MaxMessage, wire.ID(msg), wire.FlagQR|wire.FlagRA)
	b.Question([]byte(q.Name), q.Type, q.Class)
	if !known {
		b.SetRcode(wire.RcodeServFail)
	}
	some := false
	for _, a := range addrs {
		if a.Is4() == (q.Type == wire.TypeA) {
			some = true
			b.AppendRaw(wire.RawRR{Owner: []byte(q.Name), Type: q.Type, Class: wire.ClassIN, TTL: s.ttl, RData: a.AsSlice()})
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
	return whole
}
