package compat_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/miekg/dns"
)

// TestBatchTellsOnce: a batch, however long, is one serial, and each peer hears of it once.
func TestBatchTellsOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	name := zoneName(t)
	account := "/accounts/" + s.Account + "/secondary_dns"
	var z, key struct{ ID string }
	s.Call(t, http.MethodPost, "/zones", map[string]any{"name": name}, &z)
	zone := "/zones/" + z.ID
	peers := []*secondary{listen(t, "key."+name), listen(t, "key."+name)}
	s.Call(t, http.MethodPost, account+"/tsigs", map[string]any{"name": peers[0].key, "algo": "hmac-sha256.", "secret": secret}, &key)
	var ids []string
	for _, p := range peers {
		var peer struct{ ID string }
		s.Call(t, http.MethodPost, account+"/peers", map[string]any{
			"name": "p", "ip": p.addr.Addr(), "port": p.addr.Port(), "tsig_id": key.ID,
		}, &peer)
		ids = append(ids, peer.ID)
	}
	s.Call(t, http.MethodPost, zone+"/secondary_dns/outgoing", map[string]any{"name": name, "peers": ids}, nil)
	s.Call(t, http.MethodPost, zone+"/secondary_dns/outgoing/enable", nil, nil)
	told := func() {
		for _, p := range peers {
			p.notified(t, name)
		}
	}
	told()
	before := s.serial(t, name)
	var posts []map[string]any
	for i := range 1000 {
		posts = append(posts, map[string]any{"type": "A", "name": fmt.Sprint("host", i), "content": "192.0.2.1"})
	}
	s.Call(t, http.MethodPost, zone+"/dns_records/batch", map[string]any{"posts": posts}, nil)
	told()
	equal(t, "serial", s.serial(t, name), before+1)
	// NOTIFYs to a peer keep their order: a second one for the batch would be heard before this.
	s.Call(t, http.MethodPost, zone+"/secondary_dns/outgoing/force_notify", nil, nil)
	told()
	for _, p := range peers {
		equal(t, "NOTIFYs too many", len(p.heard), 0)
	}
}

// serial is the zone's in the SOA that the node answers.
func (s *server) serial(t *testing.T, zone string) uint32 {
	t.Helper()
	in, err := dns.Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(zone), dns.TypeSOA), s.DNS.String())
	check(t, err)
	soa, ok := in.Answer[0].(*dns.SOA)
	equal(t, "an SOA", ok, true)
	return soa.Serial
}
