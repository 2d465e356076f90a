package answer_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/internal/dns/answer"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

const text = `
$TTL 3600
@            SOA ns1 hostmaster 1 7200 3600 1209600 300
@            NS ns1
@            MX 10 mail
ns1          A 192.0.2.1
mail         A 192.0.2.2
mail         AAAA 2001:db8::2
www          A 192.0.2.3
alias        CNAME www
chain        CNAME alias
out          CNAME www.elsewhere.test.
dangling     CNAME nowhere
loop1        CNAME loop2
loop2        CNAME loop1
self.a.ent   A 192.0.2.4
*.wild       TXT "w"
*.wc         CNAME www
x.y.wild     A 192.0.2.5
sub          NS ns.sub
sub          NS ns.other
sub          DS 1 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF
ns.sub       A 192.0.2.6
ns.other     A 192.0.2.7
bare         NS ns.elsewhere.test.
moved        DNAME there
there        A 192.0.2.8
x.there      A 192.0.2.9
_s._tcp      SRV 1 2 3 www
to-fail      CNAME fail
`

func build(t testing.TB, apex, text string, extra ...rr.Set) *zone.Version {
	t.Helper()
	origin := wire.MustName(apex)
	r := rr.NewReader(strings.NewReader(text), origin)
	sets := extra
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := e.Data()
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, rr.Set{Owner: e.Owner, Type: e.Type, TTL: e.TTL, Data: [][]byte{data}})
	}
	v, err := zone.Build(origin, sets)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func database(t testing.TB) *zone.DB {
	t.Helper()
	db := zone.NewDB(0)
	big := rr.Set{Owner: wire.MustName("big.example"), Type: wire.TypeA, TTL: 60}
	for i := range 200 {
		big.Data = append(big.Data, []byte{10, 0, 0, byte(i)})
	}
	v := build(t, "example", text, big,
		rr.Set{Owner: wire.MustName("fail.example"), Type: zone.TypeMark, Data: [][]byte{[]byte(zone.MarkFail)}},
		rr.Set{Owner: wire.MustName("fail.example"), Type: wire.TypeMX, TTL: 60, Data: [][]byte{[]byte("\x00\x0a\x04mail\x07example\x00")}},
		rr.Set{Owner: wire.MustName("empty.example"), Type: zone.TypeMark, Data: [][]byte{[]byte(zone.MarkNone)}})
	db.Reset("1", "a", 1, v, v, zone.Links{}, nil)
	c := build(t, "child.example", "@ 60 SOA ns h 1 2 3 4 60\n@ 60 NS ns.child.example.\nns 60 A 192.0.2.77\n")
	db.Reset("2", "a", 1, c, c, zone.Links{}, nil)
	return db
}

func responder(db *zone.DB) *answer.Responder {
	return answer.New(db, answer.Config{UDPSize: 1232, NSID: "here", Version: "v1"})
}

// ask sends a question through wire.Query and back through the DNS library.
func ask(t testing.TB, r *answer.Responder, m *dns.Msg, size int) *dns.Msg {
	t.Helper()
	raw, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	var q wire.Request
	if out := q.Parse(raw); out != wire.ParseOK {
		t.Fatalf("parse: %v", out)
	}
	q.Size = size
	got := r.Respond([]byte("head"), &q)[4:]
	if len(got) > size {
		t.Errorf("%d octets, limit %d", len(got), size)
	}
	var a dns.Msg
	if err := a.Unpack(got); err != nil {
		t.Fatalf("answer to %s: %v", m.Question[0].String(), err)
	}
	return &a
}

