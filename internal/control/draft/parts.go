package draft

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
)

// Add puts edits into a draft instead of doing them. They are planned on top of what the draft has already, under the rules that hold for
// them there; what the plan tells of them are the parts.
func Add(id model.ID, by model.Author, edits []model.Edit) model.Edit {
	return edit(id, func(ctx context.Context, at model.Desk, d *model.Draft) error {
		before := 0
		told, err := at.Try(func() error {
			at.Approved()
			if err := play(ctx, at, d); err != nil {
				return err
			}
			before = at.Told()
			for i, e := range edits {
				if !holds(e) {
					return beyond()
				}
				if _, err := at.Edit(ctx, e); err != nil {
					return &model.EditError{Index: i, Err: err}
				}
			}
			return nil
		})
		if err != nil || before == len(told) {
			return err
		}
		for i := range told[before:] {
			p, ok := partOf(&told[before+i])
			if !ok {
				return beyond()
			}
			p.ID, p.By, p.On = at.NewID(), by, at.Now()
			d.Parts = append(d.Parts, p)
		}
		touched(d)
		return bounded(d)
	})
}

func beyond() error {
	return invalid(model.CodeDraftInvalid, 0, "", "The call cannot be put into a draft: only records and settings of the zone can.")
}

// holds says whether a draft can hold what an edit does.
func holds(e model.Edit) bool {
	switch e.(type) {
	case model.AddRecord, model.EditRecord, model.DeleteRecord, model.EditZone:
		return true
	}
	return false
}

// partOf makes a part of what a plan tells.
func partOf(told *model.AuditPart) (p model.DraftPart, ok bool) {
	p = model.DraftPart{Resource: told.Resource, Object: told.ResourceID}
	if told.Resource == "dns.record" {
		p.Before, p.After = recordOf(told.Before), recordOf(told.After)
		return p, p.Before != nil || p.After != nil
	}
	before, was := told.Before.(model.Zone)
	after, is := told.After.(model.Zone)
	p.ZoneBefore, p.ZoneAfter = &before, &after
	return p, was && is
}

func recordOf(v any) *model.Record {
	switch r := v.(type) {
	case *model.Record:
		if r == nil {
			return nil
		}
		c := r.Clone()
		return &c
	case model.Record:
		c := r.Clone()
		return &c
	}
	return nil
}

// bounded says whether a draft is as large as it may be.
func bounded(d *model.Draft) error {
	octets := int64(0)
	for i := range d.Parts {
		for _, r := range []*model.Record{d.Parts[i].Before, d.Parts[i].After} {
			if r != nil {
				octets += r.Size()
			}
		}
	}
	if len(d.Parts) > MostParts || octets > MostOctets {
		return invalid(model.CodeDraftLimit, 0, "", "A draft has at most %d parts, and %d MiB of records.", MostParts, MostOctets>>20)
	}
	return nil
}

// Remove takes a part out of a draft. Whoever does has a hand in it from then on, as whoever adds one.
func Remove(id, part model.ID, by model.Author) model.Edit {
	return edit(id, func(_ context.Context, _ model.Desk, d *model.Draft) error {
		for i := range d.Parts {
			if d.Parts[i].ID == part {
				if !by.Is(d.Parts[i].By) && !slices.ContainsFunc(d.Removers, by.Is) {
					d.Removers = append(d.Removers, by)
				}
				d.Parts = append(d.Parts[:i:i], d.Parts[i+1:]...)
				touched(d)
				return nil
			}
		}
		return invalid(model.CodeDraftMissing, statusMissing, "", "The draft has no such part.")
	})
}

// Preview does what a draft does, whether it may be applied or not: it is for plans.
func Preview(id model.ID) model.Edit {
	return model.Within{Do: func(ctx context.Context, at model.Desk) error {
		d, err := read(ctx, at, id)
		if err != nil {
			return err
		}
		at.Approved()
		return play(ctx, at, &d)
	}}
}

