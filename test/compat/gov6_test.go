package compat_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cloudflare/cloudflare-go/v6"
	"github.com/cloudflare/cloudflare-go/v6/dns"
	"github.com/cloudflare/cloudflare-go/v6/option"
	"github.com/cloudflare/cloudflare-go/v6/zones"

	"github.com/headwaterdns/headwater/test/node"
)

// v6 is cloudflare-go v6 at work on one zone.
type v6 struct {
	*server
	api  *cloudflare.Client
	zone string // its name
	id   string
}

func openV6(t *testing.T, opts ...option.RequestOption) *v6 {
	t.Helper()
	s := open(t)
	if len(opts) == 0 {
		opts = []option.RequestOption{option.WithAPIToken(node.Token)}
	}
	c := &v6{server: s, zone: zoneName(t), api: cloudflare.NewClient(append(opts, option.WithBaseURL(s.URL))...)}
	z, err := c.api.Zones.New(t.Context(), zones.ZoneNewParams{
		Account: cloudflare.F(zones.ZoneNewParamsAccount{ID: cloudflare.F(s.Account)}),
		Name:    cloudflare.F(c.zone), Type: cloudflare.F(zones.TypeFull),
	})
	check(t, err)
	equal(t, "zone", z.Name, c.zone)
	equal(t, "status", z.Status, zones.ZoneStatusActive)
	c.id = z.ID
	return c
}

// v6Status wants an error of a status with a first code.
func v6Status(t *testing.T, err error, status int, code int64) {
	t.Helper()
	var e *cloudflare.Error
	if !errors.As(err, &e) || e.StatusCode != status || len(e.Errors) == 0 || e.Errors[0].Code != code {
		t.Fatalf("want status %d with code %d, got %v", status, code, err)
	}
}

func TestGoV6(t *testing.T) {
	t.Parallel()
	c := openV6(t)
	c.records(t)
	c.lists(t)
	c.batch(t)
	c.settings(t)
	c.importExport(t)
	c.secondary(t)
	c.end(t)
}

func TestGoV6GlobalKey(t *testing.T) {
	t.Parallel()
	c := openV6(t, option.WithAPIKey(node.Key), option.WithAPIEmail(node.Email))
	c.end(t)
}

// records makes one record of each type, reads it, edits it and puts it back.
func (c *v6) records(t *testing.T) {
	for _, s := range samples() {
		r, err := c.api.DNS.Records.New(t.Context(), dns.RecordNewParams{ZoneID: cloudflare.F(c.id), Body: v6Of(s)})
		if err != nil {
			t.Fatalf("%s: %v", s.Type, err)
		}
		equal(t, s.Type, r.Content, s.Want)
		got, err := c.api.DNS.Records.Get(t.Context(), r.ID, dns.RecordGetParams{ZoneID: cloudflare.F(c.id)})
		check(t, err)
		equal(t, s.Type+" read back", got.JSON.RawJSON(), r.JSON.RawJSON())
		equal(t, s.Type+" chosen from the union", fmt.Sprintf("%T", got.AsUnion()), v6Type(s.Type))
		c.edit(t, s, got)
	}
	if _, err := c.api.DNS.Records.New(t.Context(), dns.RecordNewParams{ZoneID: cloudflare.F(c.id), Body: v6Of(samples()[0])}); err == nil {
		t.Fatal("an identical record was made")
	} else {
		v6Status(t, err, http.StatusBadRequest, 81058)
	}
}

func v6Type(typ string) string {
	if typ == "OPENPGPKEY" {
		typ = "Openpgpkey"
	}
	return "dns.RecordResponse" + typ
}

