package rules

import (
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Stamp sets what the server decides of a record: its times, and the automatic TTL of a proxied one. old is what it was, nil
// for a new record.
func Stamp(r, old *model.Record, now time.Time) {
	if r.Proxied || r.TTL == 0 {
		r.TTL = AutomaticTTL
	}
	if old == nil {
		r.Created, r.Modified = now, now
		old = &model.Record{}
	} else {
		r.Created, r.Modified = old.Created, old.Modified
		r.CommentModified, r.TagsModified = old.CommentModified, old.TagsModified
		if !Same(r, old) {
			r.Modified = now
		}
	}
	switch {
	case r.Comment == "":
		r.CommentModified = time.Time{}
	case r.Comment != old.Comment:
		r.CommentModified = now
	}
	switch {
	case len(r.Tags) == 0:
		r.TagsModified = time.Time{}
	case !slices.Equal(r.Tags, old.Tags):
		r.TagsModified = now
	}
}
