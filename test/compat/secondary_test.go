package compat_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// secret is the shared secret of every TSIG here.
const secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"

// secondary hears NOTIFY messages and fetches zones, all signed with one key.
type secondary struct {
	addr  netip.AddrPort
	key   string // owner name of the TSIG, fully qualified
	heard chan string
}

func listen(t *testing.T, keyName string) *secondary {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	check(t, err)
	s := &secondary{addr: netip.MustParseAddrPort(pc.LocalAddr().String()), key: dns.Fqdn(keyName), heard: make(chan string, 64)}
	srv := &dns.Server{PacketConn: pc, TsigSecret: map[string]string{s.key: secret}, Handler: dns.HandlerFunc(s.hear)}
	srv.MsgAcceptFunc = func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }
	go func() { _ = srv.ActivateAndServe() }()
	t.Cleanup(func() { _ = pc.Close() })
	return s
}

func (s *secondary) hear(w dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg).SetReply(r)
	if r.IsTsig() != nil && w.TsigStatus() == nil {
		m.SetTsig(s.key, dns.HmacSHA256, 300, time.Now().Unix())
		if r.Opcode == dns.OpcodeNotify {
			select {
			case s.heard <- r.Question[0].Name:
			default:
			}
		}
	}
	_ = w.WriteMsg(m)
}

// notified waits for a NOTIFY for a zone.
func (s *secondary) notified(t *testing.T, zone string) {
	t.Helper()
	end := time.After(time.Minute)
	for {
		select {
		case name := <-s.heard:
			if name == dns.Fqdn(zone) {
				return
			}
		case <-end:
			t.Fatalf("no NOTIFY for %s", zone)
		}
	}
}

// fetch transfers a zone from server.
func (s *secondary) fetch(t *testing.T, server netip.AddrPort, zone string) ([]dns.RR, error) {
	t.Helper()
	m := new(dns.Msg).SetAxfr(dns.Fqdn(zone))
	m.SetTsig(s.key, dns.HmacSHA256, 300, time.Now().Unix())
	tr := &dns.Transfer{TsigSecret: map[string]string{s.key: secret}}
	in, err := tr.In(m, server.String())
	if err != nil {
		return nil, err
	}
	var all []dns.RR
	for e := range in {
		if e.Error != nil {
			return nil, e.Error
		}
		all = append(all, e.RR...)
	}
	return all, nil
}

// fetchAll transfers a zone and wants each of the 21 types in it.
func (s *secondary) fetchAll(t *testing.T, server netip.AddrPort, zone string) {
	t.Helper()
	all, err := s.fetch(t, server, zone)
	check(t, err)
	types := map[string]int{}
	for _, rr := range all {
		types[dns.TypeToString[rr.Header().Rrtype]]++
	}
	for _, want := range samples() {
		if types[want.Type] == 0 {
			t.Errorf("no %s in the transfer: %v", want.Type, types)
		}
	}
}
