package alarms

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// Bounds of messages: alarms of one, accounts of one look, and how long is kept what became of them, and alarms that were cleared.
const (
	alarmsMost   = 500
	accountsMost = 256
	webhooksMost = 256
	keepFor      = 30 * 24 * time.Hour
	keepCleared  = 90 * 24 * time.Hour
)

// Untold lists accounts with alarms that somebody is to be told of: the next some in the order of their ids, behind one.
func (s *Store) Untold(ctx context.Context, now time.Time, after model.ID) (out []model.ID, err error) {
	const text = `SELECT DISTINCT account FROM alarms WHERE raised <> told AND quiet <= ? AND account > ? ORDER BY account LIMIT ?`
	return s.ids(ctx, text, engine.Micros(now), engine.ID(after), accountsMost)
}

func (s *Store) ids(ctx context.Context, text string, args ...any) (out []model.ID, err error) {
	err = s.db.Read.Each(ctx, func(r *engine.Rows) error {
		var id model.ID
		err := r.Scan(engine.ToID(&id))
		out = append(out, id)
		return err
	}, text, args...)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	return out, nil
}

// TellAlarms writes messages to the webhooks of an account about what has changed since it was last told, and takes it for told, in one
// transaction: whatever comes between, each is told once. It returns how many messages there are; an alarm that nobody wants to hear
// of is in none.
func (s *Store) TellAlarms(ctx context.Context, account model.ID, now time.Time, newID func() model.ID) (messages int, err error) {
	err = s.db.Write(ctx, false, func(c engine.Conn) error {
		messages = 0
		list, err := untold(ctx, c, account, now)
		if err != nil || len(list) == 0 {
			return err
		}
		ids := make([]any, len(list))
		for i := range list {
			ids[i] = engine.ID(list[i].ID)
		}
		if _, err := c.ExecIn(ctx, `UPDATE alarms SET told = raised WHERE id IN (%s)`, nil, ids); err != nil {
			return err
		}
		hooks, err := s.webhooks(ctx, c, `account = ? ORDER BY id`, engine.ID(account))
		if err != nil {
			return err
		}
		var out []model.Delivery
		for i := range hooks {
			h := &hooks[i]
			d := model.Delivery{ID: newID(), Account: account, Webhook: h.ID, Created: now, Next: now}
			for j := range list {
				if h.Enabled && slices.Contains(h.Severities, list[j].Severity) {
					d.Alarms = append(d.Alarms, list[j])
				}
			}
			if len(d.Alarms) > 0 {
				out = append(out, d)
			}
		}
		messages = len(out)
		return addDeliveries(ctx, c, out)
	})
	if err != nil {
		return 0, fmt.Errorf("tell of alarms of account %s: %w", account, err)
	}
	return messages, nil
}

func untold(ctx context.Context, c engine.Conn, account model.ID, now time.Time) (out []model.Alarm, err error) {
	err = c.Each(ctx, func(r *engine.Rows) error {
		var a model.Alarm
		err := r.Scan(engine.ToDoc(&a))
		out = append(out, a)
		return err
	}, `SELECT doc FROM alarms WHERE account = ? AND raised <> told AND quiet <= ? ORDER BY rule, zone, object LIMIT ?`+c.Dialect.Lock,
		engine.ID(account), engine.Micros(now), alarmsMost)
	return out, err
}

func addDeliveries(ctx context.Context, c engine.Conn, list []model.Delivery) error {
	docs := make([]string, len(list))
	for i := range list {
		var err error
		if docs[i], err = engine.Doc(list[i]); err != nil {
			return err
		}
	}
	_, err := c.Insert(ctx, `deliveries (id, account, webhook, state, next, attempts, created, doc)`, "", len(list), 8, func(b *engine.Binds, i int) {
		d := &list[i]
		b.ID(d.ID)
		b.ID(d.Account)
		b.ID(d.Webhook)
		b.Int(int64(d.State))
		b.Time(d.Next)
		b.Int(int64(d.Attempts))
		b.Time(d.Created)
		b.Text(docs[i])
	})
	return err
}

