package draft

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Bounds of drafts.
const (
	MostParts  = 1000
	MostDrafts = 100     // of a zone, those that are over included: of these the oldest make room
	MostOctets = 4 << 20 // of all records of a draft
	MostAhead  = 366 * 24 * time.Hour
	mostName   = 100  // characters
	mostNote   = 2000 // likewise
)

const (
	statusForbidden = 403
	statusMissing   = 404
	statusConflict  = 409
)

func invalid(code, status int, pointer, format string, args ...any) error {
	return &model.Invalid{Code: code, Status: status, Pointer: pointer, Message: fmt.Sprintf(format, args...)}
}

// Missing is that there is no such draft in the zone.
func Missing() error {
	return invalid(model.CodeDraftMissing, statusMissing, "", "The zone has no such draft.")
}

// Names are what a draft is called, and what there is to say of it.
type Names struct{ Name, Note string }

func (n *Names) check() error {
	plain := func(c rune) bool { return unicode.IsControl(c) && c != '\n' }
	switch {
	case strings.TrimSpace(n.Name) == "" || utf8.RuneCountInString(n.Name) > mostName || strings.ContainsFunc(n.Name, unicode.IsControl) || !utf8.ValidString(n.Name):
		return invalid(model.CodeDraftInvalid, 0, "/name", "A draft needs a name of at most %d characters on one line.", mostName)
	case utf8.RuneCountInString(n.Note) > mostNote || strings.ContainsFunc(n.Note, plain) || !utf8.ValidString(n.Note):
		return invalid(model.CodeDraftInvalid, 0, "/note", "A note has at most %d characters.", mostNote)
	}
	return nil
}

// Create makes a draft without parts. Where a zone has as many as it may, the one that has been over for the longest time goes.
func Create(n Names, by model.Author) model.Edit {
	return model.Within{Do: func(ctx context.Context, at model.Desk) error {
		if err := n.check(); err != nil {
			return err
		}
		all, err := at.Drafts(ctx)
		if err != nil {
			return err
		}
		if len(all) >= MostDrafts {
			over := slices.DeleteFunc(all, func(d model.Draft) bool { return !d.State.Over() })
			if len(over) == 0 {
				return invalid(model.CodeDraftLimit, 0, "", "The zone has %d drafts, which is as many as it may: apply or delete some.", MostDrafts)
			}
			at.DropDraft(slices.MinFunc(over, func(a, b model.Draft) int { return a.Modified.Compare(b.Modified) }).ID)
		}
		d := model.Draft{ID: at.NewID(), Name: n.Name, Note: n.Note, State: model.DraftOpen, Version: 1, Created: at.Now(), Modified: at.Now(), By: by}
		put(at, "create", &d)
		return nil
	}}
}

// put writes a draft and tells of it.
func put(at model.Desk, action string, d *model.Draft) {
	d.Modified = at.Now()
	at.PutDraft(*d)
	tell(at, action, d)
}

func tell(at model.Desk, action string, d *model.Draft) {
	facts := model.AuditFacts{
		{Name: "name", Text: d.Name}, {Name: "state", Text: string(d.State)}, {Name: "version", Number: int64(d.Version)}, {Name: "parts", Number: int64(len(d.Parts))},
	}
	if d.Approval != nil {
		facts = append(facts, model.AuditFact{Name: "approved_by", Text: nameOf(d.Approval.By)})
	}
	if d.State == model.DraftScheduled {
		facts = append(facts, model.AuditFact{Name: "apply_at", Text: d.ApplyAt.UTC().Format(time.RFC3339)})
	}
	if d.Failure != "" {
		facts = append(facts, model.AuditFact{Name: "failure", Text: d.Failure})
	}
	legacy := map[string]string{"create": "add", "delete": "delete"}[action]
	if legacy == "" {
		legacy = "set"
	}
	part := model.AuditPart{Action: action, Legacy: legacy, Resource: "zone.draft", ResourceID: d.ID, After: facts}
	if action == "delete" {
		part.Before, part.After = facts, nil
	}
	at.Tell(part)
}

func nameOf(a model.Author) string {
	switch {
	case a.Email != "":
		return a.Email
	case a.User != "":
		return string(a.User)
	}
	return "token " + string(a.Token)
}

// edit is an edit of one draft; one that is over is not edited.
func edit(id model.ID, f func(ctx context.Context, at model.Desk, d *model.Draft) error) model.Edit {
	return model.Within{Do: func(ctx context.Context, at model.Desk) error {
		d, err := read(ctx, at, id)
		if err != nil {
			return err
		}
		if d.State.Over() {
			return invalid(model.CodeDraftState, statusConflict, "", "The draft has been applied.")
		}
		if err := f(ctx, at, &d); err != nil {
			return err
		}
		put(at, "update", &d)
		return nil
	}}
}

func read(ctx context.Context, at model.Desk, id model.ID) (model.Draft, error) {
	d, err := at.Draft(ctx, id)
	if errors.Is(err, model.ErrNotFound) {
		return d, Missing()
	}
	return d, err
}

