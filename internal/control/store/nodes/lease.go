package nodes

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// Store is which nodes there are, and what they know of peers.
type Store struct{ db *engine.DB }

// New gives the leases of a database.
func New(db *engine.DB) *Store { return &Store{db} }

// Leases are few rows: one for each node, not one for each zone. All nodes that hold one are a circle with a number; who
// comes, and who is found to be gone, makes another circle with the next number. Nodes divide the zones among themselves by
// the circle's members alone (internal/control/duty).

// RenewLease has a node hold a lease for life from now on, by the database's clock, and notes the newest circle that it has
// seen. Leases that have ended are taken away on the way, one's own included. It returns the circle as it is then.
func (s *Store) RenewLease(ctx context.Context, node model.ID, seen uint64, life time.Duration) (model.Circle, error) {
	var out model.Circle
	err := s.db.Write(ctx, false, func(c engine.Conn) (err error) {
		if out, err = lockCircle(ctx, c); err != nil {
			return err
		}
		gone, err := c.Exec(ctx, `DELETE FROM nodes WHERE expires < `+c.Dialect.Now)
		if err != nil {
			return err
		}
		renew := `UPDATE nodes SET expires = ` + c.Dialect.Now + ` + ?, seen = ? WHERE id = ?`
		held, err := c.Exec(ctx, renew, life.Microseconds(), int64(seen), engine.ID(node))
		if err != nil {
			return err
		}
		if held == 0 {
			join := `INSERT INTO nodes (id, expires, seen) VALUES (?, ` + c.Dialect.Now + ` + ?, ?)`
			if _, err := c.Exec(ctx, join, engine.ID(node), life.Microseconds(), int64(seen)); err != nil {
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
	err := s.db.Write(ctx, false, func(c engine.Conn) error {
		circle, err := lockCircle(ctx, c)
		if err != nil {
			return err
		}
		n, err := c.Exec(ctx, `DELETE FROM nodes WHERE id = ?`, engine.ID(node))
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
func lockCircle(ctx context.Context, c engine.Conn) (model.Circle, error) {
	var out model.Circle
	var none any
	err := c.One(ctx, []any{&out.Epoch, &none}, `SELECT epoch, `+c.Dialect.Impatient+` FROM circle WHERE one = 1`+c.Dialect.Lock)
	return out, err
}

func nextCircle(ctx context.Context, c engine.Conn, circle *model.Circle) error {
	circle.Epoch++
	_, err := c.Exec(ctx, `UPDATE circle SET epoch = ? WHERE one = 1`, int64(circle.Epoch))
	return err
}

func circleNodes(ctx context.Context, c engine.Conn) (out []model.CircleNode, err error) {
	err = c.Each(ctx, func(r *engine.Rows) error {
		var n model.CircleNode
		err := r.Scan(engine.ToID(&n.ID), &n.Seen)
		out = append(out, n)
		return err
	}, `SELECT id, seen FROM nodes ORDER BY id`)
	return out, err
}

// Alone runs f while no other caller of the same name does, on any node. Should this process die, the next one begins. f
// may use the store. On SQLite there is one process, which does not compete with itself.
func (s *Store) Alone(ctx context.Context, name string, f func(ctx context.Context) error) error {
	if !s.db.Shared() {
		return f(ctx)
	}
	tx, err := s.lockName(ctx, name)
	for n := 1; err != nil && s.db.Dialect.LostRace(err) && n < engine.Retries; n++ {
		engine.Pause(ctx, rand.N(time.Duration(n)*engine.RetryPause))
		tx, err = s.lockName(ctx, name)
	}
	if err != nil {
		return fmt.Errorf("wait to be alone: %w", err)
	}
	defer tx.Rollback()
	return f(ctx)
}

// lockName begins a transaction whose row of that name keeps others out until its end, when it goes without a trace.
func (s *Store) lockName(ctx context.Context, name string) (*engine.Session, error) {
	tx, err := s.db.Begin(ctx, true)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, engine.UpsertMeta, "store.alone-"+name, engine.Octets(nil)); err != nil {
		tx.Rollback()
		return nil, err
	}
	return tx, nil
}

// Nodes counts the nodes that hold a lease.
func (s *Store) Nodes(ctx context.Context) (n int, err error) {
	err = s.db.Read.One(ctx, []any{&n}, `SELECT count(*) FROM nodes WHERE expires >= `+s.db.Dialect.Now)
	return n, err
}
