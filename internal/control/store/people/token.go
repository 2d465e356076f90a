package people

import (
	"context"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

const tokenColumns = `doc, used`

func scanToken(r *engine.Rows) (t model.Token, err error) {
	if err = r.Scan(engine.ToDoc(&t), engine.ToTime(&t.LastUsed)); err != nil {
		return t, fmt.Errorf("scan token: %w", err)
	}
	return t, nil
}

func readTokens(ctx context.Context, c engine.Conn, rest string, args ...any) (out []model.Token, err error) {
	err = c.Each(ctx, func(r *engine.Rows) error {
		t, err := scanToken(r)
		out = append(out, t)
		return err
	}, `SELECT `+tokenColumns+` FROM tokens`+rest, args...)
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	return out, nil
}

func readToken(ctx context.Context, c engine.Conn, rest string, arg any) (model.Token, error) {
	list, err := readTokens(ctx, c, rest, arg)
	if err != nil {
		return model.Token{}, err
	}
	if len(list) == 0 {
		return model.Token{}, fmt.Errorf("read token: %w", model.ErrNotFound)
	}
	return list[0], nil
}

// Token reads a token.
func (s *Store) Token(ctx context.Context, token model.ID) (model.Token, error) {
	return readToken(ctx, s.db.Read, ` WHERE id = ?`, engine.ID(token))
}

// TokenByHash reads the token whose value has the hash. Its LastUsed may be an older one.
func (s *Store) TokenByHash(ctx context.Context, hash []byte) (model.Token, error) {
	return s.cache.tokens.Read(string(hash), func() (model.Token, error) {
		return readToken(ctx, s.db.Read, ` WHERE hash = ?`, engine.Octets(hash))
	})
}

// owned are a user's (account empty) or an account's (user empty) tokens.
const owned = ` WHERE person = ? AND account = ?`

// Tokens lists a user's (account empty) or an account's (user empty) tokens by the time of issue, newest first with desc,
// and counts them (offset and limit ignored). A limit of 0 is none.
func (s *Store) Tokens(ctx context.Context, user, account model.ID, desc bool, offset, limit int) ([]model.Token, int, error) {
	args := []any{engine.ID(user), engine.ID(account)}
	var total int
	if err := s.db.Read.One(ctx, []any{&total}, `SELECT count(*) FROM tokens`+owned, args...); err != nil {
		return nil, 0, fmt.Errorf("count tokens: %w", err)
	}
	text, args := engine.Paged(owned+` ORDER BY `+engine.Ordered(desc, "issued", "id"), args, offset, limit)
	list, err := readTokens(ctx, s.db.Read, text, args...)
	return list, total, err
}

// Token reads a token.
func (t *peopleTx) Token(ctx context.Context, token model.ID) (model.Token, error) {
	return readToken(ctx, t.c, ` WHERE id = ?`, engine.ID(token))
}

// Tokens lists a user's or an account's tokens.
func (t *peopleTx) Tokens(ctx context.Context, user, account model.ID) ([]model.Token, error) {
	return readTokens(ctx, t.c, owned+` ORDER BY issued, id`, engine.ID(user), engine.ID(account))
}

// TokensMadeBy lists the tokens that a token has made.
func (t *peopleTx) TokensMadeBy(ctx context.Context, token model.ID) ([]model.Token, error) {
	return readTokens(ctx, t.c, ` WHERE maker = ? ORDER BY issued, id`, engine.ID(token))
}

// AddToken inserts a token.
func (t *peopleTx) AddToken(ctx context.Context, v model.Token) error {
	used := engine.Micros(v.LastUsed)
	v.LastUsed = time.Time{}
	d, err := engine.Doc(v)
	if err != nil {
		return err
	}
	taken := &model.Invalid{Code: model.CodeTokenInvalid, Message: "There is a token of this value already."}
	const text = `INSERT INTO tokens (id, person, account, hash, issued, used, doc, maker) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	err = added(ctx, t.c, taken, text, engine.ID(v.ID), engine.ID(v.User), engine.ID(v.Account), engine.Octets(v.Hash), engine.Micros(v.Issued), used, d,
		engine.ID(v.Maker.Token))
	if err != nil {
		return fmt.Errorf("add token %s: %w", v.ID, err)
	}
	return nil
}

// EditToken changes a token; its id, owner, maker, time of issue and last use stay.
func (t *peopleTx) EditToken(ctx context.Context, token model.ID, edit func(*model.Token) error) (model.Token, error) {
	v, err := edited(func() (model.Token, error) { return t.Token(ctx, token) }, edit, func(v *model.Token) (int, error) {
		row := *v
		row.LastUsed = time.Time{}
		d, err := engine.Doc(row)
		if err != nil {
			return 0, err
		}
		return t.c.Exec(ctx, `UPDATE tokens SET hash = ?, doc = ? WHERE id = ?`, engine.Octets(v.Hash), d, engine.ID(token))
	})
	if err != nil {
		return v, fmt.Errorf("edit token %s: %w", token, err)
	}
	return v, nil
}

// DeleteToken removes a token.
func (t *peopleTx) DeleteToken(ctx context.Context, token model.ID) error {
	if err := t.c.DeleteOne(ctx, `DELETE FROM tokens WHERE id = ?`, engine.ID(token)); err != nil {
		return fmt.Errorf("delete token %s: %w", token, err)
	}
	return nil
}