// edit changes a comment by PATCH and the whole record by PUT, then writes the sample again.
func (c *v6) edit(t *testing.T, s sample, old *dns.RecordResponse) {
	patched, err := c.api.DNS.Records.Edit(t.Context(), old.ID, dns.RecordEditParams{ZoneID: cloudflare.F(c.id), Body: dns.RecordEditParamsBody{
		Comment: cloudflare.F("edited"), Tags: cloudflare.F[any]([]string{"team:dns"}),
	}})
	check(t, err)
	equal(t, s.Type+" content", patched.Content, s.Want)
	equal(t, s.Type+" comment", patched.Comment, "edited")
	if patched.CommentModifiedOn.IsZero() || patched.TagsModifiedOn.IsZero() {
		t.Errorf("%s: no times of comment and tags: %s", s.Type, patched.JSON.RawJSON())
	}
	s.TTL = 600
	body, ok := v6Of(s).(dns.RecordUpdateParamsBodyUnion)
	if !ok {
		body = dns.RecordUpdateParamsBody{
			Name: cloudflare.F(s.Name), TTL: cloudflare.F(dns.TTL(600)),
			Type: cloudflare.F(dns.RecordUpdateParamsBodyType(s.Type)), Content: cloudflare.F(s.Content),
		}
	}
	put, err := c.api.DNS.Records.Update(t.Context(), old.ID, dns.RecordUpdateParams{ZoneID: cloudflare.F(c.id), Body: body})
	check(t, err)
	equal(t, s.Type+" ttl", put.TTL, 600)
	equal(t, s.Type+" comment after PUT", put.Comment, "")
	again, err := c.api.DNS.Records.Update(t.Context(), old.ID, dns.RecordUpdateParams{ZoneID: cloudflare.F(c.id), Body: body})
	check(t, err)
	equal(t, s.Type+" after the same PUT", again.JSON.RawJSON(), put.JSON.RawJSON())
}

// lists pages through the records, with and without filters, to the empty page at the end.
func (c *v6) lists(t *testing.T) {
	c.requests("")
	it := c.api.DNS.Records.ListAutoPaging(t.Context(), dns.RecordListParams{ZoneID: cloudflare.F(c.id), PerPage: cloudflare.F(4.0)})
	seen := map[string]bool{}
	for it.Next() {
		seen[it.Current().ID] = true
	}
	check(t, it.Err())
	equal(t, "records listed", len(seen), len(samples()))
	equal(t, "pages asked for", len(c.requests("GET /zones/")), 7)
	page, err := c.api.DNS.Records.List(t.Context(), dns.RecordListParams{
		ZoneID: cloudflare.F(c.id), Type: cloudflare.F(dns.RecordListParamsTypeA),
		Name: cloudflare.F(dns.RecordListParamsName{Startswith: cloudflare.F("WWW.")}), Content: cloudflare.F(dns.RecordListParamsContent{Exact: cloudflare.F("192.0.2.1")}),
	})
	check(t, err)
	equal(t, "records found", len(page.Result), 1)
	zs := c.api.Zones.ListAutoPaging(t.Context(), zones.ZoneListParams{Name: cloudflare.F(c.zone)})
	n := 0
	for zs.Next() {
		n++
	}
	check(t, zs.Err())
	equal(t, "zones found", n, 1)
}

// batch deletes, patches, puts and posts in one request.
func (c *v6) batch(t *testing.T) {
	id := map[string]string{}
	for i := range 3 {
		name := fmt.Sprintf("batch%d", i)
		r, err := c.api.DNS.Records.New(t.Context(), dns.RecordNewParams{ZoneID: cloudflare.F(c.id), Body: v6Of(sample{Type: "A", Name: name, Content: "192.0.2.7", TTL: 60})})
		check(t, err)
		id[name] = r.ID
	}
	a := func(name, content string) dns.ARecordParam {
		return v6Of(sample{Type: "A", Name: name, Content: content, TTL: 60}).(dns.ARecordParam)
	}
	b, err := c.api.DNS.Records.Batch(t.Context(), dns.RecordBatchParams{
		ZoneID:  cloudflare.F(c.id),
		Deletes: cloudflare.F([]dns.RecordBatchParamsDelete{{ID: cloudflare.F(id["batch0"])}}),
		Patches: cloudflare.F([]dns.BatchPatchUnionParam{dns.BatchPatchARecordParam{ID: cloudflare.F(id["batch1"]), ARecordParam: a("batch1", "192.0.2.8")}}),
		Puts:    cloudflare.F([]dns.BatchPutUnionParam{dns.BatchPutARecordParam{ID: cloudflare.F(id["batch2"]), ARecordParam: a("batch2", "192.0.2.9")}}),
		Posts: cloudflare.F([]dns.RecordBatchParamsPostUnion{
			v6Of(sample{Type: "CNAME", Name: "batch0", Content: "www.example.net", TTL: 60}).(dns.CNAMERecordParam), a("batch3", "192.0.2.10"),
		}),
	})
	check(t, err)
	equal(t, "batch", fmt.Sprintln(len(b.Deletes), b.Patches[0].Content, b.Puts[0].Content, b.Posts[0].Content, b.Posts[1].Content),
		"1 192.0.2.8 192.0.2.9 www.example.net 192.0.2.10\n")
	_, err = c.api.DNS.Records.Batch(t.Context(), dns.RecordBatchParams{
		ZoneID:  cloudflare.F(c.id),
		Deletes: cloudflare.F([]dns.RecordBatchParamsDelete{{ID: cloudflare.F(id["batch1"])}, {ID: cloudflare.F(strings.Repeat("0", 32))}}),
	})
	v6Status(t, err, http.StatusNotFound, 81044)
	_, err = c.api.DNS.Records.Get(t.Context(), id["batch1"], dns.RecordGetParams{ZoneID: cloudflare.F(c.id)})
	check(t, err)
}

