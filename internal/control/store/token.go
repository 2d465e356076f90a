package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

const tokenColumns = `doc, used`

func scanToken(r *sql.Rows) (t model.Token, err error) {
	if err = r.Scan(toDoc{&t}, toTime{&t.LastUsed}); err != nil {
		return t, fmt.Errorf("scan token: %w", err)
	}
	return t, nil
}

func (s *Store) tokens(ctx context.Context, rest string, args ...any) (out []model.Token, err error) {
	err = s.read.each(ctx, func(r *sql.Rows) error {
		t, err := scanToken(r)
		out = append(out, t)
		return err
	}, `SELECT `+tokenColumns+` FROM tokens`+rest, args...)
	return out, err
}

func (s *Store) token(ctx context.Context, rest string, arg any) (model.Token, error) {
	list, err := s.tokens(ctx, rest, arg)
	if err == nil && len(list) == 0 {
		err = model.ErrNotFound
	}
	if err != nil {
		return model.Token{}, fmt.Errorf("read token: %w", err)
	}
	return list[0], nil
}

// Token reads a token.
func (s *Store) Token(ctx context.Context, token model.ID) (model.Token, error) {
	return s.token(ctx, ` WHERE id = ?`, id(token))
}

// TokenByHash reads the token whose value has the hash. Its LastUsed may be an older one.
func (s *Store) TokenByHash(ctx context.Context, hash []byte) (model.Token, error) {
	return s.kept.tokens.read(string(hash), func() (model.Token, error) { return s.token(ctx, ` WHERE hash = ?`, octets(hash)) })
}

// Tokens lists a user's (account empty) or an account's (user empty) tokens by the time of issue, newest first with desc,
// and counts them (offset and limit ignored). A limit of 0 is none.
func (s *Store) Tokens(ctx context.Context, user, account model.ID, desc bool, offset, limit int) ([]model.Token, int, error) {
	const owned = ` WHERE person = ? AND account = ?`
	args := []any{id(user), id(account)}
	var total int
	if err := s.read.one(ctx, []any{&total}, `SELECT count(*) FROM tokens`+owned, args...); err != nil {
		return nil, 0, fmt.Errorf("count tokens: %w", err)
	}
	text, args := paged(owned+` ORDER BY `+ordered(desc, "issued", "id"), args, offset, limit)
	list, err := s.tokens(ctx, text, args...)
	if err != nil {
		return nil, 0, fmt.Errorf("list tokens: %w", err)
	}
	return list, total, nil
}

// PutToken inserts or replaces a token; its LastUsed moves the stored one only forward.
func (s *Store) PutToken(ctx context.Context, t model.Token, a ...model.Audit) error {
	used := micros(t.LastUsed)
	t.LastUsed = time.Time{}
	d, err := doc(t)
	if err != nil {
		return err
	}
	const text = `INSERT INTO tokens (id, person, account, hash, issued, used, doc) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id)
		DO UPDATE SET person = excluded.person, account = excluded.account, hash = excluded.hash, issued = excluded.issued,
		used = CASE WHEN excluded.used > tokens.used THEN excluded.used ELSE tokens.used END, doc = excluded.doc`
	err = s.audited(ctx, a, func(c conn) error {
		_, err := c.exec(ctx, text, id(t.ID), id(t.User), id(t.Account), octets(t.Hash), micros(t.Issued), used, d)
		return err
	})
	if err != nil {
		return fmt.Errorf("write token %s: %w", t.ID, err)
	}
	return nil
}

// DeleteToken removes a token.
func (s *Store) DeleteToken(ctx context.Context, token model.ID, a ...model.Audit) error {
	err := s.audited(ctx, a, func(c conn) error {
		return deleteOne(ctx, c, `DELETE FROM tokens WHERE id = ?`, id(token))
	})
	if err != nil {
		return fmt.Errorf("delete token %s: %w", token, err)
	}
	return nil
}

// touches are the last uses of tokens that wait to be written.
type touches struct {
	mu  sync.Mutex
	at  map[model.ID]time.Time
	due chan struct{} // has a token while something waits
}

// TouchToken records the last use, lazily and without durability: it returns at once.
func (s *Store) TouchToken(id model.ID, at time.Time) {
	s.touch.mu.Lock()
	defer s.touch.mu.Unlock()
	if s.touch.at == nil {
		s.touch.at = map[model.ID]time.Time{}
	}
	s.touch.at[id] = at
	select {
	case s.touch.due <- struct{}{}:
	default:
	}
}

// Pauses of the store's own work.
const (
	touchPause = 2 * time.Second
	tidyPause  = time.Hour
)

// tend writes touches some seconds after the first of them, and once more at the end, and prunes the journal now and then.
func (s *Store) tend(ctx context.Context) {
	tidy := time.NewTicker(tidyPause)
	defer tidy.Stop()
	for {
		select {
		case <-ctx.Done():
			s.writeTouches(context.WithoutCancel(ctx))
			return
		case <-tidy.C:
			if !s.cfg.Tidies() {
				continue
			}
			if err := s.pruneNotices(ctx); err != nil {
				s.cfg.Log.Warn("old journal entries not pruned", "error", err)
			}
		case <-s.touch.due:
			if pause(ctx, touchPause); ctx.Err() == nil {
				s.writeTouches(ctx)
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// writeTouches writes what waits; what cannot be written waits on.
func (s *Store) writeTouches(ctx context.Context) {
	s.touch.mu.Lock()
	waiting := maps.Clone(s.touch.at)
	clear(s.touch.at)
	s.touch.mu.Unlock()
	if len(waiting) == 0 {
		return
	}
	err := s.write(ctx, true, func(c conn) error {
		for _, token := range slices.Sorted(maps.Keys(waiting)) { // in one order on all nodes
			const text = `UPDATE tokens SET used = ? WHERE id = ? AND used < ?`
			at := micros(waiting[token])
			if _, err := c.exec(ctx, text, at, id(token), at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.cfg.Log.Debug("last use of tokens not written", "error", err)
		for token, at := range waiting {
			s.touchAgain(token, at)
		}
	}
}

// touchAgain puts back what could not be written, unless there is news.
func (s *Store) touchAgain(token model.ID, at time.Time) {
	s.touch.mu.Lock()
	defer s.touch.mu.Unlock()
	if s.touch.at[token].Before(at) {
		s.touch.at[token] = at
	}
}
