package node

import (
	"context"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// firstStart makes the first administrator and account on the first start. Of nodes that start together one does.
func (n *Node) firstStart(ctx context.Context) error {
	if !n.roles.api {
		return nil
	}
	err := n.store.Alone(ctx, "bootstrap", func(ctx context.Context) (err error) {
		n.first, err = auth.Bootstrap(ctx, n.store, auth.BootstrapOptions{
			Email: n.cfg.AdminEmail, Key: n.cfg.AdminKey, Token: n.cfg.AdminToken, Password: n.cfg.AdminPassword, Now: time.Now(),
			CreateAccount: func(ctx context.Context, a model.Account) error {
				_, err := n.primary.Change(ctx, model.Change{
					Account: a.ID, Actor: model.Actor{Context: "system"}, Edits: []model.Edit{model.CreateAccount{Account: a}},
				})
				return err
			},
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("first start: %w", err)
	}
	return nil
}