// Apply does what a version of a draft says, all of it or nothing, and with it notes that it is done: whoever comes second finds that. due is
// the time of one that is scheduled; it is applied for that time and no other. The zero time is now.
func Apply(id model.ID, version int, due time.Time) model.Edit {
	return edit(id, func(ctx context.Context, at model.Desk, d *model.Draft) error {
		if !due.IsZero() {
			if err := scheduledFor(d, due); err != nil {
				return err
			}
		}
		z := at.Zone()
		if err := mayApply(d, version, &z); err != nil {
			return err
		}
		at.Approved()
		if err := play(ctx, at, d); err != nil {
			return err
		}
		d.State, d.Applied, d.Failure = model.DraftApplied, at.Now(), ""
		return nil
	})
}

// scheduledFor says that a draft is to be applied at that time, still.
func scheduledFor(d *model.Draft, due time.Time) error {
	if d.State != model.DraftScheduled || !d.ApplyAt.Equal(due) {
		return invalid(model.CodeDraftState, statusConflict, "", "The draft is not scheduled for this time any more.")
	}
	return nil
}

// fail notes why a scheduled draft could not be applied.
func fail(id model.ID, due time.Time, why string) model.Edit {
	return edit(id, func(_ context.Context, _ model.Desk, d *model.Draft) error {
		if err := scheduledFor(d, due); err != nil {
			return err
		}
		d.State, d.Failure = model.DraftFailed, why
		return nil
	})
}

// play plans the parts of a draft one after the other. Those that clash with what the zone is now are told all together.
func play(ctx context.Context, at model.Desk, d *model.Draft) error {
	var clashes []model.DraftClash
	for i := range d.Parts {
		err := do(ctx, at, &d.Parts[i])
		var bad *model.Invalid
		switch {
		case err == nil:
		case errors.As(err, &bad):
			clashes = append(clashes, model.DraftClash{Part: i, ID: d.Parts[i].ID, Reason: nameOfPart(&d.Parts[i]) + bad.Message})
		default:
			return err
		}
	}
	if clashes != nil {
		return &model.Clashed{List: clashes}
	}
	return nil
}

func nameOfPart(p *model.DraftPart) string {
	r := p.After
	if r == nil {
		r = p.Before
	}
	if r == nil {
		return "settings: "
	}
	return r.Type.String() + " " + r.Name.Host() + ": "
}

// do plans one part.
func do(ctx context.Context, at model.Desk, p *model.DraftPart) (err error) {
	switch {
	case p.ZoneAfter != nil:
		_, err = at.Edit(ctx, model.EditZone{Action: strings.TrimPrefix(strings.TrimPrefix(p.Resource, "zone"), "."), Apply: func(z model.Zone) (model.Zone, error) {
			return z, merge(p.ZoneBefore, p.ZoneAfter, &z)
		}})
	case p.Before == nil:
		_, err = at.Edit(ctx, model.AddRecord{Record: p.After.Clone()})
	case p.After == nil:
		var now *model.Record
		if now, err = at.Record(ctx, p.Object); err == nil {
			err = unmoved(p, now)
		}
		if err == nil {
			_, err = at.Edit(ctx, model.DeleteRecord{ID: p.Object})
		}
	default:
		_, err = at.Edit(ctx, model.EditRecord{ID: p.Object, Apply: func(now model.Record) (model.Record, error) {
			next := p.After.Clone()
			next.Created, next.Modified, next.CommentModified, next.TagsModified = now.Created, now.Modified, now.CommentModified, now.TagsModified
			return next, unmoved(p, &now)
		}})
	}
	return err
}

// unmoved says whether a record is what the part has seen; nil is one that is gone.
func unmoved(p *model.DraftPart, now *model.Record) error {
	switch {
	case now == nil:
		return clash("it is gone.")
	case !rules.Same(now, p.Before):
		return clash("somebody has changed it since.")
	}
	return nil
}

func clash(reason string) error {
	return invalid(model.CodeDraftClash, statusConflict, "", "%s", reason)
}
