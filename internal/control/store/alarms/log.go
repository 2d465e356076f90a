package alarms

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// Store is alarms and the log.
type Store struct {
	db   *engine.DB
	told func() // what was written to the log is to be read by this process
}

// New gives the alarms of a database. told hears of each write to the log and must return at once; nil: nobody does.
func New(db *engine.DB, told func()) *Store {
	if told == nil {
		told = func() {}
	}
	return &Store{db, told}
}

// logMost is how many events the log keeps.
const logMost = 4096

// event is the rest of a row.
type event struct {
	Secondary *model.SecondaryMoved `json:",omitempty"`
	Alarm     *model.Alarm          `json:",omitempty"`
}

// Log reads what the log has after a position, at most limit events.
func (s *Store) Log(ctx context.Context, after uint64, limit int) (out model.EventLog, err error) {
	const heads = `SELECT coalesce((SELECT value FROM counters WHERE name = 'events'), 0),
		coalesce((SELECT value FROM counters WHERE name = '` + engine.RightsCounter + `'), 0)`
	if err := s.db.Read.One(ctx, []any{&out.Head, &out.Rights}, heads); err != nil {
		return out, fmt.Errorf("read the head of the log of events: %w", err)
	}
	if out.Head == after {
		return out, nil
	}
	err = s.db.Read.Each(ctx, func(r *engine.Rows) error {
		var e model.Event
		var rest event
		err := r.Scan(&e.Log, &e.Kind, engine.ToID(&e.Account), engine.ToID(&e.Zone), engine.ToTime(&e.At), engine.ToDoc(&rest))
		e.Secondary, e.Alarm = rest.Secondary, rest.Alarm
		out.Events = append(out.Events, e)
		return err
	}, `SELECT seq, kind, account, zone, at, doc FROM events WHERE seq > ? ORDER BY seq LIMIT ?`, int64(after), int64(limit))
	if err != nil {
		return out, fmt.Errorf("read the log of events: %w", err)
	}
	return out, nil
}

// TellSecondaries writes how secondaries stand into the log. A crash of the machine may take that back.
func (s *Store) TellSecondaries(ctx context.Context, list []model.Event) error {
	err := s.db.Write(ctx, true, func(c engine.Conn) error { return put(ctx, c, list) })
	if err != nil {
		return fmt.Errorf("write %d events: %w", len(list), err)
	}
	s.told()
	return nil
}

// put gives events positions, in the order of commits, because the counter's row is locked until the end of the transaction, and takes
// off the log what is too old. It stands last in a transaction: others wait from here on.
func put(ctx context.Context, c engine.Conn, list []model.Event) error {
	if len(list) == 0 {
		return nil
	}
	var head int64
	const take = `INSERT INTO counters (name, value) VALUES ('events', ?)
		ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value RETURNING value`
	if err := c.One(ctx, []any{&head}, take, int64(len(list))); err != nil {
		return fmt.Errorf("take positions: %w", err)
	}
	docs := make([]string, len(list))
	for i := range list {
		var err error
		if docs[i], err = engine.Doc(event{list[i].Secondary, list[i].Alarm}); err != nil {
			return err
		}
	}
	first := head - int64(len(list)) + 1
	_, err := c.Insert(ctx, `events (seq, kind, account, zone, at, doc)`, "", len(list), 6, func(b *engine.Binds, i int) {
		e := &list[i]
		b.Int(first + int64(i))
		b.Int(int64(e.Kind))
		b.ID(e.Account)
		b.ID(e.Zone)
		b.Time(e.At)
		b.Text(docs[i])
	})
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, `DELETE FROM events WHERE seq <= ?`, head-logMost)
	return err
}
