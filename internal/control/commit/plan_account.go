package commit

import (
	"context"
	"reflect"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
)

func (p *plan) createAccount(_ context.Context, e model.CreateAccount) (model.Outcome, error) {
	row := e.Account
	if row.ID == "" {
		row.ID = p.cfg.NewID()
	}
	if row.Created.IsZero() {
		row.Created = p.now
	}
	if row.Type == "" {
		row.Type = "standard"
	}
	if row.ZoneDefaults == (model.Settings{}) {
		row.ZoneDefaults = model.DefaultSettings()
	}
	if row.TransferMode == "" {
		row.TransferMode = model.ModeOrigin
	}
	put(&p.undo, p.accounts, row.ID, &accountWork{row: row, fresh: true, dirty: true})
	p.audit(auditOf{action: "create", legacy: "add", resource: "account", id: row.ID, account: row.ID, after: row})
	return model.Outcome{Account: &row}, nil
}

// editAccount changes an account. The entitlement, the edge pool and enforce_dns_only are the zones' matter, too: all of
// them are rewritten in the same transaction, so that the answer is true when it is given.
func (p *plan) editAccount(ctx context.Context, e model.EditAccount) (model.Outcome, error) {
	a, err := p.account(ctx, p.change.Account)
	if err != nil {
		return model.Outcome{}, err
	}
	old := a.row
	row, err := e.Apply(old.Clone())
	if err != nil {
		return model.Outcome{}, err
	}
	row.ID, row.Created = old.ID, old.Created
	if reflect.DeepEqual(old, row) {
		return model.Outcome{Account: &row}, nil
	}
	if old.KeyEach && !row.KeyEach {
		if err := p.checkAllShared(ctx, a, &row); err != nil {
			return model.Outcome{}, err
		}
	}
	if old.OutgoingTransfers != row.OutgoingTransfers {
		assign(&p.undo, &a.entitled, true)
	}
	if old.EnforceDNSOnly != row.EnforceDNSOnly || !slices.Equal(old.EdgeAddresses, row.EdgeAddresses) {
		assign(&p.undo, &a.dependents, true)
	}
	assign(&p.undo, &a.row, row)
	assign(&p.undo, &a.dirty, true)
	p.audit(auditOf{
		action: "update", legacy: "set", resource: accountResource(e.Action), id: row.ID, before: old, after: row,
	})
	return model.Outcome{Account: &row}, nil
}
