package api

import (
	"encoding/json"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// In an exported file a record's comment and tags follow it behind a semicolon (contract section 5.13):
//
//	; the comment cf_tags=name:value,other,cf-proxied:true
//
// The last cf_tags= of the line counts, so a comment that holds those characters gets an empty one at its end.
const tagsMark = "cf_tags="

// fileComment writes what stands behind a record's semicolon.
func fileComment(r *model.Record) string {
	var tags []string
	for _, t := range r.Tags {
		tags = append(tags, fileTag(t))
	}
	if proxiable(r.Type, r.Content) {
		tags = append(tags, map[bool]string{true: "cf-proxied:true", false: "cf-proxied:false"}[r.Proxied])
	}
	for _, s := range []struct {
		on  bool
		tag string
	}{{r.Settings.FlattenCNAME, "cf-flatten-cname"}, {r.Settings.IPv4Only, "cf-ipv4-only"}, {r.Settings.IPv6Only, "cf-ipv6-only"}} {
		if s.on {
			tags = append(tags, s.tag)
		}
	}
	switch {
	case len(tags) > 0:
		return strings.TrimSpace(r.Comment + " " + tagsMark + strings.Join(tags, ","))
	case strings.Contains(r.Comment, tagsMark):
		return r.Comment + " " + tagsMark
	}
	return r.Comment
}

// fileTag writes a tag, as a JSON string where its characters would be mistaken.
func fileTag(t string) string {
	if !strings.ContainsAny(t, "\"=,\\ ") {
		return t
	}
	b, err := marshal(t)
	if err != nil {
		return t // a string always encodes
	}
	return string(b)
}

// readComment takes a file's comment apart, into the record. Tags of our own kind set what they name.
func readComment(s string, r *model.Record) {
	at := strings.LastIndex(s, tagsMark)
	if at < 0 || at > 0 && s[at-1] != ' ' {
		r.Comment = s
		return
	}
	r.Comment = strings.TrimSpace(s[:at])
	for _, t := range splitTags(s[at+len(tagsMark):]) {
		switch t {
		case "cf-proxied:true":
			r.Proxied = true
		case "cf-proxied:false":
			r.Proxied = false
		case "cf-flatten-cname":
			r.Settings.FlattenCNAME = true
		case "cf-ipv4-only":
			r.Settings.IPv4Only = true
		case "cf-ipv6-only":
			r.Settings.IPv6Only = true
		default:
			if !strings.HasPrefix(t, "cf-") {
				r.Tags = append(r.Tags, t)
			}
		}
	}
}

// splitTags cuts at commas outside of JSON strings.
func splitTags(s string) []string {
	var out []string
	for s != "" {
		end := strings.IndexByte(s, ',')
		if s[0] == '"' {
			end = 1
			for end < len(s) && s[end] != '"' {
				if s[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(s))
		} else if end < 0 {
			end = len(s)
		}
		t := strings.TrimSpace(s[:end])
		var decoded string
		if strings.HasPrefix(t, `"`) && json.Unmarshal([]byte(t), &decoded) == nil {
			t = decoded
		}
		if t != "" {
			out = append(out, t)
		}
		s = strings.TrimPrefix(strings.TrimSpace(s[end:]), ",")
	}
	return out
}
