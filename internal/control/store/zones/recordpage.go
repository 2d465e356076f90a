package zones

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// fewHits bounds what PageRecords holds in memory of a search before it knows that it was a narrow one.
const fewHits = 1000

// errMany is a search that finds more than fewHits.
var errMany = errors.New("more than a few records match")

// PageRecords streams a page of what the query selects, as Records does, and returns how many it selects in all. A search
// has to read the whole zone: one that finds little reads it once for both, one that finds much at the same time for
// each.
func (s *Store) PageRecords(ctx context.Context, zone model.ID, q model.RecordQuery, yield func(*model.Record) error) (int, error) {
	searches := q.Searches()
	if searches && q.Limit > 0 && q.Offset < fewHits {
		total, err := s.pageFew(ctx, zone, &q, yield)
		if !errors.Is(err, errMany) {
			return total, err
		}
	}
	if !searches {
		total, err := s.CountRecords(ctx, zone, q)
		if err != nil {
			return 0, err
		}
		return total, s.Records(ctx, zone, q, yield)
	}
	var total int
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		total, err = s.CountRecords(ctx, zone, q)
		return err
	})
	g.Go(func() error { return s.Records(ctx, zone, q, yield) })
	return total, g.Wait()
}

// pageFew finds all matches, or one more than fewHits, and sorts and counts those alone. It yields nothing when it fails
// with errMany.
func (s *Store) pageFew(ctx context.Context, zone model.ID, q *model.RecordQuery, yield func(*model.Record) error) (total int, err error) {
	keys, ok := recordOrders[q.Order]
	if !ok {
		return 0, fmt.Errorf("list records: %w", engine.ErrField(q.Order))
	}
	w, err := s.selectRecords(zone, q)
	if err != nil {
		return 0, fmt.Errorf("list records: %w", err)
	}
	text := `WITH hits AS MATERIALIZED (SELECT ` + recordColumns + ` FROM records` + w.Text() + ` LIMIT ?)
		SELECT ` + recordColumns + `, (SELECT count(*) FROM hits) FROM hits ORDER BY ` + engine.Ordered(q.Desc, keys...)
	text, args := engine.Paged(text, append(w.Arguments(), int64(fewHits+1)), q.Offset, q.Limit)
	var list []model.Record
	r := newRecordReader(zone)
	r.dest = append(r.dest, &total)
	err = s.db.Read.Each(ctx, func(rows *engine.Rows) error {
		p, err := r.scan(rows)
		if err != nil {
			return err
		}
		if total > fewHits {
			return errMany
		}
		list = append(list, *p)
		return nil
	}, text, args...)
	if err == nil {
		err = yieldAll(list, yield)
	}
	if err == nil && total == 0 && q.Offset > 0 { // a page past the end has no row to tell the number
		return s.CountRecords(ctx, zone, *q)
	}
	if err != nil && !errors.Is(err, errMany) {
		err = fmt.Errorf("list records of zone %s: %w", zone, err)
	}
	return total, err
}

// RecordsByID reads those of some records that are there, in no order.
func (s *Store) RecordsByID(ctx context.Context, zone model.ID, ids []model.ID) ([]model.Record, error) {
	return s.someRecords(ctx, zone, `id`, engine.IDs(ids))
}

// RecordsNamed reads all records at some names, in no order.
func (s *Store) RecordsNamed(ctx context.Context, zone model.ID, names []wire.Name) ([]model.Record, error) {
	hosts := make([]any, len(names))
	for i, n := range names {
		hosts[i] = n.Host()
	}
	return s.someRecords(ctx, zone, `name`, hosts)
}

func (s *Store) someRecords(ctx context.Context, zone model.ID, column string, values []any) (out []model.Record, err error) {
	r := newRecordReader(zone)
	err = s.db.Read.In(ctx, func(rows *engine.Rows) error {
		p, err := r.scan(rows)
		if err == nil {
			out = append(out, *p)
		}
		return err
	}, `SELECT `+recordColumns+` FROM records WHERE zone = `+zoneNumber+` AND `+column+` IN (%s)`, []any{engine.ID(zone)}, values)
	if err != nil {
		return nil, fmt.Errorf("read %d records of zone %s: %w", len(values), zone, err)
	}
	return out, nil
}
