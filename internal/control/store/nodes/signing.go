package nodes

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// signingLife is how long a node that signs a zone may say nothing before nobody believes that it goes on.
const signingLife = time.Minute

// PutSigning notes how far the signing of a zone has come, for the other nodes. A crash of the machine may take it back.
func (s *Store) PutSigning(ctx context.Context, zone model.ID, now model.Signing) error {
	text := `INSERT INTO signings (zone, done, total, since, told) VALUES (?, ?, ?, ?, ` + s.db.Dialect.Now + `)
		ON CONFLICT (zone) DO UPDATE SET done = excluded.done, total = excluded.total, since = excluded.since, told = excluded.told`
	err := s.db.Write(ctx, true, func(c engine.Conn) error {
		_, err := c.Exec(ctx, text, engine.ID(zone), int64(now.Done), int64(now.Total), now.Since.UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("note how far zone %s is signed: %w", zone, err)
	}
	return nil
}

// EndSigning forgets what was noted.
func (s *Store) EndSigning(ctx context.Context, zone model.ID) error {
	err := s.db.Write(ctx, true, func(c engine.Conn) error {
		_, err := c.Exec(ctx, `DELETE FROM signings WHERE zone = ?`, engine.ID(zone))
		return err
	})
	if err != nil {
		return fmt.Errorf("forget how far zone %s is signed: %w", zone, err)
	}
	return nil
}

// Signing tells how far the signing of a zone has come, on whichever node; there is false where none is at it.
func (s *Store) Signing(ctx context.Context, zone model.ID) (now model.Signing, there bool, err error) {
	var done, total, since int64
	err = s.db.Read.One(ctx, []any{&done, &total, &since},
		`SELECT done, total, since FROM signings WHERE zone = ? AND told > `+s.db.Dialect.Now+` - ?`, engine.ID(zone), signingLife.Microseconds())
	switch {
	case errors.Is(err, model.ErrNotFound):
		return now, false, nil
	case err != nil:
		return now, false, fmt.Errorf("read how far zone %s is signed: %w", zone, err)
	}
	return model.Signing{Done: int(done), Total: int(total), Since: time.UnixMicro(since).UTC()}, true, nil
}
