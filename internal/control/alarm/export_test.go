package alarm

import "context"

// Look takes one look, as Run does.
func (m *Monitor) Look(ctx context.Context) { m.look(ctx) }

// Round is one of the Teller's: what has changed is written, and all that is due is sent.
func (t *Teller) Round(ctx context.Context) error {
	if err := t.write(ctx); err != nil {
		return err
	}
	hooks, err := t.cfg.Store.Waiting(ctx, t.cfg.Clock())
	if err != nil {
		return err
	}
	for _, id := range hooks {
		if t.begin(id, t.cfg.Clock()) {
			t.all(ctx, id)
		}
	}
	return nil
}
