package alarm

import (
	"context"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Look takes one look, as Run does.
func (m *Monitor) Look(ctx context.Context) { m.look(ctx) }

// Round is one of the Teller's: what has changed is written, and all that is due is sent.
func (t *Teller) Round(ctx context.Context) error {
	if err := t.write(ctx); err != nil {
		return err
	}
	return t.look(ctx, func(id model.ID) { t.all(ctx, id) })
}
