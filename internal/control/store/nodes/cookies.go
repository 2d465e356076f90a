package nodes

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// CookieSecrets are what all nodes make and check DNS cookies with (RFC 9018 section 5). Each secret is known before it is used and
// for as long after it: whoever has read the row once since the last roll takes what any other makes.
type CookieSecrets struct {
	Previous, Current, Next [16]byte
	Rolled                  time.Time
}

// cookieMeta names the meta row. It is open: a node that holds no secret key reads it, and a cookie proves an address, no right.
const cookieMeta = "store.cookies"

// CookieSecrets reads them; model.ErrNotFound before anybody has made any.
func (s *Store) CookieSecrets(ctx context.Context) (CookieSecrets, error) {
	_, out, err := readCookies(ctx, s.db.Read)
	return out, err
}

// RollCookies reads them, after it has made them, or taken the next step if the last one was before a time. Of several who do so at
// once one does.
func (s *Store) RollCookies(ctx context.Context, before, now time.Time) (out CookieSecrets, err error) {
	if out, err = s.CookieSecrets(ctx); err == nil && !out.Rolled.Before(before) || err != nil && !errors.Is(err, model.ErrNotFound) {
		return out, err
	}
	err = s.db.Write(ctx, false, func(c engine.Conn) error {
		was, have, err := readCookies(ctx, c)
		switch {
		case errors.Is(err, model.ErrNotFound):
			_, _ = rand.Read(have.Next[:])
		case err != nil:
			return err
		case !have.Rolled.Before(before):
			return nil
		}
		have.Previous, have.Current, have.Rolled = have.Current, have.Next, now.UTC()
		_, _ = rand.Read(have.Next[:]) // never fails (crypto/rand)
		return writeCookies(ctx, c, was, &have)
	})
	if err != nil {
		return out, fmt.Errorf("roll the secrets of DNS cookies: %w", err)
	}
	return s.CookieSecrets(ctx)
}

func readCookies(ctx context.Context, c engine.Conn) (was []byte, out CookieSecrets, err error) {
	if err = c.One(ctx, []any{&was}, engine.SelectMeta, cookieMeta); err == nil {
		err = json.Unmarshal(was, &out)
	}
	if err != nil {
		return nil, CookieSecrets{}, fmt.Errorf("read the secrets of DNS cookies: %w", err)
	}
	return was, out, nil
}

// writeCookies writes what follows what was read, unless somebody else has.
func writeCookies(ctx context.Context, c engine.Conn, was []byte, next *CookieSecrets) error {
	text, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if was == nil {
		_, err = c.Exec(ctx, `INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`, cookieMeta, text)
		return err
	}
	_, err = c.Exec(ctx, `UPDATE meta SET value = ? WHERE name = ? AND value = ?`, text, cookieMeta, was)
	return err
}
