package store

import "context"

// Unowned counts rows whose number is no zone's.
func (s *Store) Unowned(ctx context.Context) (n int, err error) {
	const no = ` NOT IN (SELECT no FROM zones)`
	err = s.read.one(ctx, []any{&n}, `SELECT (SELECT count(*) FROM records WHERE zone`+no+`) + (SELECT count(*) FROM record_tags WHERE zone`+no+`) +
		(SELECT count(*) FROM images WHERE part / 65536`+no+`) + (SELECT count(*) FROM stagings)`)
	return n, err
}

// Forget gives up all imports, as if they had been silent for too long.
func (s *Store) Forget(ctx context.Context) error {
	defer s.sweepSoon()
	return s.expire(ctx, `no >= 0`)
}
