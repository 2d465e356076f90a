package compat_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/cloudflare/cloudflare-go/v6"
	"github.com/cloudflare/cloudflare-go/v6/dns"
	miekg "github.com/miekg/dns"
)

// TestGoV6DNSSEC: what cloudflare-go knows of a zone's signatures, from off to off, and what it is refused.
func TestGoV6DNSSEC(t *testing.T) {
	t.Parallel()
	c := openV6(t)
	id := cloudflare.F(c.id)
	get := func() *dns.DNSSEC {
		t.Helper()
		d, err := c.api.DNS.DNSSEC.Get(t.Context(), dns.DNSSECGetParams{ZoneID: id})
		check(t, err)
		return d
	}
	want := func(p dns.DNSSECEditParams) *dns.DNSSEC {
		t.Helper()
		p.ZoneID = id
		d, err := c.api.DNS.DNSSEC.Edit(t.Context(), p)
		check(t, err)
		return d
	}
	off := get()
	equal(t, "status of a zone that never was signed", off.Status, dns.DNSSECStatusDisabled)
	equal(t, "modified", off.ModifiedOn.IsZero(), true)
	on := want(dns.DNSSECEditParams{Status: cloudflare.F(dns.DNSSECEditParamsStatusActive)})
	equal(t, "status", on.Status, dns.DNSSECStatusPending)
	equal(t, "flags", on.Flags, 257)
	equal(t, "algorithm", on.Algorithm, "13")
	key, err := miekg.NewRR(c.zone + ". 3600 IN DNSKEY 257 3 13 " + on.PublicKey)
	check(t, err)
	ds, err := miekg.NewRR(on.DS)
	check(t, err)
	equal(t, "DS of the public key", strings.ToUpper(key.(*miekg.DNSKEY).ToDS(miekg.SHA256).String()), strings.ToUpper(ds.String()))
	equal(t, "digest", strings.EqualFold(ds.(*miekg.DS).Digest, on.Digest), true)
	got := get()
	equal(t, "the key stays", got.PublicKey, on.PublicKey)
	equal(t, "a switch that nobody has set", got.JSON.DNSSECUseNsec3.Raw(), "")
	equal(t, "NSEC3", want(dns.DNSSECEditParams{DNSSECUseNsec3: cloudflare.F(true)}).DNSSECUseNsec3, true)
	equal(t, "multi-signer", want(dns.DNSSECEditParams{DNSSECMultiSigner: cloudflare.F(true)}).DNSSECMultiSigner, true)
	_, err = c.api.DNS.DNSSEC.Edit(t.Context(), dns.DNSSECEditParams{ZoneID: id, DNSSECPresigned: cloudflare.F(true), DNSSECUseNsec3: cloudflare.F(true)})
	v6Status(t, err, 400, 13074)
	_, err = c.api.DNS.DNSSEC.Delete(t.Context(), dns.DNSSECDeleteParams{ZoneID: id})
	v6Status(t, err, 400, 13074)
	equal(t, "disabled", want(dns.DNSSECEditParams{Status: cloudflare.F(dns.DNSSECEditParamsStatusDisabled)}).Status, dns.DNSSECStatusDisabled)
	equal(t, "the key is shown until it is deleted", get().PublicKey, on.PublicKey)
	deleted, err := c.api.DNS.DNSSEC.Delete(t.Context(), dns.DNSSECDeleteParams{ZoneID: id})
	check(t, err)
	equal(t, "deleted", *deleted, "")
	equal(t, "as if it never was", text(t, get()), text(t, off))
}

// dnssecPlan is what Terraform's zone_dnssec compares after a refresh: its status against the wanted one without regard to case, and
// each switch, of which one that is not in the configuration must be null. Empty is no difference.
func dnssecPlan(t *testing.T, state json.RawMessage, config map[string]any) (differs []string) {
	t.Helper()
	var got map[string]any
	check(t, json.Unmarshal(state, &got))
	if want, ok := config["status"].(string); ok && !strings.EqualFold(want, got["status"].(string)) {
		differs = append(differs, "status")
	}
	for _, name := range []string{"dnssec_multi_signer", "dnssec_presigned", "dnssec_use_nsec3"} {
		if got[name] != config[name] {
			differs = append(differs, name)
		}
	}
	return differs
}

// TestTerraformDNSSEC goes as the provider's own tests of zone_dnssec do: create, a plan that is not empty while the DS is missing,
// changes, a switch that is unset again by null, and a destroy without a DS ever seen. Once somebody says that the DS is there, the
// plan is empty.
func TestTerraformDNSSEC(t *testing.T) {
	t.Parallel()
	c := openV6(t)
	path := "zones/" + c.id + "/dnssec"
	step := func(method, body string) json.RawMessage {
		t.Helper()
		got, err := c.do(t, method, path, body)
		check(t, err)
		return got
	}
	plan := func(config map[string]any, want string) {
		t.Helper()
		first := step(http.MethodGet, "")
		equal(t, "plan of "+text(t, config), strings.Join(dnssecPlan(t, first, config), " "), want)
		equal(t, "refresh again", text(t, step(http.MethodGet, "")), text(t, first))
	}
	active := map[string]any{"status": "active"}
	step(http.MethodPatch, `{"status":"active"}`)
	plan(active, "status")
	plan(map[string]any{}, "") // a configuration that does not name the status
	nsec3 := map[string]any{"status": "active", "dnssec_use_nsec3": true}
	plan(nsec3, "status dnssec_use_nsec3")
	step(http.MethodPatch, text(t, nsec3))
	plan(nsec3, "status")
	step(http.MethodPatch, `{"status":"active","dnssec_use_nsec3":false,"dnssec_multi_signer":true}`)
	plan(map[string]any{"status": "active", "dnssec_use_nsec3": false, "dnssec_multi_signer": true}, "status")
	step(http.MethodPatch, `{"status":"active","dnssec_use_nsec3":null,"dnssec_multi_signer":null}`)
	plan(active, "status")
	if _, err := c.do(t, http.MethodPatch, path, `{"dnssec_presigned":true,"dnssec_use_nsec3":true}`); err == nil {
		t.Error("presigned together with NSEC3 is taken")
	}
	plan(active, "status")
	var keys struct {
		Keys []struct{ ID, Role string }
	}
	own := "/headwater/v1/zones/" + c.id + "/dnssec"
	c.Call(t, http.MethodGet, own, nil, &keys)
	for _, k := range keys.Keys {
		if k.Role == "ksk" {
			c.Call(t, http.MethodPost, own+"/ds_seen", map[string]any{"key_id": k.ID, "seen": true}, nil)
		}
	}
	plan(active, "")
	for _, k := range keys.Keys {
		if k.Role == "ksk" {
			c.Call(t, http.MethodPost, own+"/ds_seen", map[string]any{"key_id": k.ID, "seen": false}, nil)
		}
	}
	// Destroy.
	step(http.MethodPatch, `{"status":"disabled"}`)
	step(http.MethodDelete, "")
	plan(map[string]any{"status": "disabled"}, "")
}
