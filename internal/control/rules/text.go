package rules

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Bounds of what people write beside a record (contract section 5.8).
const (
	MaxComment  = 500 // characters
	MaxTags     = 20
	MaxTagName  = 32
	MaxTagValue = 100 // characters
)

// Text holds content, comment and tags against what can be kept: UTF-8 without NUL, which not every database takes, and
// lines where one is expected.
func Text(r *model.Record) error {
	switch {
	case !storable(r.Content):
		return invalid(model.CodeContentInvalid, "/content", "The content has a NUL character or is not UTF-8.")
	case !storable(r.Comment):
		return invalid(model.CodeCommentInvalid, "/comment", "The comment has a NUL character or is not UTF-8.")
	case utf8.RuneCountInString(r.Comment) > MaxComment || strings.ContainsAny(r.Comment, "\r\n"):
		return invalid(model.CodeCommentInvalid, "/comment", "Comment must be at most 500 characters on one line.")
	}
	return tags(r.Tags)
}

func storable(s string) bool { return strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) }

func tags(list []string) error {
	if len(list) > MaxTags {
		return invalid(model.CodeTags, "/tags", "DNS record has %d tags, exceeding the quota of %d.", len(list), MaxTags)
	}
	seen := make(map[string]bool, len(list))
	for i, tag := range list {
		low := strings.ToLower(tag)
		if !tagFits(tag) || seen[low] {
			return invalid(model.CodeTagInvalid, "/tags/"+strconv.Itoa(i), "Tag %s is invalid.", strconv.Quote(tag))
		}
		seen[low] = true
	}
	return nil
}

// tagFits looks at one tag, a name and, behind a colon, a value. Names that begin with cf- are marks of zone files.
func tagFits(tag string) bool {
	name, value, _ := strings.Cut(tag, ":")
	name = strings.ToLower(name)
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return name != "" && len(name) <= MaxTagName && !strings.HasPrefix(name, "cf-") &&
		storable(value) && utf8.RuneCountInString(value) <= MaxTagValue && !strings.ContainsAny(value, "\r\n")
}
