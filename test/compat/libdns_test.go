package compat_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/libdns/cloudflare"
	"github.com/libdns/libdns"

	"github.com/headwaterdns/headwater/test/node"
)

// redirect sends what is meant for Cloudflare to another server.
type redirect struct{ to *url.URL }

func (r redirect) Do(req *http.Request) (*http.Response, error) {
	req.URL.Scheme, req.URL.Host, req.Host = r.to.Scheme, r.to.Host, r.to.Host
	return http.DefaultClient.Do(req)
}

func TestLibdns(t *testing.T) {
	t.Parallel()
	s := open(t)
	to, err := url.Parse(s.URL)
	check(t, err)
	zone := zoneName(t)
	var z struct{ ID string }
	s.Call(t, http.MethodPost, "/zones", map[string]any{"name": zone}, &z)
	p := &cloudflare.Provider{APIToken: node.Token, ZoneToken: node.Token, HTTPClient: redirect{to}}
	zs, err := p.ListZones(t.Context())
	check(t, err)
	equal(t, "zones", fmt.Sprint(zs), fmt.Sprint([]libdns.Zone{{Name: zone + "."}}))
	ttl := 300 * time.Second
	made := []libdns.Record{
		libdns.Address{Name: "www", TTL: ttl, IP: netip.MustParseAddr("192.0.2.1")},
		libdns.Address{Name: "www", TTL: ttl, IP: netip.MustParseAddr("2001:db8::1")},
		libdns.CNAME{Name: "alias", TTL: ttl, Target: "www.example.net."},
		libdns.MX{Name: "@", TTL: ttl, Preference: 10, Target: "mail.example.net."},
		libdns.NS{Name: "sub", TTL: ttl, Target: "ns.example.net."},
		libdns.TXT{Name: "_acme-challenge", TTL: ttl, Text: "LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM"},
		libdns.CAA{Name: "@", TTL: ttl, Flags: 0, Tag: "issue", Value: "letsencrypt.org"},
		libdns.SRV{Service: "sip", Transport: "tcp", Name: "@", TTL: ttl, Priority: 10, Weight: 5, Port: 5060, Target: "sip.example.net."},
		libdns.ServiceBinding{Name: "web", Scheme: "https", TTL: ttl, Priority: 1, Target: ".", Params: libdns.SvcParams{"alpn": {"h2", "h3"}}},
	}
	got, err := p.AppendRecords(t.Context(), zone, made)
	check(t, err)
	same(t, got, made)
	for i := range 150 { // two pages
		s.Call(t, http.MethodPost, "/zones/"+z.ID+"/dns_records", map[string]any{"type": "A", "name": fmt.Sprintf("n%d", i), "content": "192.0.2.1"}, nil)
	}
	s.Call(t, http.MethodPost, "/zones/"+z.ID+"/dns_records", sampleOf("LOC"), nil)
	got, err = p.GetRecords(t.Context(), zone)
	check(t, err)
	equal(t, "records", len(got), len(made)+151)
	made[0] = libdns.Address{Name: "www", TTL: ttl, IP: netip.MustParseAddr("192.0.2.2")}
	got, err = p.SetRecords(t.Context(), zone, made)
	check(t, err)
	same(t, got, made)
	got, err = p.DeleteRecords(t.Context(), zone, made)
	check(t, err)
	equal(t, "deleted", len(got), len(made))
	got, err = p.GetRecords(t.Context(), zone)
	check(t, err)
	equal(t, "records left", len(got), 151)
}

// same compares records as resource records, in order.
func same(t *testing.T, got, want []libdns.Record) {
	t.Helper()
	equal(t, "records", len(got), len(want))
	for i := range want {
		equal(t, "record", got[i].RR(), want[i].RR())
	}
}