// settings changes DNS settings and finds the other members as they were.
func (c *v6) settings(t *testing.T) {
	before, err := c.api.DNS.Settings.Zone.Get(t.Context(), dns.SettingZoneGetParams{ZoneID: cloudflare.F(c.id)})
	check(t, err)
	edited, err := c.api.DNS.Settings.Zone.Edit(t.Context(), dns.SettingZoneEditParams{
		ZoneID: cloudflare.F(c.id), NSTTL: cloudflare.F(3600.0), MultiProvider: cloudflare.F(true),
		SOA: cloudflare.F(dns.SettingZoneEditParamsSOA{Refresh: cloudflare.F(7200.0)}),
	})
	check(t, err)
	equal(t, "settings", fmt.Sprint(edited.NSTTL, edited.MultiProvider, edited.SOA.Refresh, edited.SOA.Expire),
		fmt.Sprint(3600, true, 7200, before.SOA.Expire))
	after, err := c.api.DNS.Settings.Zone.Get(t.Context(), dns.SettingZoneGetParams{ZoneID: cloudflare.F(c.id)})
	check(t, err)
	equal(t, "settings read back", after.JSON.RawJSON(), edited.JSON.RawJSON())
}

// importExport reads the zone as a file and adds a record from one.
func (c *v6) importExport(t *testing.T) {
	text, err := c.api.DNS.Records.Export(t.Context(), dns.RecordExportParams{ZoneID: cloudflare.F(c.id)})
	check(t, err)
	for _, s := range samples() {
		if !strings.Contains(*text, "\tIN\t"+s.Type+"\t") {
			t.Errorf("no %s in the export", s.Type)
		}
	}
	in, err := c.api.DNS.Records.Import(t.Context(), dns.RecordImportParams{
		ZoneID: cloudflare.F(c.id), File: cloudflare.F("imported 300 IN A 192.0.2.99\n"), Proxied: cloudflare.F("false"),
	})
	check(t, err)
	equal(t, "records imported", in.RecsAdded, 1)
}

// secondary sets up outgoing transfers, hears the NOTIFYs and fetches the zone.
func (c *v6) secondary(t *testing.T) {
	z := cloudflare.F(c.id)
	sec, tsigID, peerID := c.link(t)
	_, err := sec.fetch(t, c.DNS, c.zone)
	if err == nil {
		t.Fatal("a transfer before enabling")
	}
	out := c.api.DNS.ZoneTransfers.Outgoing
	_, err = out.ForceNotify(t.Context(), dns.ZoneTransferOutgoingForceNotifyParams{ZoneID: z, Body: map[string]any{}})
	if err == nil {
		t.Fatal("force_notify before enabling")
	}
	on, err := out.Enable(t.Context(), dns.ZoneTransferOutgoingEnableParams{ZoneID: z, Body: map[string]any{}})
	check(t, err)
	equal(t, "enable", *on, "Enabled")
	sec.notified(t, c.zone)
	status, err := out.Status.Get(t.Context(), dns.ZoneTransferOutgoingStatusGetParams{ZoneID: z})
	check(t, err)
	equal(t, "status", *status, "Enabled")
	sec.fetchAll(t, c.DNS, c.zone)
	ok, err := out.ForceNotify(t.Context(), dns.ZoneTransferOutgoingForceNotifyParams{ZoneID: z, Body: map[string]any{}})
	check(t, err)
	equal(t, "force_notify", *ok, "OK")
	sec.notified(t, c.zone)
	got, err := out.Get(t.Context(), dns.ZoneTransferOutgoingGetParams{ZoneID: z})
	check(t, err)
	equal(t, "outgoing", fmt.Sprint(got.ID, got.Name, got.Peers), fmt.Sprint(c.id, c.zone, []string{peerID}))
	if got.SOASerial == 0 || got.LastTransferredTime == "" {
		t.Errorf("no serial or no time of the transfer: %s", got.JSON.RawJSON())
	}
	off, err := out.Disable(t.Context(), dns.ZoneTransferOutgoingDisableParams{ZoneID: z, Body: map[string]any{}})
	check(t, err)
	equal(t, "disable", *off, "Disabled")
	acc := cloudflare.F(c.Account)
	if _, err = c.api.DNS.ZoneTransfers.Peers.Delete(t.Context(), peerID, dns.ZoneTransferPeerDeleteParams{AccountID: acc}); err == nil {
		t.Fatal("a linked peer was deleted")
	}
	del, err := out.Delete(t.Context(), dns.ZoneTransferOutgoingDeleteParams{ZoneID: z})
	check(t, err)
	equal(t, "outgoing deleted", del.ID, c.id)
	_, err = c.api.DNS.ZoneTransfers.Peers.Delete(t.Context(), peerID, dns.ZoneTransferPeerDeleteParams{AccountID: acc})
	check(t, err)
	_, err = c.api.DNS.ZoneTransfers.TSIGs.Delete(t.Context(), tsigID, dns.ZoneTransferTSIGDeleteParams{AccountID: acc})
	check(t, err)
}

