package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
			Show: n.showFirst,
			CreateAccount: func(ctx context.Context, a model.Account) error {
				_, err := n.commit.Change(ctx, model.Change{
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
	if ignored := n.cfg.firstFlags(); n.first == nil && len(ignored) > 0 {
		n.log.Warn("settings of the first start are passed over: it was before; see headwater admin reset", "settings", strings.Join(ignored, ", "))
	}
	return nil
}

// firstFlags names those that are set and count on the first start alone.
func (c *Config) firstFlags() []string {
	var out []string
	for _, f := range []struct{ name, value string }{
		{"admin-email", c.AdminEmail}, {"admin-key", c.AdminKey}, {"admin-token", c.AdminToken}, {"admin-password", c.AdminPassword},
	} {
		if f.value != "" {
			out = append(out, f.name)
		}
	}
	return out
}

// showFirst shows what was made up; what was given is known.
func (n *Node) showFirst(c *auth.FirstCredentials) error {
	list := []Credential{{"account", string(c.Account)}, {"e-mail", c.Email}}
	secrets := 0
	for _, s := range []struct {
		name, value string
		made        bool
	}{{"password", c.Password, c.PasswordGenerated}, {"API token", c.Token, c.TokenGenerated}, {"API key", c.Key, c.KeyGenerated}} {
		if !s.made {
			s.value = "(as configured)"
		} else {
			secrets++
		}
		list = append(list, Credential{s.name, s.value})
	}
	if secrets == 0 {
		return nil
	}
	file := n.cfg.CredentialsFile
	if file == "" {
		file = filepath.Join(n.cfg.Data, "first-credentials.txt")
		if err := os.MkdirAll(n.cfg.Data, 0o700); err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
	}
	return Show(n.out, file, n.cfg.CredentialsFile != "", "First start: these are the administrator's credentials.", list)
}
