package xfr_test

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// A transfer says for how long its data may live, in its first message and when it is asked to (RFC 7314 section 3.2).
func TestExpire(t *testing.T) {
	t.Parallel()
	first := soa(7)
	data := first.Data[0]
	binary.BigEndian.PutUint32(data[len(data)-8:], 1234)
	sets := []rr.Set{first}
	for i := range 3000 {
		owner, _ := apex.Child("host-" + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)))
		sets = append(sets, rr.Set{Owner: owner, Type: wire.TypeA, TTL: 60, Data: [][]byte{{192, 0, 2, 1}}})
	}
	v, err := zone.Build(apex, sets)
	if err != nil {
		t.Fatal(err)
	}
	p := serve(t, nil)
	p.put(v, nil)
	axfr := new(dns.Msg).SetAxfr("example.org.")
	old, newest := new(dns.Msg).SetIxfr("example.org.", 1, "n.", "h."), new(dns.Msg).SetIxfr("example.org.", 7, "n.", "h.")
	for _, m := range []*dns.Msg{axfr, old, newest} {
		for _, asks := range []bool{false, true} {
			m.SetEdns0(1232, false)
			if asks {
				m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_EXPIRE{Code: dns.EDNS0EXPIRE, Empty: true}}
			}
			nc, err := net.Dial("tcp", p.addr.String())
			if err != nil {
				t.Fatal(err)
			}
			c := dns.Conn{Conn: nc}
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			if err := c.WriteMsg(m); err != nil {
				t.Fatal(err)
			}
			var got []uint32
			for i := 0; ; i++ {
				answer, err := c.ReadMsg()
				if err != nil {
					break // the test's server answers one request
				}
				if opt := answer.IsEdns0(); opt != nil && i == 0 {
					for _, o := range opt.Option {
						got = append(got, o.(*dns.EDNS0_EXPIRE).Expire)
					}
				} else if opt != nil {
					t.Errorf("message %d has an OPT record", i)
				}
			}
			_ = c.Close()
			p.last()
			if want := asks; (len(got) == 1 && got[0] == 1234) != want || len(got) > 1 {
				t.Errorf("%s, asked %v: %v", m.Question[0].String(), asks, got)
			}
			m.Extra = nil
		}
	}
}