// show writes a message as sorted short lines.
func show(m *dns.Msg) string {
	var b strings.Builder
	b.WriteString(dns.RcodeToString[m.Rcode])
	if m.Authoritative {
		b.WriteString(" aa")
	}
	if m.Truncated {
		b.WriteString(" tc")
	}
	for i, s := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		var lines []string
		for _, r := range s {
			if r.Header().Rrtype == dns.TypeOPT {
				continue
			}
			lines = append(lines, strings.Join(strings.Fields(strings.TrimSuffix(r.Header().Name, "example.")+" "+
				fmt.Sprint(r.Header().Ttl)+" "+dns.TypeToString[r.Header().Rrtype]+" "+strings.TrimPrefix(r.String(), r.Header().String())), " "))
		}
		if i > 0 {
			slices.Sort(lines)
		}
		for _, l := range lines {
			b.WriteString("\n" + []string{"an", "ns", "ad"}[i] + " " + l)
		}
	}
	return b.String()
}

const soaLine = "\nns 300 SOA ns1.example. hostmaster.example. 1 7200 3600 1209600 300"

func TestAnswers(t *testing.T) {
	t.Parallel()
	r := responder(database(t))
	tests := []struct {
		q    string
		typ  uint16
		want string
	}{
		{"www.example.", dns.TypeA, "NOERROR aa\nan www. 3600 A 192.0.2.3"},
		{"WwW.eXample.", dns.TypeA, "NOERROR aa\nan WwW.eXample. 3600 A 192.0.2.3"},
		{"www.example.", dns.TypeAAAA, "NOERROR aa" + soaLine},
		{"none.example.", dns.TypeA, "NXDOMAIN aa" + soaLine},
		{"ent.example.", dns.TypeA, "NOERROR aa" + soaLine},
		{"a.ent.example.", dns.TypeTXT, "NOERROR aa" + soaLine},
		{"alias.example.", dns.TypeA, "NOERROR aa\nan alias. 3600 CNAME www.example.\nan www. 3600 A 192.0.2.3"},
		{"chain.example.", dns.TypeA, "NOERROR aa\nan chain. 3600 CNAME alias.example.\nan alias. 3600 CNAME www.example.\nan www. 3600 A 192.0.2.3"},
		{"chain.example.", dns.TypeMX, "NOERROR aa\nan chain. 3600 CNAME alias.example.\nan alias. 3600 CNAME www.example." + soaLine},
		{"alias.example.", dns.TypeCNAME, "NOERROR aa\nan alias. 3600 CNAME www.example."},
		{"out.example.", dns.TypeA, "NOERROR aa\nan out. 3600 CNAME www.elsewhere.test."},
		{"dangling.example.", dns.TypeA, "NXDOMAIN aa\nan dangling. 3600 CNAME nowhere.example." + soaLine},
		{"loop1.example.", dns.TypeA, "NOERROR aa\nan loop1. 3600 CNAME loop2.example.\nan loop2. 3600 CNAME loop1.example."},
		{"foo.wild.example.", dns.TypeTXT, "NOERROR aa\nan foo.wild. 3600 TXT \"w\""},
		{"foo.wild.example.", dns.TypeA, "NOERROR aa" + soaLine},
		{"y.wild.example.", dns.TypeTXT, "NOERROR aa" + soaLine},
		{"z.y.wild.example.", dns.TypeTXT, "NXDOMAIN aa" + soaLine},
		{"a.b.wc.example.", dns.TypeA, "NOERROR aa\nan a.b.wc. 3600 CNAME www.example.\nan www. 3600 A 192.0.2.3"},
		{"sub.example.", dns.TypeA, "NOERROR\nns sub. 3600 NS ns.other.example.\nns sub. 3600 NS ns.sub.example.\nad ns.other. 3600 A 192.0.2.7\nad ns.sub. 3600 A 192.0.2.6"},
		{"x.y.sub.example.", dns.TypeTXT, "NOERROR\nns sub. 3600 NS ns.other.example.\nns sub. 3600 NS ns.sub.example.\nad ns.other. 3600 A 192.0.2.7\nad ns.sub. 3600 A 192.0.2.6"},
		{"bare.example.", dns.TypeA, "NOERROR\nns bare. 3600 NS ns.elsewhere.test."},
		{"sub.example.", dns.TypeDS, "NOERROR aa\nan sub. 3600 DS 1 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF"},
		{"bare.example.", dns.TypeDS, "NOERROR aa" + soaLine},
		{"x.moved.example.", dns.TypeA, "NOERROR aa\nan moved. 3600 DNAME there.example.\nan x.moved. 3600 CNAME x.there.example.\nan x.there. 3600 A 192.0.2.9"},
		{"moved.example.", dns.TypeA, "NOERROR aa" + soaLine},
		{"fail.example.", dns.TypeA, "SERVFAIL"},
		{"fail.example.", dns.TypeAAAA, "SERVFAIL"},
		{"fail.example.", dns.TypeANY, "SERVFAIL"},
		{"fail.example.", dns.TypeMX, "NOERROR aa\nan fail. 60 MX 10 mail.example.\nad mail. 3600 A 192.0.2.2\nad mail. 3600 AAAA 2001:db8::2"},
		{"fail.example.", dns.TypeCAA, "NOERROR aa" + soaLine},
		{"to-fail.example.", dns.TypeA, "SERVFAIL"},
		{"to-fail.example.", dns.TypeTXT, "NOERROR aa\nan to-fail. 3600 CNAME fail.example." + soaLine},
		{"empty.example.", dns.TypeA, "NOERROR aa" + soaLine},
		{"empty.example.", dns.TypeANY, "NOERROR aa" + soaLine},
		{"empty.example.", dns.TypeNone, "FORMERR"},
		{"x.empty.example.", dns.TypeA, "NXDOMAIN aa" + soaLine},
		{"example.", dns.TypeMX, "NOERROR aa\nan 3600 MX 10 mail.example.\nad mail. 3600 A 192.0.2.2\nad mail. 3600 AAAA 2001:db8::2"},
		{"_s._tcp.example.", dns.TypeSRV, "NOERROR aa\nan _s._tcp. 3600 SRV 1 2 3 www.example.\nad www. 3600 A 192.0.2.3"},
		{"example.", dns.TypeNS, "NOERROR aa\nan 3600 NS ns1.example.\nad ns1. 3600 A 192.0.2.1"},
		{"www.example.", dns.TypeANY, "NOERROR aa\nan www. 3600 A 192.0.2.3"},
		{"child.example.", dns.TypeDS, "NXDOMAIN aa" + soaLine},
		{"ns.child.example.", dns.TypeA, "NOERROR aa\nan ns.child. 60 A 192.0.2.77"},
		{"other.test.", dns.TypeA, "REFUSED"},
		{"www.example.", dns.TypeOPT, "FORMERR"},
		{"www.example.", dns.TypeMAILB, "NOTIMP"},
		{"big.example.", dns.TypeA, "NOERROR aa tc"},
	}
	for _, tt := range tests {
		m := new(dns.Msg).SetQuestion(tt.q, tt.typ)
		m.SetEdns0(1232, true)
		if tt.typ == dns.TypeOPT {
			m.Extra = nil
		}
		got := ask(t, r, m, 1232)
		if s := show(got); s != tt.want {
			t.Errorf("%s %s:\n%s\nwant\n%s", tt.q, dns.TypeToString[tt.typ], s, tt.want)
		}
		if opt := got.IsEdns0(); m.IsEdns0() != nil && (opt == nil || !opt.Do() || opt.UDPSize() != 1232) {
			t.Errorf("%s: OPT %v", tt.q, opt)
		}
		if got.Question[0].Name != tt.q {
			t.Errorf("question %s came back as %s", tt.q, got.Question[0].Name)
		}
	}
}

