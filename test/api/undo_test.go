package api_test

import (
	"fmt"
	"sync"
	"testing"
)

// TestEditsDoNotUndoEachOther sends edits of different members of one object at once, again and again: each carries what its
// client sent and nothing that somebody had read before, so that all of them are there in the end.
func TestEditsDoNotUndoEachOther(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, zid := s.zone("edits.test")
	account, ours := "/accounts/"+string(s.account), "/headwater/v1/accounts/"+string(s.account)
	peers := [2]string{}
	for i := range peers {
		peers[i] = s.must("POST", account+"/secondary_dns/peers", fmt.Sprintf(`{"name":"p%d","ip":"192.0.2.%d"}`, i, i+1)).id(t)
	}
	outgoing := z + "/secondary_dns/outgoing"
	s.must("POST", outgoing, `{"name":"edits.test","peers":[]}`)
	record := z + "/dns_records/" + s.record(z, `{"name":"r","type":"MX","content":"a.example.net","priority":1}`)
	pick := func(i int, words ...string) string { return words[i%len(words)] }
	// Each edit: the method, the path, the body in turn i, and where the object then has what.
	edits := []struct {
		method, path string
		body         func(i int) string
		read, member string
	}{
		{"PATCH", z, func(i int) string { return `{"paused":` + pick(i, "true", "false") + `}` }, z, "paused"},
		{"PATCH", z, func(i int) string { return `{"vanity_name_servers":[` + pick(i, `"ns1.example.net"`, "") + `]}` }, z, "vanity_name_servers"},
		{"PATCH", z + "/dns_settings", func(i int) string { return `{"ns_ttl":` + pick(i, "300", "600") + `}` }, z + "/dns_settings", "ns_ttl"},
		{"PATCH", z + "/dns_settings", func(i int) string { return `{"soa":{"mname":"` + pick(i, "a.test", "b.test") + `"}}` }, z + "/dns_settings", "soa"},
		{"PATCH", z + "/dns_settings", func(i int) string { return `{"secondary_overrides":` + pick(i, "true", "false") + `}` }, z + "/dns_settings", "secondary_overrides"},
		{"PATCH", z + "/dns_settings/use_apex_ns", func(i int) string { return `{"value":` + pick(i, "true", "false") + `}` }, z + "/dns_settings", "multi_provider"},
		{"PATCH", z + "/settings/cname_flattening", func(i int) string { return `{"value":"` + pick(i, "flatten_all", "flatten_at_root") + `"}` }, z + "/dns_settings", "flatten_all_cnames"},
		{"PATCH", "/headwater/v1" + z + "/transfer_settings", func(i int) string { return `{"mode":"` + pick(i, "edge", "origin") + `"}` }, "/headwater/v1" + z + "/transfer_settings", "mode"},
		{"PUT", outgoing, func(i int) string { return `{"peers":["` + peers[i%2] + `"]}` }, outgoing, "peers"},
		{"POST", outgoing + "/" + "enable", func(int) string { return `{}` }, outgoing + "/status", ""},
		{"PATCH", account + "/dns_settings", func(i int) string { return `{"zone_defaults":{"ns_ttl":` + pick(i, "300", "600") + `}}` }, account + "/dns_settings", "zone_defaults"},
		{"PATCH", ours + "/transfer_settings", func(i int) string { return `{"mode":"` + pick(i, "edge", "origin") + `"}` }, ours + "/transfer_settings", "mode"},
		{"PATCH", ours + "/transfer_settings", func(i int) string { return `{"strict_review":` + pick(i, "true", "false") + `}` }, ours + "/transfer_settings", "strict_review"},
		{"PATCH", ours + "/edge_addresses", func(i int) string { return `{"addresses":["` + pick(i, "192.0.2.7", "192.0.2.8") + `"]}` }, ours + "/edge_addresses", "addresses"},
		{"PATCH", ours + "/quotas", func(i int) string { return `{"zones":` + pick(i, "7", "8") + `}` }, ours + "/quotas", "zones"},
		{"PATCH", ours + "/quotas", func(i int) string { return `{"acls":` + pick(i, "7", "8") + `}` }, ours + "/quotas", "acls"},
		{"PATCH", record, func(i int) string { return `{"comment":"` + pick(i, "one", "two") + `"}` }, record, "comment"},
		{"PATCH", record, func(i int) string { return `{"priority":` + pick(i, "5", "6") + `}` }, record, "priority"},
		{"PATCH", record, func(i int) string { return `{"content":"` + pick(i, "b.example.net", "c.example.net") + `"}` }, record, "content"},
		{"PATCH", record, func(i int) string { return `{"ttl":` + pick(i, "120", "240") + `}` }, record, "ttl"},
	}
	value := func(path, member string) string {
		r := s.must("GET", path, nil)
		if member == "" {
			return string(r.Result)
		}
		return fmt.Sprint(r.object(t)[member])
	}
	// What each leads to, alone.
	want := [2][]string{}
	for i := range want {
		for _, e := range edits {
			s.must(e.method, e.path, e.body(i))
		}
		for _, e := range edits {
			want[i] = append(want[i], value(e.read, e.member))
		}
	}
	for i := range 20 {
		var wg sync.WaitGroup
		for _, e := range edits {
			wg.Go(func() { s.must(e.method, e.path, e.body(i)) })
		}
		wg.Wait()
		for n, e := range edits {
			if got := value(e.read, e.member); got != want[i%2][n] {
				t.Errorf("round %d: %s %s of zone %s is %s, want %s", i, e.read, e.member, zid, got, want[i%2][n])
			}
		}
	}
}
