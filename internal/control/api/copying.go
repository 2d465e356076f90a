package api

import (
	"context"
	"net/http"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// ZoneCopy asks for a zone to be copied from another server with the same API.
type ZoneCopy struct {
	Account model.ID
	From    string // address of the source's API, without credentials
	Token   string // for the source; kept nowhere
	Zone    string
	// Transfers copies TSIGs, peers, ACLs and the zone's links to peers as well.
	Transfers bool
	// SkipInvalid leaves out lines that cannot be imported, and tells them, instead of importing nothing.
	SkipInvalid bool
	// Credential are the headers that the request came with, and RemoteAddr where from: the copy is made with no more
	// rights than those.
	Credential http.Header
	RemoteAddr string
	// Trusted says that an administrator of the server asks: the source may be anywhere, and is told of as it answers.
	Trusted bool
}

// ZoneCopyStep is a point of a copy's progress.
type ZoneCopyStep struct {
	Text   string   `json:"text"`
	Octets int64    `json:"octets"`            // of zone file read so far
	Zone   model.ID `json:"zone_id,omitempty"` // once the zone is there
}

// ZoneCopyNote is what there is to be told of a line of the zone file, or why a copy failed.
type ZoneCopyNote struct {
	Code    int
	Message string
}

// ZoneCopyFailure is a copy that ended early.
type ZoneCopyFailure struct{ Notes []ZoneCopyNote }

func (f *ZoneCopyFailure) Error() string {
	if len(f.Notes) == 0 {
		return "the copy failed"
	}
	return f.Notes[0].Message
}

// CopyZoneFunc copies a zone, telling each step; notes are of lines that were left out. What the source or the rules of
// this server refuse is a *ZoneCopyFailure.
type CopyZoneFunc func(ctx context.Context, c *ZoneCopy, step func(ZoneCopyStep)) (notes []ZoneCopyNote, err error)
