package review_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/review"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// TestZonesInside tells of a zone that hides records, and not of one that is delegated to.
func TestZonesInside(t *testing.T) {
	t.Parallel()
	delegation := []rr.Set{
		set(t, "c."+apex, wire.TypeNS, "ns.c", "ns.test."), set(t, "ns.c."+apex, wire.TypeA, "192.0.2.1"),
		set(t, "c."+apex, wire.TypeDS, "1 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
	}
	for title, tt := range map[string]struct {
		sets []rr.Set
		want string
	}{
		"nothing there":       {[]rr.Set{set(t, "cc."+apex, wire.TypeTXT, "x")}, ""},
		"delegation and glue": {delegation, ""},
		"at its apex":         {[]rr.Set{set(t, "c."+apex, wire.TypeTXT, "x")}, "c.example.org, of another account"},
		"below":               {append([]rr.Set{set(t, "x.y.c."+apex, wire.TypeA, "192.0.2.1")}, delegation...), "such as x.y.c.example.org"},
		"beside glue":         {append([]rr.Set{set(t, "ns.c."+apex, wire.TypeTXT, "x")}, delegation...), "such as ns.c.example.org"},
	} {
		w := world{served: tt.sets, transfer: tt.sets, inside: []model.Zone{{Name: wire.MustName("c." + apex), Account: "other"}}}
		got := ""
		for _, f := range w.review(t).Findings {
			if f.Reason == model.ReasonHidden && f.Severity == model.SeverityWarning {
				got = f.Message
			}
		}
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", title, got, tt.want)
		}
	}
}

// TestStoredAgainstTheRules reviews zones that hold what nobody can add any more, and what only some servers take.
func TestStoredAgainstTheRules(t *testing.T) {
	t.Parallel()
	raw := func(owner string, typ wire.Type, data string) rr.Set {
		return rr.Set{Owner: wire.MustName(owner), Type: typ, TTL: 300, Data: [][]byte{[]byte(data)}}
	}
	const ds = "1 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	const key = "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=" // of RFC 8080 section 6.1
	const keyDS = "3613 15 2 84626a41426088f04d5aa4413b888daf26727a48e0b6c58ee3d2ee8b43cb304a"
	for title, tt := range map[string]struct {
		sets []rr.Set
		want string
	}{
		"two DNAMEs":      {[]rr.Set{set(t, "d."+apex, wire.TypeDNAME, "a.test.", "b.test.")}, "forbidden d.example.org. DNAME"},
		"below a DNAME":   {[]rr.Set{set(t, "d."+apex, wire.TypeDNAME, "a.test."), set(t, "x.y.d."+apex, wire.TypeTXT, "x")}, "forbidden x.y.d.example.org. TXT"},
		"beside a DNAME":  {[]rr.Set{set(t, "d."+apex, wire.TypeDNAME, "a.test."), set(t, "d."+apex, wire.TypeNS, "a.test.")}, "forbidden d.example.org. DNAME"},
		"behind a DNAME":  {[]rr.Set{set(t, "d."+apex, wire.TypeDNAME, "a.test."), set(t, "dd."+apex, wire.TypeTXT, "x")}, ""},
		"DNAME at apex":   {[]rr.Set{set(t, apex, wire.TypeDNAME, "a.test.")}, ""},
		"DS at apex":      {[]rr.Set{set(t, apex, wire.TypeDS, ds)}, "forbidden example.org. DS"},
		"short data":      {[]rr.Set{raw("s."+apex, 258, "")}, "forbidden s.example.org. TYPE258"},
		"NS at wildcard":  {[]rr.Set{set(t, "*."+apex, wire.TypeNS, "a.test.")}, "refused *.example.org. NS"},
		"alias":           {[]rr.Set{set(t, "s."+apex, wire.TypeHTTPS, "0 a.test.")}, ""},
		"alias with more": {[]rr.Set{set(t, "s."+apex, wire.TypeHTTPS, "0 a.test. port=1")}, "refused s.example.org. HTTPS"},
		"odd ALPN":        {[]rr.Set{raw("s."+apex, wire.TypeSVCB, "\x00\x01\x00\x00\x01\x00\x02\x01\xff")}, "refused s.example.org. SVCB"},
		"KEY without key": {[]rr.Set{raw("s."+apex, wire.TypeKEY, "\xc0\x00\x03\x0d")}, "refused s.example.org. KEY"},
		"IPSECKEY":        {[]rr.Set{raw("s."+apex, 45, "\x0a\x00\x03k")}, "refused s.example.org. IPSECKEY"},
		"APL and more":    {[]rr.Set{raw("s."+apex, wire.TypeAPL, "\x00\x01\x18\x04\xc0\x00\x02\x8e")}, "refused s.example.org. APL"},
		"APL":             {[]rr.Set{raw("s."+apex, wire.TypeAPL, "\x00\x01\x19\x04\xc0\x00\x02\x80\x00\x02\x00\x00")}, ""},
		"CDS alone":       {[]rr.Set{set(t, apex, wire.TypeCDS, ds)}, "refused example.org. CDS"},
		"CDS of a key":    {[]rr.Set{set(t, apex, wire.TypeDNSKEY, key), set(t, apex, wire.TypeCDS, keyDS), set(t, apex, wire.TypeCDNSKEY, key)}, ""},
		"CDS deletes":     {[]rr.Set{set(t, apex, wire.TypeCDS, "0 0 0 00"), set(t, apex, wire.TypeCDNSKEY, "0 3 0 AA==")}, ""},
		"CDS elsewhere":   {[]rr.Set{set(t, "x."+apex, wire.TypeCDS, ds)}, ""},
		"no glue":         {[]rr.Set{set(t, "c."+apex, wire.TypeNS, "ns.c")}, "ns_without_address c.example.org. NS"},
		"glue":            {[]rr.Set{set(t, "c."+apex, wire.TypeNS, "ns.c"), set(t, "ns.c."+apex, wire.TypeAAAA, "2001:db8::1")}, ""},
		"glue elsewhere":  {[]rr.Set{set(t, "c."+apex, wire.TypeNS, "ns.e"), set(t, "e."+apex, wire.TypeNS, "a.test.")}, ""},
		"wildcard serves": {[]rr.Set{set(t, "c."+apex, wire.TypeNS, "ns.w"), set(t, "*.w."+apex, wire.TypeA, "192.0.2.1")}, ""},
		"alias serves":    {[]rr.Set{set(t, "c."+apex, wire.TypeNS, "ns.w"), set(t, "ns.w."+apex, wire.TypeCNAME, "a.test.")}, "ns_without_address c.example.org. NS"},
	} {
		all := append([]rr.Set{set(t, apex, wire.TypeSOA, "a. b. 1 2 3 4 5"), set(t, apex, wire.TypeNS, "ns1.hw.test.")}, tt.sets...)
		for i := range all {
			slices.SortFunc(all[i].Data, bytes.Compare)
		}
		v, err := zone.Build(wire.MustName(apex), all)
		if err != nil {
			t.Fatalf("%s: %v", title, err)
		}
		var got []string
		review.Loads(v, 0, nil, func(f model.Finding) {
			if f.Severity != model.SeverityCritical || f.Message == "" {
				t.Errorf("%s: %+v", title, f)
			}
			got = append(got, fmt.Sprint(f.Reason, " ", f.Name, " ", f.Type))
		})
		if s := strings.Join(got, ", "); s != tt.want {
			t.Errorf("%s: %q, want %q", title, s, tt.want)
		}
	}
}