func TestLongTargetOfDNAME(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(strings.Repeat("x", 60)+".", 3)
	v := build(t, "example", "@ 1 SOA n h 1 2 3 4 5\nmoved 1 DNAME "+long+"example.\n")
	db := zone.NewDB(0)
	db.Reset("1", "a", 1, v, v, zone.Links{}, nil)
	got := ask(t, responder(db), new(dns.Msg).SetQuestion(strings.Repeat("y", 63)+".moved.example.", dns.TypeA), 512)
	if got.Rcode != dns.RcodeYXDomain || len(got.Answer) != 1 {
		t.Errorf("%v", got)
	}
}

func TestOptionsAndChaos(t *testing.T) {
	t.Parallel()
	r := responder(database(t))
	m := new(dns.Msg).SetQuestion("other.test.", dns.TypeA)
	m.SetEdns0(4096, false)
	m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID}, &dns.EDNS0_LOCAL{Code: 65001, Data: []byte("x")})
	got := ask(t, r, m, 1232)
	var nsid, ede bool
	for _, o := range got.IsEdns0().Option {
		switch o := o.(type) {
		case *dns.EDNS0_NSID:
			nsid = o.Nsid == "68657265"
		case *dns.EDNS0_EDE:
			ede = o.InfoCode == dns.ExtendedErrorCodeNotAuthoritative
		}
	}
	if !nsid || !ede {
		t.Errorf("options %v", got.IsEdns0().Option)
	}
	ch := new(dns.Msg).SetQuestion("version.bind.", dns.TypeTXT)
	ch.Question[0].Qclass = dns.ClassCHAOS
	if got := ask(t, r, ch, 512); len(got.Answer) != 1 || got.Answer[0].(*dns.TXT).Txt[0] != "v1" {
		t.Errorf("%v", got)
	}
	ch.Question[0].Name = "hostname.bind."
	if got := ask(t, r, ch, 512); got.Rcode != dns.RcodeRefused {
		t.Errorf("%v", got)
	}
}

