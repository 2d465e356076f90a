package record

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// In an exported file a record's comment and tags follow it behind a semicolon (contract section 5.13):
//
//	; the comment cf_tags=name:value,other,cf-proxied:true
//
// The last cf_tags= of the line counts, so a comment that holds those characters gets an empty one at its end. Tags that
// begin with cf- carry what is not in the line otherwise; clients cannot give a record such tags.
const (
	tagsMark = "cf_tags="

	tagProxied   = "cf-proxied:true"
	tagUnproxied = "cf-proxied:false"
	tagFlatten   = "cf-flatten-cname"
	tagIPv4      = "cf-ipv4-only"
	tagIPv6      = "cf-ipv6-only"
	tagApexNS    = "cf-apex-ns"  // an NS at the apex that an operator entered
	tagComment   = "cf-comment:" // a comment whose spaces would be lost at the edges
)

// FileComment writes what stands behind a record's semicolon; zone is its apex.
func FileComment(r *model.Record, zone wire.Name) string {
	comment, tags := r.Comment, make([]string, 0, len(r.Tags)+1)
	for _, t := range r.Tags {
		tags = append(tags, fileTag(t))
	}
	if comment != strings.TrimSpace(comment) {
		comment, tags = "", append(tags, fileTag(tagComment+comment))
	}
	for _, s := range []struct {
		on  bool
		tag string
	}{
		{rules.Proxiable(r.Type, r.Content) && r.Proxied, tagProxied},
		{rules.Proxiable(r.Type, r.Content) && !r.Proxied, tagUnproxied},
		{r.Settings.FlattenCNAME, tagFlatten},
		{r.Settings.IPv4Only, tagIPv4},
		{r.Settings.IPv6Only, tagIPv6},
		{r.Type == wire.TypeNS && r.Name == zone, tagApexNS},
	} {
		if s.on {
			tags = append(tags, s.tag)
		}
	}
	switch {
	case len(tags) > 0 && comment != "":
		return comment + " " + tagsMark + strings.Join(tags, ",")
	case len(tags) > 0:
		return tagsMark + strings.Join(tags, ",")
	case strings.Contains(comment, tagsMark):
		return comment + " " + tagsMark
	}
	return comment
}

// fileTag writes a tag, as a JSON string where its characters would be mistaken. Even there = is escaped, so that no tag
// looks like the mark.
func fileTag(t string) string {
	odd := func(c rune) bool {
		return unicode.IsSpace(c) || unicode.IsControl(c) || strings.ContainsRune(`"=,\`, c)
	}
	if strings.IndexFunc(t, odd) < 0 {
		return t
	}
	b, err := api.Marshal(t)
	if err != nil {
		return t // a string always encodes
	}
	return strings.ReplaceAll(string(b), "=", `\u003d`)
}

// IsOperatorsNS says whether the comment of an NS at the apex marks it as a record of the zone.
func IsOperatorsNS(comment string) bool {
	_, tags := splitComment(comment)
	return slices.Contains(tags, tagApexNS)
}

// ReadComment takes a file's comment apart, into the record. decided says that it tells whether the record is proxied.
func ReadComment(s string, r *model.Record) (decided bool) {
	var tags []string
	r.Comment, tags = splitComment(s)
	for _, t := range tags {
		switch t {
		case tagProxied, tagUnproxied:
			r.Proxied, decided = t == tagProxied, true
		case tagFlatten:
			r.Settings.FlattenCNAME = true
		case tagIPv4:
			r.Settings.IPv4Only = true
		case tagIPv6:
			r.Settings.IPv6Only = true
		default:
			if c, ok := strings.CutPrefix(t, tagComment); ok {
				r.Comment = c
			} else if !strings.HasPrefix(strings.ToLower(t), "cf-") {
				r.Tags = append(r.Tags, t)
			}
		}
	}
	return decided
}

// splitComment parts the comment proper from the tags.
func splitComment(s string) (comment string, tags []string) {
	at := strings.LastIndex(s, tagsMark)
	if at < 0 || at > 0 && s[at-1] != ' ' {
		return s, nil
	}
	return strings.TrimSpace(s[:at]), splitTags(s[at+len(tagsMark):])
}

// splitTags cuts at commas outside of JSON strings.
func splitTags(s string) []string {
	var out []string
	for s != "" {
		end := strings.IndexByte(s, ',')
		switch {
		case s[0] == '"':
			end = quotedEnd(s)
		case end < 0:
			end = len(s)
		}
		t := strings.TrimSpace(s[:end])
		var decoded string
		if strings.HasPrefix(t, `"`) && api.NotText([]byte(t)) < 0 && json.Unmarshal([]byte(t), &decoded) == nil {
			t = decoded
		}
		if t != "" {
			out = append(out, t)
		}
		s = strings.TrimPrefix(strings.TrimSpace(s[end:]), ",")
	}
	return out
}

// quotedEnd is where the JSON string that s begins with ends.
func quotedEnd(s string) int {
	end := 1
	for end < len(s) && s[end] != '"' {
		if s[end] == '\\' {
			end++
		}
		end++
	}
	return min(end+1, len(s))
}