// Waiting lists webhooks with messages that are due, as Untold lists accounts.
func (s *Store) Waiting(ctx context.Context, now time.Time, after model.ID) ([]model.ID, error) {
	const text = `SELECT DISTINCT webhook FROM deliveries WHERE state = 0 AND next <= ? AND webhook > ? ORDER BY webhook LIMIT ?`
	return s.ids(ctx, text, engine.Micros(now), engine.ID(after), webhooksMost)
}

// TakeDelivery gives the message of a webhook that is due for longest, which nobody else gets before a time, and where it goes to;
// model.ErrNotFound when there is none.
func (s *Store) TakeDelivery(ctx context.Context, webhook model.ID, now, until time.Time) (d model.Delivery, w model.Webhook, err error) {
	err = s.db.Write(ctx, false, func(c engine.Conn) error {
		d, w = model.Delivery{}, model.Webhook{}
		err := c.One(ctx, []any{engine.ToDoc(&d), &d.Attempts}, `SELECT doc, attempts FROM deliveries WHERE webhook = ? AND state = 0 AND next <= ?
			ORDER BY next, id LIMIT 1`+c.Dialect.Lock, engine.ID(webhook), engine.Micros(now))
		if err != nil {
			return err
		}
		if w, err = s.webhook(ctx, c, d.Account, webhook); err != nil {
			return err
		}
		d.Attempts++
		d.Next = until
		return putDelivery(ctx, c, &d)
	})
	if err != nil {
		return d, w, fmt.Errorf("take a message to webhook %s: %w", webhook, err)
	}
	return d, w, nil
}

func putDelivery(ctx context.Context, c engine.Conn, d *model.Delivery) error {
	text, err := engine.Doc(d)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, `UPDATE deliveries SET state = ?, next = ?, attempts = ?, doc = ? WHERE id = ? AND state = 0`,
		int64(d.State), engine.Micros(d.Next), int64(d.Attempts), text, engine.ID(d.ID))
	return err
}

// EndDelivery notes what came of a try. A message that somebody else has ended stays as it is.
func (s *Store) EndDelivery(ctx context.Context, d model.Delivery) error {
	if err := s.db.Write(ctx, false, func(c engine.Conn) error { return putDelivery(ctx, c, &d) }); err != nil {
		return fmt.Errorf("note what became of message %s: %w", d.ID, err)
	}
	return nil
}

// Deliveries lists the messages to a webhook, the last first, and counts them (offset and limit ignored).
func (s *Store) Deliveries(ctx context.Context, account, webhook model.ID, offset, limit int) (out []model.Delivery, total int, err error) {
	const of = ` FROM deliveries WHERE webhook = ? AND account = ?`
	if err := s.db.Read.One(ctx, []any{&total}, `SELECT count(*)`+of, engine.ID(webhook), engine.ID(account)); err != nil {
		return nil, 0, fmt.Errorf("count messages: %w", err)
	}
	text, args := engine.Paged(`SELECT doc`+of+` ORDER BY created DESC, id DESC`, []any{engine.ID(webhook), engine.ID(account)}, offset, limit)
	err = s.db.Read.Each(ctx, func(r *engine.Rows) error {
		var d model.Delivery
		err := r.Scan(engine.ToDoc(&d))
		out = append(out, d)
		return err
	}, text, args...)
	if err != nil {
		return nil, 0, fmt.Errorf("list messages: %w", err)
	}
	return out, total, nil
}

// PruneDeliveries forgets what became of old messages, and alarms that were cleared long ago.
func (s *Store) PruneDeliveries(ctx context.Context) error {
	now := s.db.Config.Clock()
	return s.db.Write(ctx, true, func(c engine.Conn) error {
		if _, err := c.Exec(ctx, `DELETE FROM deliveries WHERE state <> 0 AND created < ?`, engine.Micros(now.Add(-keepFor))); err != nil {
			return err
		}
		_, err := c.Exec(ctx, `DELETE FROM alarms WHERE raised = 0 AND told = 0 AND changed < ?`, engine.Micros(now.Add(-keepCleared)))
		return err
	})
}
