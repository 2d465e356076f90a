package xfr_test

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
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
	for _, q := range []struct {
		kind   string
		typ    wire.Type
		serial uint32
	}{{"AXFR", wire.TypeAXFR, 0}, {"IXFR of an old version", wire.TypeIXFR, 1}, {"IXFR of the newest", wire.TypeIXFR, 7}} {
		for _, asks := range []bool{false, true} {
			messages := exchange(t, p.addr.String(), expireQuery(t, q.typ, q.serial, asks))
			p.last()
			var got []uint32
			for i, m := range messages {
				for _, r := range m.Additionals {
					opt, ok := r.Body.(*dnsmessage.OPTResource)
					if !ok {
						continue
					}
					if i > 0 {
						t.Errorf("%s: message %d has an OPT record", q.kind, i)
					}
					for _, o := range opt.Options {
						if o.Code != uint16(wire.OptionExpire) || len(o.Data) != 4 {
							t.Fatalf("%s: option %d of %d octets", q.kind, o.Code, len(o.Data))
						}
						got = append(got, binary.BigEndian.Uint32(o.Data))
					}
				}
			}
			if len(messages) == 0 || (len(got) == 1 && got[0] == 1234) != asks || len(got) > 1 {
				t.Errorf("%s, asked %v: %v in %d messages", q.kind, asks, got, len(messages))
			}
		}
	}
}

// expireQuery is a request for a transfer with EDNS, and with an empty EXPIRE option if it asks.
func expireQuery(t *testing.T, typ wire.Type, serial uint32, asks bool) []byte {
	t.Helper()
	zone := dnsmessage.MustNewName("example.org.")
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 7},
		Questions: []dnsmessage.Question{{Name: zone, Type: dnsmessage.Type(typ), Class: dnsmessage.ClassINET}},
	}
	if typ == wire.TypeIXFR {
		m.Authorities = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: zone, Class: dnsmessage.ClassINET},
			Body:   &dnsmessage.SOAResource{NS: zone, MBox: zone, Serial: serial},
		}}
	}
	opt := dnsmessage.Resource{Body: &dnsmessage.OPTResource{}}
	if err := opt.Header.SetEDNS0(1232, dnsmessage.RCodeSuccess, false); err != nil {
		t.Fatal(err)
	}
	if asks {
		opt.Body = &dnsmessage.OPTResource{Options: []dnsmessage.Option{{Code: uint16(wire.OptionExpire)}}}
	}
	m.Additionals = []dnsmessage.Resource{opt}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// exchange sends one request over TCP and gives what comes until the connection ends: the test's server answers one.
func exchange(t *testing.T, addr string, msg []byte) (out []dnsmessage.Message) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(testkit.Patience))
	if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)); err != nil {
		t.Fatal(err)
	}
	for {
		var n [2]byte
		if _, err := io.ReadFull(c, n[:]); err != nil {
			return out
		}
		b := make([]byte, binary.BigEndian.Uint16(n[:]))
		if _, err := io.ReadFull(c, b); err != nil {
			return out
		}
		var m dnsmessage.Message
		if err := m.Unpack(b); err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
}
