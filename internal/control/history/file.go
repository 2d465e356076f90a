package history

import (
	"context"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// fileBlock is how many records are held until it is known that nobody has changed them meanwhile.
const fileBlock = 512

// File tells what a zone was at a point: begin gets the zone with its serial of then, each its records, in the order of names but for a
// few that change while they are read. The record is valid during the call only.
func (h *Reader) File(ctx context.Context, z *model.Zone, p Point, kept time.Duration, begin func(*model.Zone) error, each func(*model.Record) error) error {
	was, err := h.before(ctx, z, &p, kept)
	if err != nil {
		return err
	}
	if err := begin(&was.zone); err != nil {
		return err
	}
	f := &file{h: h, was: was, zone: z, each: each}
	for _, r := range was.records {
		if r != nil {
			f.waiting = append(f.waiting, r)
		}
	}
	slices.SortFunc(f.waiting, inOrder)
	err = h.Store.Records(ctx, z.ID, model.RecordQuery{Order: "name"}, func(r *model.Record) error {
		f.block = append(f.block, r.Clone())
		if len(f.block) < fileBlock {
			return nil
		}
		return f.flush(ctx)
	})
	if err == nil {
		err = f.flush(ctx)
	}
	for _, r := range f.waiting {
		if err == nil {
			err = each(r)
		}
	}
	return err
}

// file is a version on its way out. What has changed since is laid over what is read; what changes while it is read is found block by
// block, for a record that was read before a change is told of has been read as it was.
type file struct {
	h       *Reader
	was     *past
	zone    *model.Zone
	each    func(*model.Record) error
	block   []model.Record
	waiting []*model.Record // to be told, in order, and not told yet
	last    *model.Record   // that was read last and told, or passed over
}

func (f *file) flush(ctx context.Context) error {
	err := f.h.since(ctx, f.zone, f.was.head, func(p *past) error {
		f.was.head = p.head
		f.overlay(p)
		return nil
	})
	if err != nil {
		return err
	}
	for i := range f.block {
		r := &f.block[i]
		for len(f.waiting) > 0 && inOrder(f.waiting[0], r) < 0 {
			if err := f.each(f.waiting[0]); err != nil {
				return err
			}
			f.waiting = f.waiting[1:]
		}
		f.last = r
		if f.was.is(r.ID, r) != r {
			continue
		}
		if err := f.each(r); err != nil {
			return err
		}
	}
	f.block = make([]model.Record, 0, fileBlock)
	return nil
}

// overlay takes in what has changed meanwhile: of records that are told already nothing is told again.
func (f *file) overlay(p *past) {
	for stamp, n := range p.imports {
		f.was.imports[stamp] += n
	}
	for id, r := range p.records {
		if _, told := f.was.records[id]; told || r != nil && f.was.imported(r) {
			continue
		}
		f.was.records[id] = r
		if r != nil && (f.last == nil || inOrder(r, f.last) > 0) {
			at, _ := slices.BinarySearchFunc(f.waiting, r, inOrder)
			f.waiting = slices.Insert(f.waiting, at, r)
		}
	}
}
