package store

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Leases are few rows: one for each node, not one for each zone. All nodes that hold one are a circle with a number; who
// comes, and who is found to be gone, makes another circle with the next number. Nodes divide the zones among themselves by
// the circle's members alone (internal/control/duty).

// RenewLease has a node hold a lease for life from now on, by the database's clock, and notes the newest circle that it has
// seen. Leases that have ended are taken away on the way, one's own included. It returns the circle as it is then.
func (s *Store) RenewLease(ctx context.Context, node model.ID, seen uint64, life time.Duration) (model.Circle, error) {
	var out model.Circle
	err := s.write(ctx, false, func(c conn) (err error) {
		if out, err = lockCircle(ctx, c); err != nil {
			return err
		}
		gone, err := c.exec(ctx, `DELETE FROM nodes WHERE expires < `+c.d.now)
		if err != nil {
			return err
		}
		renew := `UPDATE nodes SET expires = ` + c.d.now + ` + ?, seen = ? WHERE id = ?`
		held, err := c.exec(ctx, renew, life.Microseconds(), int64(seen), id(node))
		if err != nil {
			return err
		}
		if held == 0 {
			join := `INSERT INTO nodes (id, expires, seen) VALUES (?, ` + c.d.now + ` + ?, ?)`
			if _, err := c.exec(ctx, join, id(node), life.Microseconds(), int64(seen)); err != nil {
				return err
			}
		}
		if gone > 0 || held == 0 {
			if err := nextCircle(ctx, c, &out); err != nil {
				return err
			}
		}
		out.Nodes, err = circleNodes(ctx, c)
		return err
	})
	if err != nil {
		return model.Circle{}, fmt.Errorf("renew lease: %w", err)
	}
	return out, nil
}

// LeaveCircle ends a node's lease at once. A node that holds none leaves nothing.
func (s *Store) LeaveCircle(ctx context.Context, node model.ID) error {
	err := s.write(ctx, false, func(c conn) error {
		circle, err := lockCircle(ctx, c)
		if err != nil {
			return err
		}
		n, err := c.exec(ctx, `DELETE FROM nodes WHERE id = ?`, id(node))
		if err != nil || n == 0 {
			return err
		}
		return nextCircle(ctx, c, &circle)
	})
	if err != nil {
		return fmt.Errorf("leave the circle of nodes: %w", err)
	}
	return nil
}

// lockCircle reads the circle's number; until the end of the transaction no node comes or goes but by it.
func lockCircle(ctx context.Context, c conn) (model.Circle, error) {
	var out model.Circle
	var none any
	err := c.one(ctx, []any{&out.Epoch, &none}, `SELECT epoch, `+c.d.impatient+` FROM circle WHERE one = 1`+c.d.lock)
	return out, err
}

func nextCircle(ctx context.Context, c conn, circle *model.Circle) error {
	circle.Epoch++
	_, err := c.exec(ctx, `UPDATE circle SET epoch = ? WHERE one = 1`, int64(circle.Epoch))
	return err
}

func circleNodes(ctx context.Context, c conn) (out []model.CircleNode, err error) {
	err = c.each(ctx, func(r *sql.Rows) error {
		var n model.CircleNode
		err := r.Scan(toID{&n.ID}, &n.Seen)
		out = append(out, n)
		return err
	}, `SELECT id, seen FROM nodes ORDER BY id`)
	return out, err
}

// Alone runs f while no other caller of the same name does, on any node. Should this process die, the next one begins. f
// may use the store. On SQLite there is one process, which does not compete with itself.
func (s *Store) Alone(ctx context.Context, name string, f func(ctx context.Context) error) error {
	if !s.Shared() {
		return f(ctx)
	}
	tx, err := s.lockName(ctx, name)
	for n := 1; err != nil && s.d.lostRace(err) && n < retries; n++ {
		pause(ctx, rand.N(time.Duration(n)*retryPause))
		tx, err = s.lockName(ctx, name)
	}
	if err != nil {
		return fmt.Errorf("wait to be alone: %w", err)
	}
	defer tx.rollback()
	return f(ctx)
}

// lockName begins a transaction whose row of that name keeps others out until its end, when it goes without a trace.
func (s *Store) lockName(ctx context.Context, name string) (*session, error) {
	tx, err := s.engine.begin(ctx, true)
	if err != nil {
		return nil, err
	}
	if _, err := tx.exec(ctx, upsertMeta, "store.alone-"+name, octets(nil)); err != nil {
		tx.rollback()
		return nil, err
	}
	return tx, nil
}

// Shared says whether other processes may work on the same database.
func (s *Store) Shared() bool { return s.engine.shared() }
