package compat_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/cloudflare/cloudflare-go/v6"
	"github.com/cloudflare/cloudflare-go/v6/option"
)

// resource is one resource as Terraform's provider handles it: bodies go out as it serialised them, over the SDK, and the
// answer's octets are kept.
type resource struct {
	list, path    string // to create at, and of the one resource ("" is below list)
	create, write string // methods; an empty create writes at once
	lasting       bool   // destroying does nothing
	made, changed string
}

// do sends a request over the SDK and gives the result as it came.
func (c *v6) do(t *testing.T, method, path, body string) (json.RawMessage, error) {
	t.Helper()
	var opts []option.RequestOption
	if body != "" {
		opts = append(opts, option.WithRequestBody("application/json", []byte(body)))
	}
	var b []byte
	if err := c.api.Execute(t.Context(), method, path, nil, &b, opts...); err != nil {
		return nil, err
	}
	return result(t, b), nil
}

// live goes through create, refresh, an empty plan, change, an empty plan, import and destroy.
func (c *v6) live(t *testing.T, r resource) {
	t.Helper()
	step := func(what, method, path, body string) []byte {
		got, err := c.do(t, method, path, body)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return got
	}
	same := func(what string, got, want []byte) {
		if string(got) != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", what, got, want)
		}
	}
	if r.create != "" {
		created := step("create", r.create, r.list, r.made)
		within(t, created, r.made)
		if r.path == "" {
			var v struct{ ID string }
			check(t, json.Unmarshal(created, &v))
			r.path = r.list + "/" + v.ID
		}
	} else {
		within(t, step("create", r.write, r.path, r.made), r.made)
	}
	refreshed := step("refresh", http.MethodGet, r.path, "")
	within(t, refreshed, r.made)
	same("refresh again", step("refresh again", http.MethodGet, r.path, ""), refreshed)
	same("write without a change", step("write without a change", r.write, r.path, r.made), refreshed)
	same("refresh after it", step("refresh after it", http.MethodGet, r.path, ""), refreshed)
	within(t, step("change", r.write, r.path, r.changed), r.changed)
	imported := step("import", http.MethodGet, r.path, "")
	within(t, imported, r.changed)
	same("refresh after import", step("refresh after import", http.MethodGet, r.path, ""), imported)
	if r.lasting {
		return
	}
	step("destroy", http.MethodDelete, r.path, "")
	_, err := c.do(t, http.MethodGet, r.path, "")
	var e *cloudflare.Error
	if !errors.As(err, &e) || e.StatusCode != http.StatusNotFound {
		t.Errorf("a destroyed resource: want 404, got %v", err)
	}
}

func result(t *testing.T, body []byte) []byte {
	t.Helper()
	var a struct{ Result json.RawMessage }
	check(t, json.Unmarshal(body, &a))
	return a.Result
}

// within wants every member that was sent in what came back: otherwise Terraform plans a change.
func within(t *testing.T, got []byte, want string) {
	t.Helper()
	var g, w map[string]any
	check(t, json.Unmarshal(got, &g))
	check(t, json.Unmarshal([]byte(want), &w))
	covers(t, "", g, w)
}

func covers(t *testing.T, at string, got, want map[string]any) {
	t.Helper()
	for k, v := range want {
		if sub, ok := v.(map[string]any); ok {
			g, _ := got[k].(map[string]any)
			covers(t, at+"/"+k, g, sub)
			continue
		}
		if text(t, got[k]) != text(t, v) {
			t.Errorf("%s/%s: got %v, want %v", at, k, got[k], v)
		}
	}
}