// For how long the data may live is told of the SOA at the apex alone, and the serial of the zone that answers with whatever it answers.
func TestZonesOptions(t *testing.T) {
	t.Parallel()
	r := responder(database(t))
	const expire, version = 9, 19
	for _, tt := range []struct {
		name    string
		typ     uint16
		expire  string
		version string // label count, type, serial
	}{
		{"example.", dns.TypeSOA, "\x00\x12\x75\x00", "\x01\x00\x00\x00\x00\x01"},
		{"example.", dns.TypeNS, "", "\x01\x00\x00\x00\x00\x01"},
		{"none.example.", dns.TypeSOA, "", "\x01\x00\x00\x00\x00\x01"},   // NXDOMAIN
		{"www.sub.example.", dns.TypeA, "", "\x01\x00\x00\x00\x00\x01"},  // a referral
		{"fail.example.", dns.TypeA, "", "\x01\x00\x00\x00\x00\x01"},     // SERVFAIL
		{"big.example.", dns.TypeA, "", "\x01\x00\x00\x00\x00\x01"},      // truncated
		{"ns.child.example.", dns.TypeA, "", "\x02\x00\x00\x00\x00\x01"}, // of the zone below
		{"child.example.", dns.TypeSOA, "\x00\x00\x00\x04", "\x02\x00\x00\x00\x00\x01"},
		{"child.example.", dns.TypeDS, "", "\x01\x00\x00\x00\x00\x01"}, // of the parent
		{"elsewhere.test.", dns.TypeSOA, "", ""},
	} {
		m := new(dns.Msg).SetQuestion(tt.name, tt.typ)
		m.SetEdns0(1232, false)
		got := map[uint16]string{}
		opts := func(m *dns.Msg) {
			for _, o := range m.IsEdns0().Option {
				switch o := o.(type) {
				case *dns.EDNS0_EXPIRE:
					got[expire] = string(binary.BigEndian.AppendUint32(nil, o.Expire))
				case *dns.EDNS0_LOCAL:
					got[o.Code] = string(o.Data)
				case *dns.EDNS0_ZONEVERSION:
					got[version] = string([]byte{o.LabelCount, o.Type}) + o.Version
				}
			}
		}
		if opts(ask(t, r, m, 1232)); len(got) != 0 {
			t.Errorf("%s %d: not asked for: %v", tt.name, tt.typ, got)
		}
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_EXPIRE{Code: expire, Empty: true}, &dns.EDNS0_LOCAL{Code: version}}
		for _, size := range []int{1232, 512} {
			clear(got)
			if opts(ask(t, r, m, size)); got[expire] != tt.expire || got[version] != tt.version {
				t.Errorf("%s %d: expire %q, version %q", tt.name, tt.typ, got[expire], got[version])
			}
		}
	}
}