// link makes a TSIG, a peer, an ACL and the outgoing configuration, each read back in its list.
func (c *v6) link(t *testing.T) (sec *secondary, tsigID, peerID string) {
	acc, tr := cloudflare.F(c.Account), c.api.DNS.ZoneTransfers
	sec = listen(t, "key."+c.zone)
	k, err := tr.TSIGs.New(t.Context(), dns.ZoneTransferTSIGNewParams{AccountID: acc, TSIG: dns.TSIGParam{
		Name: cloudflare.F(sec.key), Algo: cloudflare.F("hmac-sha256."), Secret: cloudflare.F(secret),
	}})
	check(t, err)
	p, err := tr.Peers.New(t.Context(), dns.ZoneTransferPeerNewParams{AccountID: acc, Name: cloudflare.F("secondary")})
	check(t, err)
	p, err = tr.Peers.Update(t.Context(), p.ID, dns.ZoneTransferPeerUpdateParams{AccountID: acc, Peer: dns.PeerParam{
		Name: cloudflare.F("secondary"), IP: cloudflare.F(sec.addr.Addr().String()), Port: cloudflare.F(float64(sec.addr.Port())),
		IxfrEnable: cloudflare.F(true), TSIGID: cloudflare.F(k.ID),
	}})
	check(t, err)
	equal(t, "peer's TSIG", p.TSIGID, k.ID)
	a, err := tr.ACLs.New(t.Context(), dns.ZoneTransferACLNewParams{AccountID: acc, Name: cloudflare.F("acl"), IPRange: cloudflare.F("192.0.2.53/28")})
	check(t, err)
	equal(t, "ACL", a.IPRange, "192.0.2.53/28")
	acls := tr.ACLs.ListAutoPaging(t.Context(), dns.ZoneTransferACLListParams{AccountID: acc})
	var ids []string
	for acls.Next() {
		ids = append(ids, acls.Current().ID)
	}
	check(t, acls.Err())
	equal(t, "ACLs", slices.Contains(ids, a.ID), true)
	_, err = tr.ACLs.Delete(t.Context(), a.ID, dns.ZoneTransferACLDeleteParams{AccountID: acc})
	check(t, err)
	o, err := tr.Outgoing.New(t.Context(), dns.ZoneTransferOutgoingNewParams{
		ZoneID: cloudflare.F(c.id), Name: cloudflare.F(c.zone), Peers: cloudflare.F([]string{p.ID}),
	})
	check(t, err)
	equal(t, "outgoing", o.Name, c.zone)
	return sec, k.ID, p.ID
}

// end deletes the zone and finds it gone.
func (c *v6) end(t *testing.T) {
	d, err := c.api.Zones.Delete(t.Context(), zones.ZoneDeleteParams{ZoneID: cloudflare.F(c.id)})
	check(t, err)
	equal(t, "deleted", d.ID, c.id)
	_, err = c.api.Zones.Get(t.Context(), zones.ZoneGetParams{ZoneID: cloudflare.F(c.id)})
	var e *cloudflare.Error
	if !errors.As(err, &e) || e.StatusCode != http.StatusNotFound || !json.Valid([]byte(e.JSON.RawJSON())) {
		t.Fatalf("a deleted zone: %v", err)
	}
}
