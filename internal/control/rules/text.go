package rules

import (
	"slices"
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
	case !model.IsText(r.Content):
		return invalid(model.CodeContentInvalid, "/content", "The content has a NUL character or is not UTF-8.")
	case !model.IsText(r.Comment):
		return invalid(model.CodeCommentInvalid, "/comment", "The comment has a NUL character or is not UTF-8.")
	case utf8.RuneCountInString(r.Comment) > MaxComment || strings.ContainsAny(r.Comment, "\r\n"):
		return invalid(model.CodeCommentInvalid, "/comment", "Comment must be at most 500 characters on one line.")
	}
	return tags(r.Tags)
}

// isLine says whether s is text on one line.
func isLine(s string) bool { return model.IsText(s) && !strings.ContainsAny(s, "\r\n") }

// FitText takes off what Text would refuse of a comment and tags, and says what it took: for those of a zone file, which are
// often nobody's who has the file now, and must not cost the record.
func FitText(r *model.Record) (taken []string) {
	if !isLine(r.Comment) {
		r.Comment = ""
		taken = append(taken, "the comment is left out: it is not one line of text in UTF-8.")
	}
	if n := utf8.RuneCountInString(r.Comment); n > MaxComment {
		r.Comment = string([]rune(r.Comment)[:MaxComment])
		taken = append(taken, "the comment is cut to "+strconv.Itoa(MaxComment)+" of its "+strconv.Itoa(n)+" characters.")
	}
	kept := r.Tags[:0]
	for _, t := range r.Tags {
		same := func(other string) bool { return strings.EqualFold(t, other) }
		if !tagFits(t) || len(kept) == MaxTags || slices.ContainsFunc(kept, same) {
			taken = append(taken, "the tag "+strconv.Quote(t[:min(len(t), MaxTagName+MaxTagValue)])+" is left out: it is invalid, there twice, or one too many.")
			continue
		}
		kept = append(kept, t)
	}
	r.Tags = kept
	return taken
}

func tags(list []string) error {
	if len(list) > MaxTags {
		return invalid(model.CodeTags, "/tags", "DNS record has %d tags, exceeding the quota of %d.", len(list), MaxTags)
	}
	seen := make([]string, 0, MaxTags)
	for i, tag := range list {
		low := strings.ToLower(tag)
		if !tagFits(tag) || slices.Contains(seen, low) {
			return invalid(model.CodeTagInvalid, "/tags/"+strconv.Itoa(i), "Tag %s is invalid.", strconv.Quote(tag))
		}
		seen = append(seen, low)
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
		isLine(value) && utf8.RuneCountInString(value) <= MaxTagValue
}
