package model

import (
	"context"
	"time"
)

// DraftState says how far a draft has come.
type DraftState string

// The states of a draft.
const (
	DraftOpen      DraftState = "open"
	DraftScheduled DraftState = "scheduled" // it is applied when its time has come
	DraftApplied   DraftState = "applied"
	DraftFailed    DraftState = "failed" // its time came, and it could not be applied; it can be edited and tried again
)

// Over says that nothing of the draft changes any more.
func (s DraftState) Over() bool { return s == DraftApplied }

// Draft is a set of edits of one zone that several people put together, and that is done as one change or not at all.
type Draft struct {
	ID      ID
	Account ID
	Zone    ID
	Name    string
	Note    string
	State   DraftState
	// Version rises with everything that changes what the draft does.
	Version  int
	Created  time.Time
	Modified time.Time
	By       Author
	Parts    []DraftPart
	Removers []Author  `json:",omitempty"` // who have taken parts of others out: what is left is their doing as well
	Approval *Approval // of this version; nil for none
	// ApplyAt is when a scheduled draft is applied, for Scheduler.
	ApplyAt   time.Time
	Scheduler Author
	// Applied, Serial and Failure tell what became of it.
	Applied time.Time
	Serial  uint32
	Failure string
}

// DraftPlace is a place in the line of all scheduled drafts, which stand in order of times and ids. The zero value is its front.
type DraftPlace struct {
	At time.Time
	ID ID
}

// Author is who had a hand in a draft. Maker is the user behind a token.
type Author struct {
	User  ID
	Email string
	Token ID
	Maker ID
}

// Is says whether two are one person, or one token, or a person and a token of that person.
func (a Author) Is(b Author) bool {
	same := func(x, y ID) bool { return x != "" && x == y }
	return same(a.User, b.User) || same(a.Token, b.Token) || same(a.User, b.Maker) || same(a.Maker, b.User) || same(a.Maker, b.Maker)
}

// Approval is somebody's word for a version of a draft.
type Approval struct {
	By      Author
	On      time.Time
	Version int
}

// DraftPart is one edit of a draft: a record that comes, changes or goes, or settings of the zone. What it was stands beside what it shall
// be, so that it can be told whether somebody else has changed it meanwhile.
type DraftPart struct {
	ID       ID
	By       Author
	On       time.Time
	Resource string // "dns.record", or the part of the zone, as the audit log has it
	Object   ID
	// Before and After are a record, ZoneBefore and ZoneAfter a zone.
	Before, After         *Record
	ZoneBefore, ZoneAfter *Zone
}

// DraftClash is a part of a draft that cannot be done any more, or not as it was meant.
type DraftClash struct {
	Part   int // in Draft.Parts
	ID     ID
	Reason string
}

// Clashed is that parts of a draft clash with what the zone is now. It is an Invalid.
type Clashed struct{ List []DraftClash }

func (e *Clashed) Error() string { return e.Unwrap().Error() }

// Unwrap gives the rule that is broken.
func (e *Clashed) Unwrap() error {
	return &Invalid{Code: CodeDraftClash, Status: statusConflict, Message: "Parts of the draft clash with what the zone is now: " + e.List[0].Reason}
}

const statusConflict = 409

// Within is an edit of the change's zone that is worked out inside the write transaction, from what stands there. Do may run more than once, and
// must not block; what it does, it does through the desk, and an error takes all of it back.
type Within struct {
	Do func(ctx context.Context, at Desk) error
}

func (Within) edit() {}

// Desk is what an edit that is worked out inside has before it: its zone as planned so far.
type Desk interface {
	Now() time.Time
	NewID() ID
	// Zone and Record are copies; a record that is not there is nil.
	Zone() Zone
	Record(ctx context.Context, id ID) (*Record, error)
	// Edit plans an edit and tells the audit log of it, Tell tells of something else.
	Edit(ctx context.Context, e Edit) (Outcome, error)
	Tell(part AuditPart)
	// Told counts what the audit log has been told of so far, by this change or, in a Try, by that.
	Told() int
	// Try runs f, takes back what it has planned, and gives what would have been told of that.
	Try(f func() error) ([]AuditPart, error)
	// Approved says that two have seen what is planned from here on.
	Approved()
	// Draft reads a draft of the zone, Drafts lists them without their parts; PutDraft and DropDraft are written with the change.
	Draft(ctx context.Context, id ID) (Draft, error)
	Drafts(ctx context.Context) ([]Draft, error)
	PutDraft(d Draft)
	DropDraft(id ID)
}

// FourEyes says that what is in a zone, and how it is set, is changed by drafts alone that somebody else has approved.
type FourEyes struct {
	// Except are tokens that change the zone by themselves.
	Except []ID `json:",omitempty"`
}
