package updates

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestKeepsWhatIsThere: records that an update leaves keep their ids, comments and tags; one whose address gives way to another is the
// same record, proxied if it was.
func TestKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	w := begin(t, "--edge-addresses", "203.0.113.1")
	type record struct {
		ID, Content, Comment string
		Proxied              bool
		TTL                  int
	}
	create := func(body map[string]any) (r record) {
		w.Call(t, http.MethodPost, w.path("/dns_records"), body, &r)
		return r
	}
	stays := create(map[string]any{"type": "A", "name": "host", "content": "192.0.2.1", "ttl": 300, "comment": "by hand"})
	home := create(map[string]any{"type": "A", "name": "home", "content": "192.0.2.5", "proxied": true, "comment": "the router"})
	m := update("host.example.com. 300 IN A 192.0.2.2")
	m.RemoveRRset([]dns.RR{parsed("home.example.com. 0 IN A 192.0.2.5")})
	m.Insert([]dns.RR{parsed("home.example.com. 300 IN A 192.0.2.6")})
	if code := send(t, w.DNS, "udp", keyName, m); code != dns.RcodeSuccess {
		t.Fatalf("%s", dns.RcodeToString[code])
	}
	get := func(id string) (r record) {
		w.Call(t, http.MethodGet, w.path("/dns_records/"+id), nil, &r)
		return r
	}
	if got := get(stays.ID); got != stays {
		t.Errorf("it was %+v and is %+v", stays, got)
	}
	if got := get(home.ID); got.Content != "192.0.2.6" || !got.Proxied || got.Comment != "the router" {
		t.Errorf("the proxied record is %+v", got)
	}
	if got := answer(t, w.DNS, "home.example.com.", dns.TypeA); !slices.Equal(got, []string{"203.0.113.1"}) {
		t.Errorf("it is answered with %q", got)
	}
	a, err := w.Do(t.Context(), http.MethodGet, "/accounts/"+w.Account+"/logs/audit?since=2020-01-01T00:00:00Z&before=2099-01-01T00:00:00Z&actor_email=client.example.com", nil)
	if err != nil || a.Status != http.StatusOK {
		t.Fatalf("%v %s", err, a.Body)
	}
	if !strings.Contains(string(a.Body), `"email":"client.example.com"`) || !strings.Contains(string(a.Body), `"home.example.com"`) {
		t.Errorf("the audit log says %s", a.Body)
	}
}

// TestSigned: an update of a signed zone is signed with it.
func TestSigned(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.Call(t, http.MethodPatch, w.path("/dnssec"), map[string]any{"status": "active"}, nil)
	rrsigs := func(name string) bool {
		m := new(dns.Msg)
		m.SetQuestion(name, dns.TypeA)
		m.SetEdns0(4096, true)
		in, _, err := (&dns.Client{Net: "tcp"}).Exchange(m, w.DNS.String())
		return err == nil && slices.ContainsFunc(slices.Concat(in.Answer, in.Ns), func(r dns.RR) bool { return r.Header().Rrtype == dns.TypeRRSIG })
	}
	for end := time.Now().Add(time.Minute); !rrsigs(apex); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the zone is not signed")
		}
	}
	m := update("signed.example.com. 300 IN A 192.0.2.1")
	m.RRsetUsed([]dns.RR{parsed(apex + " 0 IN DNSKEY 257 3 13 AAAA")})
	if code := send(t, w.DNS, "udp", keyName, m); code != dns.RcodeSuccess {
		t.Fatalf("%s", dns.RcodeToString[code])
	}
	if !rrsigs("signed.example.com.") {
		t.Error("what came has no signature")
	}
	gone := new(dns.Msg)
	gone.SetUpdate(apex)
	gone.RemoveName([]dns.RR{parsed("signed.example.com. 0 IN A 192.0.2.1")})
	if code := send(t, w.DNS, "udp", keyName, gone); code != dns.RcodeSuccess {
		t.Fatalf("%s", dns.RcodeToString[code])
	}
	for _, forbidden := range []string{"signed.example.com. 300 IN NSEC a.example.com. A", apex + " 300 IN DNSKEY 257 3 13 AAAA"} {
		if code := send(t, w.DNS, "udp", keyName, update(forbidden)); code != dns.RcodeRefused {
			t.Errorf("%s: %s", forbidden, dns.RcodeToString[code])
		}
	}
}

// TestRefusals are those of our own (docs/updates.md).
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := begin(t)
	remove := func(r string) *dns.Msg {
		m := new(dns.Msg)
		m.SetUpdate(apex)
		m.Remove([]dns.RR{parsed(r)})
		return m
	}
	soa, ok := parsed(transfer(t, w.DNS)[0]).(*dns.SOA)
	if !ok {
		t.Fatal("no SOA")
	}
	soa.Serial++
	nextSOA := soa.String()
	for _, c := range []struct {
		what string
		m    *dns.Msg
	}{
		{"an assigned name server goes", remove(apex + " 0 IN NS ns1.test.example.")},
		{"another name server at the apex", update(apex + " 300 IN NS ns9.example.net.")},
		{"DS without NS", update("d.example.com. 300 IN DS 1 13 2 " + strings.Repeat("ab", 32))},
		{"an address at a cut", update("d.example.com. 300 IN NS ns.d.example.com.", "d.example.com. 300 IN A 192.0.2.1")},
		{"below a DNAME", update("dn.example.com. 300 IN DNAME example.net.", "x.dn.example.com. 300 IN A 192.0.2.1")},
		{"times of the SOA that secondaries cannot live with", update(strings.Replace(nextSOA, " 604800 ", " 5 ", 1))},
	} {
		before := transfer(t, w.DNS)
		if code := send(t, w.DNS, "tcp", keyName, c.m); code != dns.RcodeRefused {
			t.Errorf("%s: %s", c.what, dns.RcodeToString[code])
		}
		if after := transfer(t, w.DNS); !slices.Equal(before, after) {
			t.Errorf("%s: the zone was\n%s\nand is\n%s", c.what, strings.Join(before, "\n"), strings.Join(after, "\n"))
		}
	}
	// With EDNS the reason comes along (RFC 8914).
	m := update("d.example.com. 300 IN DS 1 13 2 " + strings.Repeat("ab", 32))
	m.SetEdns0(1232, false)
	m.SetTsig(keyName, dns.HmacSHA256, 300, time.Now().Unix())
	in, _, err := (&dns.Client{Net: "tcp", TsigSecret: map[string]string{keyName: secret}}).Exchange(m, w.DNS.String())
	if err != nil || !strings.Contains(in.String(), "need NS records") {
		t.Errorf("%v\n%s", err, in)
	}
}
