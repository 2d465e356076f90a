package record

import (
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/headwaterdns/headwater/internal/control/api"
)

// AppendJSON writes the record as the encoder would.
func (r JSON) AppendJSON(dst []byte) []byte {
	dst = appendString(append(dst, `{"id":`...), string(r.ID))
	if r.ZoneID != "" {
		dst = appendString(append(dst, `,"zone_id":`...), string(r.ZoneID))
	}
	if r.ZoneName != "" {
		dst = appendString(append(dst, `,"zone_name":`...), r.ZoneName)
	}
	dst = appendString(append(dst, `,"name":`...), r.Name)
	dst = appendString(append(dst, `,"type":`...), r.Type)
	dst = appendString(append(dst, `,"content":`...), r.Content)
	dst = strconv.AppendBool(append(dst, `,"proxiable":`...), r.Proxiable)
	dst = strconv.AppendBool(append(dst, `,"proxied":`...), r.Proxied)
	dst = strconv.AppendUint(append(dst, `,"ttl":`...), uint64(r.TTL), 10)
	dst = r.Settings.AppendJSON(append(dst, `,"settings":`...))
	dst = appendFlags(append(dst, `,"meta":`...), flag{"headwater_ignored", r.Meta.Ignored})
	dst = append(dst, `,"comment":`...)
	if r.Comment == nil {
		dst = append(dst, "null"...)
	} else {
		dst = appendString(dst, *r.Comment)
	}
	dst = append(dst, `,"tags":[`...)
	for i, tag := range r.Tags {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, tag)
	}
	dst = r.CreatedOn.Append(append(dst, `],"created_on":`...))
	dst = r.ModifiedOn.Append(append(dst, `,"modified_on":`...))
	if r.Priority != nil {
		dst = strconv.AppendUint(append(dst, `,"priority":`...), uint64(*r.Priority), 10)
	}
	if len(r.Data) > 0 {
		dst = append(append(dst, `,"data":`...), r.Data...)
	}
	if r.CommentModified != nil {
		dst = r.CommentModified.Append(append(dst, `,"comment_modified_on":`...))
	}
	if r.TagsModified != nil {
		dst = r.TagsModified.Append(append(dst, `,"tags_modified_on":`...))
	}
	return append(dst, '}')
}

func (s settingsJSON) AppendJSON(dst []byte) []byte {
	return appendFlags(dst, flag{"flatten_cname", s.FlattenCNAME}, flag{"ipv4_only", s.IPv4Only}, flag{"ipv6_only", s.IPv6Only})
}

// flag is a member that is left out unless it is true.
type flag struct {
	name string
	on   bool
}

func appendFlags(dst []byte, flags ...flag) []byte {
	dst = append(dst, '{')
	first := true
	for _, f := range flags {
		if !f.on {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(append(append(dst, '"'), f.name...), `":true`...)
	}
	return append(dst, '}')
}

func (b batchJSON) AppendJSON(dst []byte) []byte {
	dst = appendRecords(append(dst, `{"deletes":`...), b.Deletes)
	dst = appendRecords(append(dst, `,"patches":`...), b.Patches)
	dst = appendRecords(append(dst, `,"puts":`...), b.Puts)
	dst = appendRecords(append(dst, `,"posts":`...), b.Posts)
	return append(dst, '}')
}

func appendRecords(dst []byte, list []JSON) []byte {
	dst = append(slices.Grow(dst, len(list)*api.RecordSize), '[')
	for i := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = list[i].AppendJSON(dst)
	}
	return append(dst, ']')
}

// appendString writes a string; what needs escaping is left to the encoder.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			b, _ := api.Encode(s) // a string can always be encoded
			return append(dst, b...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}