// Rename gives a draft other names; what was approved stays so.
func Rename(id model.ID, n Names) model.Edit {
	return edit(id, func(_ context.Context, _ model.Desk, d *model.Draft) error {
		d.Name, d.Note = n.Name, n.Note
		return n.check()
	})
}

// Delete removes a draft, in whatever state it is.
func Delete(id model.ID) model.Edit {
	return model.Within{Do: func(ctx context.Context, at model.Desk) error {
		d, err := read(ctx, at, id)
		if err != nil {
			return err
		}
		at.DropDraft(id)
		tell(at, "delete", &d)
		return nil
	}}
}

// touched is a draft whose contents are others than those that somebody has approved, or scheduled.
func touched(d *model.Draft) {
	d.Version++
	d.State, d.Approval, d.ApplyAt, d.Scheduler, d.Failure = model.DraftOpen, nil, time.Time{}, model.Author{}, ""
}

// sameVersion says that who asks has seen what the draft is now.
func sameVersion(d *model.Draft, version int) error {
	if d.Version != version {
		return invalid(model.CodeDraftState, statusConflict, "/version", "The draft is at version %d, not %d: look at it again.", d.Version, version)
	}
	return nil
}

// Approve gives somebody's word for a version of a draft. Whoever has a part in it, or has taken one out, cannot, nor a program.
func Approve(id model.ID, version int, by model.Author) model.Edit {
	return edit(id, func(_ context.Context, at model.Desk, d *model.Draft) error {
		if err := sameVersion(d, version); err != nil {
			return err
		}
		if len(d.Parts) == 0 {
			return invalid(model.CodeDraftState, statusConflict, "", "The draft has no parts.")
		}
		if err := MayApprove(d, by); err != nil {
			return err
		}
		d.Approval = &model.Approval{By: by, On: at.Now(), Version: d.Version}
		return nil
	})
}

// MayApprove says why somebody cannot approve a draft; nil: he can.
func MayApprove(d *model.Draft, by model.Author) error {
	if by.User == "" {
		return invalid(model.CodeDraftAuthor, statusForbidden, "", "An approval is a person's: a token of an account cannot give it.")
	}
	if slices.ContainsFunc(d.Parts, func(p model.DraftPart) bool { return by.Is(p.By) }) {
		return invalid(model.CodeDraftAuthor, statusForbidden, "", "Whoever has a part in the draft cannot approve it.")
	}
	if slices.ContainsFunc(d.Removers, by.Is) {
		return invalid(model.CodeDraftAuthor, statusForbidden, "", "Whoever has taken a part out of the draft cannot approve it.")
	}
	return nil
}

// Withdraw takes an approval back, and with it a time that was set on its strength.
func Withdraw(id model.ID) model.Edit {
	return edit(id, func(_ context.Context, at model.Desk, d *model.Draft) error {
		if d.Approval == nil {
			return invalid(model.CodeDraftState, statusConflict, "", "Nobody has approved the draft.")
		}
		d.Approval = nil
		if d.State == model.DraftScheduled && at.Zone().FourEyes != nil {
			d.State, d.ApplyAt = model.DraftOpen, time.Time{}
		}
		return nil
	})
}

// Schedule has a draft applied when its time comes.
func Schedule(id model.ID, version int, when time.Time, by model.Author) model.Edit {
	return edit(id, func(_ context.Context, at model.Desk, d *model.Draft) error {
		z := at.Zone()
		if err := mayApply(d, version, &z); err != nil {
			return err
		}
		if when = when.UTC().Truncate(time.Microsecond); !when.After(at.Now()) || when.Sub(at.Now()) > MostAhead {
			return invalid(model.CodeDraftInvalid, 0, "/at", "The time must lie ahead, by a year at most.")
		}
		d.State, d.ApplyAt, d.Scheduler, d.Failure = model.DraftScheduled, when, by, ""
		return nil
	})
}

// Unschedule takes the time back.
func Unschedule(id model.ID) model.Edit {
	return edit(id, func(_ context.Context, _ model.Desk, d *model.Draft) error {
		if d.State != model.DraftScheduled {
			return invalid(model.CodeDraftState, statusConflict, "", "The draft is not scheduled.")
		}
		d.State, d.ApplyAt, d.Scheduler = model.DraftOpen, time.Time{}, model.Author{}
		return nil
	})
}

// mayApply says why a version of a draft cannot be applied.
func mayApply(d *model.Draft, version int, z *model.Zone) error {
	if err := sameVersion(d, version); err != nil {
		return err
	}
	switch {
	case len(d.Parts) == 0:
		return invalid(model.CodeDraftState, statusConflict, "", "The draft has no parts.")
	case z.FourEyes != nil && (d.Approval == nil || d.Approval.Version != d.Version):
		return invalid(model.CodeFourEyes, statusForbidden, "", "The draft is applied when somebody who has no part in it has approved it.")
	}
	return nil
}