func TestTerraform(t *testing.T) {
	t.Parallel()
	c := openV6(t)
	zone, account := "zones/"+c.id, "accounts/"+c.Account+"/secondary_dns/"
	named := `{"account":{"id":"` + c.Account + `"},"name":"terraform-zone.example","type":"full"`
	t.Run("zone", func(t *testing.T) {
		c.live(t, resource{list: "zones", create: "POST", write: "PATCH", made: named + `}`, changed: named + `,"paused":true}`})
	})
	for _, s := range samples() {
		t.Run("dns_record "+s.Type, func(t *testing.T) { c.live(t, tfRecord(t, s, zone, c.zone)) })
		if s.Type == "NS" { // the DS record stands beside it
			c.Call(t, http.MethodPost, "/"+zone+"/dns_records", s, nil)
		}
	}
	t.Run("zone_dns_settings", func(t *testing.T) {
		soa := `"soa":{"mname":"ns1.test.example","rname":"admin.example.com","refresh":7200,"retry":3600,"expire":86400,"min_ttl":1800,"ttl":3600}`
		c.live(t, resource{
			path: zone + "/dns_settings", write: "PATCH", lasting: true, made: `{"ns_ttl":3600,` + soa + `}`,
			changed: `{"ns_ttl":7200,"flatten_all_cnames":true,"multi_provider":true,"zone_mode":"dns_only",` + soa + `}`,
		})
	})
	t.Run("dns_zone_transfers_tsig", func(t *testing.T) {
		c.live(t, resource{
			list: account + "tsigs", create: "POST", write: "PUT", made: `{"name":"tsig.customer.cf.","algo":"hmac-sha512.","secret":"` + secret + `"}`,
			changed: `{"name":"tsig.customer.cf","algo":"hmac-sha256.","secret":"` + secret + `"}`,
		})
	})
	t.Run("dns_zone_transfers_peer", func(t *testing.T) {
		c.live(t, resource{
			list: account + "peers", create: "POST", write: "PUT",
			made:    `{"name":"peer","ip":null,"port":null,"ixfr_enable":null,"tsig_id":null}`,
			changed: `{"name":"peer","ip":"192.0.2.53","port":5353,"ixfr_enable":true}`,
		})
	})
	t.Run("dns_zone_transfers_acl", func(t *testing.T) {
		c.live(t, resource{
			list: account + "acls", create: "POST", write: "PUT", made: `{"name":"acl","ip_range":"192.0.2.53/28"}`,
			changed: `{"name":"acl","ip_range":"2001:db8::53/64"}`,
		})
	})
	t.Run("dns_zone_transfers_outgoing", func(t *testing.T) {
		var one, two struct{ ID string }
		c.Call(t, http.MethodPost, "/"+account+"peers", map[string]any{"name": "one", "ip": "192.0.2.1"}, &one)
		c.Call(t, http.MethodPost, "/"+account+"peers", map[string]any{"name": "two", "ip": "192.0.2.2"}, &two)
		path, peers := zone+"/secondary_dns/outgoing", func(ids string) string { return `{"name":"` + c.zone + `","peers":[` + ids + `]}` }
		c.live(t, resource{
			list: path, path: path, create: "POST", write: "PUT", made: peers(`"` + two.ID + `"`), changed: peers(`"` + two.ID + `","` + one.ID + `"`),
		})
	})
}

// tfRecord is a record as the provider writes it: the name in full, and numbers in data.
func tfRecord(t *testing.T, s sample, zone, name string) resource {
	t.Helper()
	full := name
	if s.Name != "@" {
		full = s.Name + "." + name
	}
	body := func(ttl int, comment string) string {
		m := map[string]any{"type": s.Type, "name": full, "ttl": ttl, "proxied": false, "comment": comment, "tags": []string{"team:dns"}, "settings": map[string]any{}}
		if s.Content != "" {
			m["content"] = s.Content
		}
		if s.Data != nil {
			m["data"] = s.Data
		}
		if s.Priority != nil {
			m["priority"] = *s.Priority
		}
		return text(t, m)
	}
	return resource{
		list: zone + "/dns_records", create: "POST", write: "PUT", made: body(300, "made"), changed: body(600, "changed"),
	}
}
