package people

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

const sessionColumns = `id, owner, used, last, doc`

func readSessions(ctx context.Context, c engine.Conn, rest string, args ...any) (out []model.Session, err error) {
	err = c.Each(ctx, func(r *engine.Rows) error {
		var v, row model.Session
		var last string
		if err := r.Scan(engine.ToID(&row.ID), engine.ToID(&row.Owner), engine.ToTime(&row.Used), &last, engine.ToDoc(&v)); err != nil {
			return err
		}
		v.ID, v.Owner, v.Used = row.ID, row.Owner, row.Used
		v.Last, _ = netip.ParseAddr(last) // empty where it was not known
		out = append(out, v)
		return nil
	}, `SELECT `+sessionColumns+` FROM sessions`+rest, args...)
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	return out, nil
}

func readSession(ctx context.Context, c engine.Conn, id model.ID) (model.Session, error) {
	list, err := readSessions(ctx, c, ` WHERE id = ?`, engine.ID(id))
	if err != nil {
		return model.Session{}, err
	}
	if len(list) == 0 {
		return model.Session{}, fmt.Errorf("read session: %w", model.ErrNotFound)
	}
	return list[0], nil
}

// Session reads a session as it is, on whatever node it was ended.
func (s *Store) Session(ctx context.Context, id model.ID) (model.Session, error) {
	return readSession(ctx, s.db.Read, id)
}

// Sessions lists the sessions of an owner, the last used first. Among them may be some whose password is another by now.
func (s *Store) Sessions(ctx context.Context, owner model.ID) ([]model.Session, error) {
	return readSessions(ctx, s.db.Read, ` WHERE owner = ? ORDER BY used DESC, id DESC`, engine.ID(owner))
}

// AddSession inserts a session. It forgets all that were opened before oldest, and of the owner's those that were not used for longest, so that
// no more than most stay: who signs in for ever fills nothing.
func (s *Store) AddSession(ctx context.Context, v model.Session, oldest time.Time, most int) error {
	d, err := engine.Doc(v)
	if err != nil {
		return err
	}
	first := binary.BigEndian.AppendUint64(nil, uint64(max(0, oldest.Unix())))
	owner := engine.ID(v.Owner)
	err = s.db.Write(ctx, false, func(c engine.Conn) error {
		if err := c.LockPeople(ctx); err != nil { // two sign-ins of one owner would both find the same too many
			return err
		}
		if _, err := c.Exec(ctx, `DELETE FROM sessions WHERE id < ?`, append(first, make([]byte, 8)...)); err != nil {
			return err
		}
		const add = `INSERT INTO sessions (` + sessionColumns + `) VALUES (?, ?, ?, ?, ?)`
		if _, err := c.Exec(ctx, add, engine.ID(v.ID), owner, engine.Micros(v.Used), addrText(v.Last), d); err != nil {
			return err
		}
		const crowd = `DELETE FROM sessions WHERE owner = ? AND id <> ? AND id NOT IN
			(SELECT id FROM sessions WHERE owner = ? AND id <> ? ORDER BY used DESC, id DESC LIMIT ?)`
		_, err := c.Exec(ctx, crowd, owner, engine.ID(v.ID), owner, engine.ID(v.ID), most-1)
		return err
	})
	if err != nil {
		return fmt.Errorf("add session: %w", err)
	}
	return nil
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// Session reads a session.
func (t *peopleTx) Session(ctx context.Context, id model.ID) (model.Session, error) {
	return readSession(ctx, t.c, id)
}

// EndSession ends one session of the owner.
func (t *peopleTx) EndSession(ctx context.Context, owner, id model.ID) error {
	if err := t.c.DeleteOne(ctx, `DELETE FROM sessions WHERE id = ? AND owner = ?`, engine.ID(id), engine.ID(owner)); err != nil {
		return fmt.Errorf("end session %s: %w", id, err)
	}
	return nil
}

// EndSessions ends the sessions of the owner but one.
func (t *peopleTx) EndSessions(ctx context.Context, owner, keep model.ID) (int, error) {
	n, err := t.c.Exec(ctx, `DELETE FROM sessions WHERE owner = ? AND id <> ?`, engine.ID(owner), engine.ID(keep))
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	return n, nil
}
