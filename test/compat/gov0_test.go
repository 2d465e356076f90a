package compat_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	cloudflare "github.com/cloudflare/cloudflare-go"

	"github.com/headwaterdns/headwater/test/node"
)

// v0 is the classic cloudflare-go at work on one zone.
type v0 struct {
	*server
	api  *cloudflare.API
	zone string
	rc   *cloudflare.ResourceContainer
}

func TestGoV0(t *testing.T) {
	t.Parallel()
	s := open(t)
	api, err := cloudflare.New(node.Key, node.Email, cloudflare.BaseURL(s.URL), cloudflare.UsingRateLimit(1000))
	check(t, err)
	c := &v0{server: s, api: api, zone: zoneName(t)}
	z, err := api.CreateZone(t.Context(), c.zone, true, cloudflare.Account{ID: s.Account}, "full")
	check(t, err)
	c.rc = cloudflare.ZoneIdentifier(z.ID)
	c.records(t)
	c.lists(t)
	c.zones(t)
	c.files(t)
	c.failures(t)
	_, err = api.DeleteZone(t.Context(), z.ID)
	check(t, err)
	_, err = api.ZoneDetails(t.Context(), z.ID)
	var gone *cloudflare.NotFoundError
	if !errors.As(err, &gone) {
		t.Fatalf("a deleted zone: %v", err)
	}
}

// records makes, reads and updates one record of each type.
func (c *v0) records(t *testing.T) {
	for _, s := range samples() {
		in := cloudflare.CreateDNSRecordParams{Type: s.Type, Name: s.Name, Content: s.Content, Priority: s.Priority, TTL: s.TTL}
		if s.Data != nil {
			in.Data = s.Data
		}
		r, err := c.api.CreateDNSRecord(t.Context(), c.rc, in)
		if err != nil {
			t.Fatalf("%s: %v", s.Type, err)
		}
		equal(t, s.Type, r.Content, s.Want)
		_, err = c.api.UpdateDNSRecord(t.Context(), c.rc, cloudflare.UpdateDNSRecordParams{ID: r.ID, Tags: []string{"team:dns"}})
		check(t, err)
		up, err := c.api.UpdateDNSRecord(t.Context(), c.rc, cloudflare.UpdateDNSRecordParams{
			ID: r.ID, Type: s.Type, Name: s.Name, TTL: 600, Comment: cloudflare.StringPtr("edited"),
		})
		check(t, err)
		equal(t, s.Type+" updated", fmt.Sprint(up.Content, up.TTL, up.Comment, up.Tags), fmt.Sprint(s.Want, 600, "edited", []string{"team:dns"}))
		got, err := c.api.GetDNSRecord(t.Context(), c.rc, r.ID)
		check(t, err)
		equal(t, s.Type+" read back", text(t, got), text(t, up))
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	check(t, err)
	return string(b)
}

// lists walks the pages of the records: the library goes by total_pages.
func (c *v0) lists(t *testing.T) {
	for i := range 205 {
		c.Call(t, http.MethodPost, "/zones/"+c.rc.Identifier+"/dns_records", map[string]any{
			"type": "A", "name": fmt.Sprintf("host%d", i), "content": "192.0.2.1",
		}, nil)
	}
	all, info, err := c.api.ListDNSRecords(t.Context(), c.rc, cloudflare.ListDNSRecordsParams{})
	check(t, err)
	equal(t, "records", len(all), 205+len(samples()))
	equal(t, "total", info.Total, len(all))
	tagged, _, err := c.api.ListDNSRecords(t.Context(), c.rc, cloudflare.ListDNSRecordsParams{
		Tags: []string{"team:dns", "none"}, TagMatch: "any", Match: "all", Comment: "edited", Order: "type", Direction: "desc",
	})
	check(t, err)
	equal(t, "tagged records", len(tagged), len(samples()))
	equal(t, "last type first", tagged[0].Type, "URI")
}

// zones walks the pages of the zones, which the library fetches side by side, and looks one up by its Unicode name.
func (c *v0) zones(t *testing.T) {
	for i := range 120 {
		c.Call(t, http.MethodPost, "/zones", map[string]any{"name": fmt.Sprintf("zone%d.example", i)}, nil)
	}
	c.Call(t, http.MethodPost, "/zones", map[string]any{"name": "xn--bcher-kva.example", "jump_start": false}, nil)
	all, err := c.api.ListZonesContext(t.Context())
	check(t, err)
	equal(t, "zones", len(all.Result), 122)
	id, err := c.api.ZoneIDByName("bücher.example")
	check(t, err)
	z, err := c.api.ZoneDetails(t.Context(), id)
	check(t, err)
	equal(t, "name", z.Name, "bücher.example")
	z, err = c.api.ZoneSetPaused(t.Context(), id, true)
	check(t, err)
	equal(t, "paused", z.Paused, true)
}

// files exports the zone and imports a file, which the library sends as two requests.
func (c *v0) files(t *testing.T) {
	file, err := c.api.ExportDNSRecords(t.Context(), c.rc, cloudflare.ExportDNSRecordsParams{})
	check(t, err)
	equal(t, "a host in the export", strings.Contains(file, "host204."+c.zone+"."), true)
	check(t, c.api.ImportDNSRecords(t.Context(), c.rc, cloudflare.ImportDNSRecordsParams{BINDContents: "imported 300 IN A 192.0.2.99\n"}))
	got, _, err := c.api.ListDNSRecords(t.Context(), c.rc, cloudflare.ListDNSRecordsParams{Name: "imported." + c.zone})
	check(t, err)
	equal(t, "imported", len(got), 1)
}

// failures have the library's types.
func (c *v0) failures(t *testing.T) {
	for _, bad := range []struct{ email, key string }{{node.Email, "00000000000000000000000000000000000ff"}, {"nobody@example.com", node.Key}} {
		api, err := cloudflare.New(bad.key, bad.email, cloudflare.BaseURL(c.URL))
		check(t, err)
		_, err = api.UserDetails(t.Context())
		var denied *cloudflare.AuthenticationError // that is what the library makes of 403
		if !errors.As(err, &denied) || !denied.InternalErrorCodeIs(9103) {
			t.Errorf("wrong credentials: %v", err)
		}
	}
	_, err := c.api.CreateDNSRecord(t.Context(), c.rc, cloudflare.CreateDNSRecordParams{Type: "A", Name: "www", Content: "192.0.2.1"})
	var request *cloudflare.RequestError
	if !errors.As(err, &request) || !request.InternalErrorCodeIs(81058) {
		t.Errorf("an identical record: %v", err)
	}
	u, err := c.api.UserDetails(t.Context())
	check(t, err)
	equal(t, "user", u.Email, node.Email)
}
