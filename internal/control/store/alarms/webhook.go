package alarms

import (
	"context"
	"errors"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/audit"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// WebhookName binds a sealed secret to its webhook.
func WebhookName(id model.ID) string { return "webhook " + string(id) }

func (s *Store) webhooks(ctx context.Context, c engine.Conn, cond string, args ...any) (out []model.Webhook, err error) {
	err = c.Each(ctx, func(r *engine.Rows) error {
		var w model.Webhook
		var box []byte
		if err := r.Scan(engine.ToDoc(&w), &box); err != nil {
			return err
		}
		secret, err := s.db.Secret.Open(WebhookName(w.ID), box)
		if err != nil {
			return fmt.Errorf("webhook %s: %w", w.ID, err)
		}
		w.Secret = string(secret)
		out = append(out, w)
		return nil
	}, `SELECT doc, secret FROM webhooks WHERE `+cond, args...)
	if err != nil {
		return nil, fmt.Errorf("read webhooks: %w", err)
	}
	return out, nil
}

// Webhooks lists the webhooks of an account in order of id, their secrets in the clear.
func (s *Store) Webhooks(ctx context.Context, account model.ID) ([]model.Webhook, error) {
	return s.webhooks(ctx, s.db.Read, `account = ? ORDER BY id`, engine.ID(account))
}

// Webhook reads one.
func (s *Store) Webhook(ctx context.Context, account, id model.ID) (model.Webhook, error) {
	return s.webhook(ctx, s.db.Read, account, id)
}

func (s *Store) webhook(ctx context.Context, c engine.Conn, account, id model.ID) (model.Webhook, error) {
	list, err := s.webhooks(ctx, c, `account = ? AND id = ?`, engine.ID(account), engine.ID(id))
	if err == nil && len(list) == 0 {
		err = model.ErrNotFound
	}
	if err != nil {
		return model.Webhook{}, err
	}
	return list[0], nil
}

// Tx is a transaction about an account's alarm rules and webhooks. Such transactions of an account come one after another.
type Tx struct {
	s       *Store
	c       engine.Conn
	account model.ID
}

// EditAlarms runs f in a transaction about an account's alarm rules and webhooks. After a lost race f runs again, from the start.
func (s *Store) EditAlarms(ctx context.Context, account model.ID, f func(model.AlarmTx) error) error {
	return s.db.Write(ctx, false, func(c engine.Conn) error {
		// The row is the lock, too.
		d, err := engine.Doc(model.AlarmSettings{Account: account})
		if err != nil {
			return err
		}
		const lock = `INSERT INTO alarm_rules (account, doc) VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET doc = alarm_rules.doc`
		if _, err := c.Exec(ctx, lock, engine.ID(account), d); err != nil {
			return fmt.Errorf("lock alarm rules: %w", err)
		}
		return f(&Tx{s, c, account})
	})
}

// Settings reads the account's rules.
func (t *Tx) Settings(ctx context.Context) (model.AlarmSettings, error) {
	return readSettings(ctx, t.c, t.account)
}

// PutSettings replaces them.
func (t *Tx) PutSettings(ctx context.Context, v model.AlarmSettings) error {
	v.Account = t.account
	d, err := engine.Doc(v)
	if err != nil {
		return err
	}
	_, err = t.c.Exec(ctx, `UPDATE alarm_rules SET doc = ? WHERE account = ?`, d, engine.ID(t.account))
	return err
}

// Webhook reads a webhook of the account.
func (t *Tx) Webhook(ctx context.Context, id model.ID) (model.Webhook, error) {
	return t.s.webhook(ctx, t.c, t.account, id)
}

// CountWebhooks is how many the account has.
func (t *Tx) CountWebhooks(ctx context.Context) (n int, err error) {
	err = t.c.One(ctx, []any{&n}, `SELECT count(*) FROM webhooks WHERE account = ?`, engine.ID(t.account))
	return n, err
}

// PutWebhook inserts or replaces a webhook; its secret is encrypted.
func (t *Tx) PutWebhook(ctx context.Context, w model.Webhook) error {
	w.Account = t.account
	d, err := engine.Doc(w)
	if err != nil {
		return err
	}
	const text = `INSERT INTO webhooks (id, account, doc, secret) VALUES (?, ?, ?, ?) ON CONFLICT (id)
		DO UPDATE SET doc = excluded.doc, secret = excluded.secret`
	box, err := t.s.db.Secret.Seal(WebhookName(w.ID), []byte(w.Secret))
	if err != nil {
		return fmt.Errorf("write webhook: %w", err)
	}
	if _, err := t.c.Exec(ctx, text, engine.ID(w.ID), engine.ID(t.account), d, box); err != nil {
		return fmt.Errorf("write webhook %s: %w", w.ID, err)
	}
	return nil
}

// DeleteWebhook removes a webhook with all that waits for it.
func (t *Tx) DeleteWebhook(ctx context.Context, id model.ID) error {
	if err := t.c.DeleteOne(ctx, `DELETE FROM webhooks WHERE account = ? AND id = ?`, engine.ID(t.account), engine.ID(id)); err != nil {
		return err
	}
	_, err := t.c.Exec(ctx, `DELETE FROM deliveries WHERE webhook = ?`, engine.ID(id))
	return err
}

// AddDelivery has a message sent.
func (t *Tx) AddDelivery(ctx context.Context, d model.Delivery) error {
	d.Account = t.account
	return addDeliveries(ctx, t.c, []model.Delivery{d})
}

// Audit adds entries to the audit log.
func (t *Tx) Audit(ctx context.Context, a ...model.Audit) error {
	return audit.Put(ctx, t.c, audit.Telling(a), nil)
}

// MemberHas says whether an accepted member of the account has an e-mail address, compared without case.
func (t *Tx) MemberHas(ctx context.Context, email string) (bool, error) {
	var m model.Member
	err := t.c.One(ctx, []any{engine.ToDoc(&m)}, `SELECT m.doc FROM members m JOIN users u ON u.id = m.person WHERE m.account = ? AND u.email = ?`,
		engine.ID(t.account), engine.LowerASCII(email))
	if errors.Is(err, model.ErrNotFound) {
		return false, nil
	}
	return err == nil && m.Status == "accepted", err
}