// Every size gives an answer that fits; one that is not whole says so.
func TestEverySize(t *testing.T) {
	t.Parallel()
	r := responder(database(t))
	for size := 60; size < 700; size += 7 {
		for _, q := range []string{"sub.example.", "chain.example.", "example.", "none.example.", "x.moved.example."} {
			m := new(dns.Msg).SetQuestion(q, dns.TypeMX)
			got := ask(t, r, m, size)
			full := ask(t, r, m, 65535)
			if !got.Truncated && (len(got.Answer) != len(full.Answer) || len(got.Ns) != len(full.Ns)) {
				t.Errorf("%s at %d octets lacks records and does not say so", q, size)
			}
		}
	}
}

func TestAnsweringAllocatesNothing(t *testing.T) {
	r := responder(database(t))
	buf := make([]byte, 0, 4096)
	for _, name := range []string{
		"www.example.", "none.example.", "ent.example.", "foo.wild.example.", "sub.example.", "chain.example.", "x.moved.example.", "other.test.",
	} {
		m := new(dns.Msg).SetQuestion(name, dns.TypeA)
		m.SetEdns0(1232, true)
		raw, _ := m.Pack()
		q := wire.Request{Size: 1232}
		if n := testing.AllocsPerRun(100, func() {
			q.Parse(raw)
			buf = r.Respond(buf[:0], &q)
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// FuzzAppend puts any message to a Responder. What comes back fits, has the identifier and the question of what was asked,
// and can be read to its end.
func FuzzAppend(f *testing.F) {
	db := database(f)
	for name, typ := range map[string]uint16{
		"www.example.": dns.TypeA, "x.moved.example.": dns.TypeA, "sub.example.": dns.TypeDS, "y.sub.example.": dns.TypeNS,
		"a.b.wc.example.": dns.TypeCNAME, "example.": dns.TypeMX, "_s._tcp.example.": dns.TypeSRV, "big.example.": dns.TypeANY,
		"loop1.example.": dns.TypeTXT, "ns.child.example.": dns.TypeA, ".": dns.TypeSOA,
	} {
		m := new(dns.Msg).SetQuestion(name, typ)
		m.SetEdns0(1232, true)
		raw, _ := m.Pack()
		f.Add(raw, 512)
	}
	r := responder(db)
	f.Fuzz(func(t *testing.T, msg []byte, size int) {
		var q wire.Request
		if q.Parse(msg) != wire.ParseOK || q.EDNS.Version != 0 {
			return
		}
		size = min(max(size, 512), 65535)
		q.Size = size
		got := r.Respond(nil, &q)
		if len(got) > size || wire.ID(got) != q.ID {
			t.Fatalf("%d octets of %d", len(got), size)
		}
		if !bytes.HasPrefix(got[wire.HeaderLen:], msg[wire.HeaderLen:q.QuestionEnd]) {
			t.Fatalf("the question is gone: %x", got)
		}
		rd, err := wire.NewReader(got)
		if err != nil {
			t.Fatal(err)
		}
		for rec := (wire.Record{}); rd.Next(&rec); {
			if _, err := rd.Expand(nil, &rec); err != nil {
				t.Fatalf("%s %s: %v", rec.Type, msg, err)
			}
		}
		if rd.Err() != nil {
			t.Fatal(rd.Err())
		}
		if err := new(dns.Msg).Unpack(got); err != nil {
			t.Fatalf("%v: %x", err, got)
		}
	})
}

// More servers than the places that are kept of their names: the glue of all is there, each under its own name.
func TestManyServers(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("@ 1 SOA n h 1 2 3 4 5\nother 1 A 192.0.2.200\nsub 1 NS other\n")
	for i := range 40 {
		fmt.Fprintf(&text, "sub 1 NS ns%d.sub\nns%d.sub 1 A 192.0.2.%d\n", i, i, i)
	}
	v := build(t, "example", text.String())
	db := zone.NewDB(0)
	db.Reset("1", "a", 1, v, v, zone.Links{}, nil)
	got := ask(t, responder(db), new(dns.Msg).SetQuestion("www.sub.example.", dns.TypeA), 65535)
	if got.Truncated || len(got.Ns) != 41 || len(got.Extra) != 41 {
		t.Fatalf("%d servers, %d addresses", len(got.Ns), len(got.Extra))
	}
	for _, r := range got.Extra {
		var i int
		a := r.(*dns.A)
		if _, err := fmt.Sscanf(a.Hdr.Name, "ns%d.sub.example.", &i); err != nil {
			i = 200
		}
		if a.A[3] != byte(i) {
			t.Errorf("%s", r)
		}
	}
}

// In the root zone there is no apex to point at.
func TestRootZone(t *testing.T) {
	t.Parallel()
	v := build(t, ".", ". 9 SOA a.root. h. 1 2 3 4 5\n. 9 NS a.root.\na.root. 9 A 192.0.2.1\nalias. 9 CNAME a.root.\ntest. 9 NS ns.test.\nns.test. 9 A 192.0.2.2\nold. 9 DNAME root.\n")
	db := zone.NewDB(0)
	db.Reset("1", "a", 1, v, v, zone.Links{}, nil)
	r := responder(db)
	for q, want := range map[string]string{
		".":            "NOERROR aa\nns . 5 SOA a.root. h. 1 2 3 4 5",
		"a.root.":      "NOERROR aa\nan a.root. 9 A 192.0.2.1",
		"alias.":       "NOERROR aa\nan alias. 9 CNAME a.root.\nan a.root. 9 A 192.0.2.1",
		"no.":          "NXDOMAIN aa\nns . 5 SOA a.root. h. 1 2 3 4 5",
		"www.x.test.":  "NOERROR\nns test. 9 NS ns.test.\nad ns.test. 9 A 192.0.2.2",
		"a.old.":       "NOERROR aa\nan old. 9 DNAME root.\nan a.old. 9 CNAME a.root.\nan a.root. 9 A 192.0.2.1",
		"a.root.test.": "NOERROR\nns test. 9 NS ns.test.\nad ns.test. 9 A 192.0.2.2",
	} {
		m := new(dns.Msg).SetQuestion(q, dns.TypeA)
		if got := show(ask(t, r, m, 512)); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", q, got, want)
		}
	}
}

// A DNAME at the apex leads all names below it away, and leaves the apex alone.
func TestDNAMEAtTheApex(t *testing.T) {
	t.Parallel()
	v := build(t, "example", "@ 9 SOA n h 1 2 3 4 5\n@ 9 DNAME other.test.\n@ 9 A 192.0.2.1\nn 9 A 192.0.2.2\n")
	db := zone.NewDB(0)
	db.Reset("1", "a", 1, v, v, zone.Links{}, nil)
	r := responder(db)
	for q, want := range map[string]string{
		"example.":     "NOERROR aa\nan 9 A 192.0.2.1",
		"n.example.":   "NOERROR aa\nan 9 DNAME other.test.\nan n. 9 CNAME n.other.test.",
		"a.b.example.": "NOERROR aa\nan 9 DNAME other.test.\nan a.b. 9 CNAME a.b.other.test.",
	} {
		if got := show(ask(t, r, new(dns.Msg).SetQuestion(q, dns.TypeA), 512)); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", q, got, want)
		}
	}
}
