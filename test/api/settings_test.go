package api_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const defaultSettings = `{"flatten_all_cnames":false,"foundation_dns":false,"internal_dns":{"reference_zone_id":null},"multi_provider":false,` +
	`"nameservers":{"type":"cloudflare.standard","ns_set":1},"ns_ttl":86400,"secondary_overrides":false,` +
	`"soa":{"mname":null,"rname":"hostmaster.example.com","refresh":10000,"retry":2400,"expire":604800,"min_ttl":1800,"ttl":3600},"zone_mode":"standard"}`

func TestZoneSettings(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, zid := s.zone("example.com")
	path := z + "/dns_settings"
	if got := s.must("GET", path, nil); string(got.Result) != defaultSettings {
		t.Errorf("a new zone has %s", got.Result)
	}
	s.clock.pass(time.Minute)
	before := s.must("GET", z, nil)
	s.must("PATCH", path, defaultSettings[:len(defaultSettings)-1]+`,"unknown":1}`)
	if after := s.must("GET", z, nil); string(after.Result) != string(before.Result) {
		t.Errorf("settings sent back as they were changed %s to %s", before.Raw, after.Raw)
	}
	want := s.must("GET", path, nil).object(t)
	for _, step := range []struct {
		patch string
		apply func()
	}{
		{`{}`, func() {}},
		{`{"multi_provider":true}`, func() { want["multi_provider"] = true }},
		{`{"flatten_all_cnames":true,"secondary_overrides":true,"zone_mode":"dns_only","ns_ttl":300}`, func() {
			want["flatten_all_cnames"], want["secondary_overrides"], want["zone_mode"], want["ns_ttl"] = true, true, "dns_only", json.Number("300")
		}},
		{`{"soa":{"refresh":3600,"mname":"Primary.example.net"}}`, func() {
			soa := want["soa"].(map[string]any)
			soa["refresh"], soa["mname"] = json.Number("3600"), "Primary.example.net"
		}},
		{`{"soa":{"rname":"admin.example.net","ttl":300,"min_ttl":60,"expire":86400,"retry":600}}`, func() {
			soa := want["soa"].(map[string]any)
			soa["rname"], soa["ttl"], soa["min_ttl"] = "admin.example.net", json.Number("300"), json.Number("60")
			soa["expire"], soa["retry"] = json.Number("86400"), json.Number("600")
		}},
		{`{"soa":{"rname":"first\\.last.example.net"}}`, func() { want["soa"].(map[string]any)["rname"] = `first\.last.example.net` }},
		{`{"soa":{"mname":null}}`, func() { want["soa"].(map[string]any)["mname"] = nil }},
		{`{"nameservers":{"ns_set":3}}`, func() { want["nameservers"].(map[string]any)["ns_set"] = json.Number("3") }},
		{`{"nameservers":{"type":"cloudflare.advanced"}}`, func() {
			want["nameservers"].(map[string]any)["type"], want["foundation_dns"] = "cloudflare.advanced", true
		}},
		{`{"foundation_dns":false}`, func() {
			want["nameservers"].(map[string]any)["type"], want["foundation_dns"] = "cloudflare.standard", false
		}},
		{`{"internal_dns":{"reference_zone_id":"` + zid + `"}}`, func() { want["internal_dns"].(map[string]any)["reference_zone_id"] = zid }},
		{`{"internal_dns":{"reference_zone_id":null}}`, func() { want["internal_dns"].(map[string]any)["reference_zone_id"] = nil }},
	} {
		step.apply()
		patched := s.must("PATCH", path, step.patch).object(t)
		if diff := cmp.Diff(want, patched); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", step.patch, diff)
		}
		if diff := cmp.Diff(want, s.must("GET", path, nil).object(t)); diff != "" {
			t.Errorf("read after %s (-want +got):\n%s", step.patch, diff)
		}
	}
}

// TestSameSetting reads one stored value by its two names.
func TestSameSetting(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, _ := s.zone("example.com")
	value := func(path string) any { return s.must("GET", z+path, nil).object(t)["value"] }
	all := func(member string) any { return s.must("GET", z+"/dns_settings", nil).object(t)[member] }
	r := s.must("PATCH", z+"/dns_settings/use_apex_ns", `{"id":"use_apex_ns","value":true}`).object(t)
	if r["id"] != "use_apex_ns" || r["value"] != true || all("multi_provider") != true {
		t.Errorf("use_apex_ns: %v", r)
	}
	s.must("PATCH", z+"/dns_settings", `{"multi_provider":false}`)
	if value("/dns_settings/use_apex_ns") != false {
		t.Error("multi_provider does not show as use_apex_ns")
	}
	if value("/settings/cname_flattening") != "flatten_at_root" {
		t.Error("cname_flattening of a new zone")
	}
	s.must("PATCH", z+"/settings/cname_flattening", `{"value":"flatten_all"}`)
	if all("flatten_all_cnames") != true {
		t.Error("flatten_all does not show as flatten_all_cnames")
	}
	s.must("PATCH", z+"/settings/cname_flattening", `{"value":"flatten_none"}`)
	if all("flatten_all_cnames") != false || value("/settings/cname_flattening") != "flatten_at_root" {
		t.Error("flatten_none is not flatten_at_root")
	}
}

func TestAccountSettings(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	path := "/accounts/" + string(s.account) + "/dns_settings"
	first := s.must("GET", path, nil).object(t)
	if first["enforce_dns_only"] != false || first["zone_defaults"].(map[string]any)["ns_ttl"] != json.Number("86400") {
		t.Errorf("a new account has %v", first)
	}
	got := s.must("PATCH", path, `{"enforce_dns_only":true,"zone_defaults":{"ns_ttl":600,"soa":{"refresh":3600},"nameservers":{"type":"cloudflare.standard.random"}}}`).object(t)
	defaults := got["zone_defaults"].(map[string]any)
	if got["enforce_dns_only"] != true || defaults["ns_ttl"] != json.Number("600") || defaults["soa"].(map[string]any)["retry"] != json.Number("2400") {
		t.Errorf("after a PATCH: %v", got)
	}
	z, _ := s.zone("example.com")
	if soa := s.must("GET", z+"/dns_settings", nil).object(t)["soa"].(map[string]any); soa["refresh"] != json.Number("3600") {
		t.Errorf("a later zone has %v", soa)
	}
	if n := s.must("GET", "/accounts/"+string(s.account)+"/dns_records/usage", nil).object(t)["record_usage"]; n != json.Number("0") {
		t.Errorf("record_usage %v", n)
	}
}
