package alarms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// ChangeAlarms raises and clears alarms in one transaction and returns those that have changed: what is so already stays as it is, and so
// does what is to be cleared and was never raised. The log tells of them from then on. newID names those that are new.
func (s *Store) ChangeAlarms(ctx context.Context, list []model.AlarmChange, newID func() model.ID) (out []model.Alarm, err error) {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b model.AlarmChange) int { // in one order on all nodes, so that they do not lock one another
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Object, b.Object))
	})
	err = s.db.Write(ctx, false, func(c engine.Conn) error {
		out = nil
		for i := range list {
			a, changed, err := changeAlarm(ctx, c, &list[i], newID)
			if err != nil {
				return err
			}
			if changed {
				out = append(out, a)
			}
		}
		return put(ctx, c, eventsOf(out))
	})
	if err != nil {
		return nil, fmt.Errorf("change %d alarms: %w", len(list), err)
	}
	if len(out) > 0 {
		s.told()
	}
	return out, nil
}

func changeAlarm(ctx context.Context, c engine.Conn, ch *model.AlarmChange, newID func() model.ID) (a model.Alarm, changed bool, err error) {
	err = c.One(ctx, []any{engine.ToDoc(&a)}, `SELECT doc FROM alarms WHERE account = ? AND rule = ? AND zone = ? AND object = ?`+c.Dialect.Lock,
		engine.ID(ch.Account), string(ch.Rule), engine.ID(ch.Zone), engine.ID(ch.Object))
	fresh := errors.Is(err, model.ErrNotFound)
	switch {
	case fresh && !ch.Raised:
		return a, false, nil
	case fresh:
		a = model.Alarm{ID: newID(), AlarmKey: ch.AlarmKey}
	case err != nil:
		return a, false, fmt.Errorf("read alarm: %w", err)
	case a.Raised == ch.Raised:
		return a, false, nil
	}
	a.Raised, a.Changed = ch.Raised, ch.At
	if ch.Raised {
		a.Episode++
		a.RaisedOn, a.Cleared, a.Acknowledged, a.AcknowledgedBy = ch.At, time.Time{}, time.Time{}, ""
		a.Severity, a.ZoneName, a.Subject, a.Text = ch.Severity, ch.ZoneName, ch.Subject, ch.Text
	} else {
		a.Cleared = ch.At
	}
	if !fresh {
		return a, true, update(ctx, c, &a)
	}
	d, err := engine.Doc(a)
	if err != nil {
		return a, false, err
	}
	// Another node that was quicker has raised it.
	n, err := c.Exec(ctx, `INSERT INTO alarms (id, account, rule, zone, object, raised, told, quiet, changed, doc) VALUES (?, ?, ?, ?, ?, 1, 0, 0, ?, ?)
		ON CONFLICT (account, rule, zone, object) DO NOTHING`,
		engine.ID(a.ID), engine.ID(a.Account), string(a.Rule), engine.ID(a.Zone), engine.ID(a.Object), engine.Micros(a.Changed), d)
	return a, n > 0, err
}

func update(ctx context.Context, c engine.Conn, a *model.Alarm) error {
	d, err := engine.Doc(a)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, `UPDATE alarms SET raised = ?, quiet = ?, changed = ?, doc = ? WHERE id = ?`,
		engine.Flag(a.Raised), engine.Micros(a.SilencedUntil), engine.Micros(a.Changed), d, engine.ID(a.ID))
	return err
}

func eventsOf(list []model.Alarm) []model.Event {
	out := make([]model.Event, 0, len(list))
	for i := range list {
		a := &list[i]
		out = append(out, model.Event{Kind: model.EventAlarm, Account: a.Account, Zone: a.Zone, At: a.Changed, Alarm: a})
	}
	return out
}

// EditAlarm changes what people say of an alarm: edit gets it as it is, and nothing but who has acknowledged or silenced it counts.
func (s *Store) EditAlarm(ctx context.Context, account, id model.ID, now time.Time, edit func(*model.Alarm) error) (a model.Alarm, err error) {
	err = s.db.Write(ctx, false, func(c engine.Conn) error {
		a = model.Alarm{}
		err := c.One(ctx, []any{engine.ToDoc(&a)}, `SELECT doc FROM alarms WHERE account = ? AND id = ?`+c.Dialect.Lock, engine.ID(account), engine.ID(id))
		if err != nil {
			return err
		}
		next := a
		if err := edit(&next); err != nil {
			return err
		}
		a.Acknowledged, a.AcknowledgedBy, a.SilencedUntil, a.SilencedBy = next.Acknowledged, next.AcknowledgedBy, next.SilencedUntil, next.SilencedBy
		a.Changed = now
		if err := update(ctx, c, &a); err != nil {
			return err
		}
		return put(ctx, c, eventsOf([]model.Alarm{a}))
	})
	if err != nil {
		return a, fmt.Errorf("edit alarm %s: %w", id, err)
	}
	s.told()
	return a, nil
}

