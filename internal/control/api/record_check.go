package api

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Bounds of contract sections 5.4 and 5.8.
const (
	ttlAutomatic = 1
	ttlLeast     = 30
	ttlMost      = 86400
	commentMost  = 500
	tagsMost     = 20
	tagNameMost  = 32
	tagValueMost = 100
)

func checkTTL(ttl int64) error {
	if ttl == ttlAutomatic || ttl >= ttlLeast && ttl <= ttlMost {
		return nil
	}
	return invalid(model.CodeTTL, "/ttl", "TTL must be between 60 and 86400 seconds, or 1 for Automatic.")
}

// checkRecord checks a whole record and gives it its final form: a proxied record's ttl is automatic.
func checkRecord(r *model.Record) error {
	if err := checkProxied(r); err != nil {
		return err
	}
	if err := checkSettings(r); err != nil {
		return err
	}
	if !utf8.ValidString(r.Comment) || utf8.RuneCountInString(r.Comment) > commentMost || strings.ContainsAny(r.Comment, "\r\n\x00") {
		return invalid(model.CodeCommentInvalid, "/comment", "Comment must be at most 500 characters on one line.")
	}
	return checkTags(r)
}

// proxyTarget says whether a proxied CNAME may lead to a target: some names must not be (contract section 5.5).
func proxyTarget(content string) bool {
	host := strings.ToLower(strings.TrimSuffix(content, "."))
	if slices.Contains([]string{"dkim2.mcsv.net", "dkim3.mcsv.net", "zmverify.zoho.com", "dkim.infusionmail.com"}, host) {
		return false
	}
	for _, s := range []string{"dkim.amazonses.com", "onmicrosoft.com", "dkim.intercom.io", "acm-validations.aws"} {
		if host == s || strings.HasSuffix(host, "."+s) {
			return false
		}
	}
	return true
}

func proxiable(t wire.Type, content string) bool {
	switch t {
	case wire.TypeA, wire.TypeAAAA:
		return true
	case wire.TypeCNAME:
		return proxyTarget(content)
	}
	return false
}

func checkProxied(r *model.Record) error {
	if !r.Proxied {
		return nil
	}
	switch r.Type {
	case wire.TypeA, wire.TypeAAAA:
		if a, err := netip.ParseAddr(r.Content); err == nil && reserved(a) {
			return invalid(model.CodeProxyTarget, "/content", "Target "+r.Content+" is not allowed for a proxied record.")
		}
	case wire.TypeCNAME:
		if !proxyTarget(r.Content) {
			return invalid(model.CodeProxyTarget, "/content", "Target "+r.Content+" is not allowed for a proxied record.")
		}
	default:
		return invalid(model.CodeProxyType, "/proxied", "This record type cannot be proxied.")
	}
	r.TTL = ttlAutomatic
	return nil
}

// reserved says whether an address cannot be an origin that an edge reaches over the internet. Documentation ranges stay
// allowed: examples and tests use them.
func reserved(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsPrivate() || a.IsLoopback() || a.IsUnspecified() || a.IsLinkLocalUnicast() || a.IsMulticast() ||
		a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

func checkSettings(r *model.Record) error {
	s := r.Settings
	switch {
	case s.FlattenCNAME && r.Type != wire.TypeCNAME:
		return invalid(model.CodeFlattenInvalid, "/settings/flatten_cname", "Only CNAME records can be flattened.")
	case s.FlattenCNAME && r.Proxied:
		return invalid(model.CodeFlattenInvalid, "/settings/flatten_cname", "A proxied record cannot be flattened.")
	case s.IPv4Only && s.IPv6Only:
		return invalid(model.CodeFlattenInvalid, "/settings", "ipv4_only and ipv6_only exclude each other.")
	case (s.IPv4Only || s.IPv6Only) && !proxiable(r.Type, ""):
		return invalid(model.CodeFlattenInvalid, "/settings", "ipv4_only and ipv6_only are for proxied records.")
	}
	return nil
}

func checkTags(r *model.Record) error {
	if len(r.Tags) > tagsMost {
		return invalid(model.CodeTags, "/tags", "DNS record has "+strconv.Itoa(len(r.Tags))+" tags, exceeding the quota of "+strconv.Itoa(tagsMost)+".")
	}
	seen := map[string]bool{}
	for i, tag := range r.Tags {
		name, value, _ := strings.Cut(tag, ":")
		low := strings.ToLower(name)
		bad := name == "" || len(name) > tagNameMost || strings.HasPrefix(low, "cf-") || seen[strings.ToLower(tag)] ||
			!utf8.ValidString(value) || utf8.RuneCountInString(value) > tagValueMost || strings.ContainsAny(value, "\r\n\x00")
		for _, c := range low {
			bad = bad || (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-'
		}
		if bad {
			return invalid(model.CodeTagInvalid, "/tags/"+strconv.Itoa(i), "Tag "+strconv.Quote(tag)+" is invalid.")
		}
		seen[strings.ToLower(tag)] = true
	}
	return nil
}