// Alarm reads an alarm of an account.
func (s *Store) Alarm(ctx context.Context, account, id model.ID) (a model.Alarm, err error) {
	if err = s.db.Read.One(ctx, []any{engine.ToDoc(&a)}, `SELECT doc FROM alarms WHERE account = ? AND id = ?`, engine.ID(account), engine.ID(id)); err != nil {
		return a, fmt.Errorf("read alarm %s: %w", id, err)
	}
	return a, nil
}

// Alarms lists alarms, the last changed first, and counts them (offset and limit ignored).
func (s *Store) Alarms(ctx context.Context, q model.AlarmQuery) (out []model.Alarm, total int, err error) {
	w := engine.NewWhere(s.db.Dialect)
	w.Add("account = ?", engine.ID(q.Account))
	if q.Raised != model.SwitchUnset {
		w.Add("raised = ?", engine.Flag(q.Raised == model.SwitchOn))
	}
	if q.Zone != "" {
		w.Add("zone = ?", engine.ID(q.Zone))
	}
	if q.Rule != "" {
		w.Add("rule = ?", string(q.Rule))
	}
	if err := s.db.Read.One(ctx, []any{&total}, `SELECT count(*) FROM alarms`+w.Text(), w.Arguments()...); err != nil {
		return nil, 0, fmt.Errorf("count alarms: %w", err)
	}
	text, args := engine.Paged(`SELECT doc FROM alarms`+w.Text()+` ORDER BY changed DESC, id`, w.Arguments(), q.Offset, q.Limit)
	err = s.db.Read.Each(ctx, func(r *engine.Rows) error {
		var a model.Alarm
		err := r.Scan(engine.ToDoc(&a))
		out = append(out, a)
		return err
	}, text, args...)
	if err != nil {
		return nil, 0, fmt.Errorf("list alarms: %w", err)
	}
	return out, total, nil
}

// RaisedAlarms yields what every raised alarm is of.
func (s *Store) RaisedAlarms(ctx context.Context, yield func(model.AlarmKey)) error {
	err := s.db.Read.Each(ctx, func(r *engine.Rows) error {
		var k model.AlarmKey
		err := r.Scan(engine.ToID(&k.Account), &k.Rule, engine.ToID(&k.Zone), engine.ToID(&k.Object))
		yield(k)
		return err
	}, `SELECT account, rule, zone, object FROM alarms WHERE raised = 1`)
	if err != nil {
		return fmt.Errorf("list raised alarms: %w", err)
	}
	return nil
}

// CountAlarms counts raised alarms by their rules.
func (s *Store) CountAlarms(ctx context.Context) (map[model.AlarmRule]int, error) {
	out := map[model.AlarmRule]int{}
	err := s.db.Read.Each(ctx, func(r *engine.Rows) error {
		var rule model.AlarmRule
		var n int
		err := r.Scan(&rule, &n)
		out[rule] = n
		return err
	}, `SELECT rule, count(*) FROM alarms WHERE raised = 1 GROUP BY rule`)
	if err != nil {
		return nil, fmt.Errorf("count raised alarms: %w", err)
	}
	return out, nil
}

// AlarmSettings are the rules of an account; one that has none has the defaults.
func (s *Store) AlarmSettings(ctx context.Context, account model.ID) (out model.AlarmSettings, err error) {
	return readSettings(ctx, s.db.Read, account)
}

func readSettings(ctx context.Context, c engine.Conn, account model.ID) (out model.AlarmSettings, err error) {
	err = c.One(ctx, []any{engine.ToDoc(&out)}, `SELECT doc FROM alarm_rules WHERE account = ?`, engine.ID(account))
	out.Account = account
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return out, fmt.Errorf("read alarm rules: %w", err)
	}
	return out, nil
}
