package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/node"
	"github.com/headwaterdns/headwater/internal/secretkey"
)

type adminCmd struct {
	Reset adminResetCmd `cmd:"" help:"Give an administrator a new password and key, or make one."`
	List  adminListCmd  `cmd:"" help:"List the server's administrators."`
}

type adminResetCmd struct {
	storeFlags
	Email           string `help:"The administrator's e-mail address; needed where there are several."`
	Create          bool   `help:"Make an administrator where nobody has the address."`
	RevokeTokens    bool   `help:"Tokens of the administrator no longer work."`
	PasswordFile    string `help:"File with the new password; one is made up otherwise." placeholder:"FILE"`
	CredentialsFile string `help:"File for the new credentials; default is the terminal, or admin-credentials.txt in the data directory." placeholder:"FILE"`
}

// Help shows an example.
func (*adminResetCmd) Help() string {
	return "Works on the database itself, for who has lost every other way in. On PostgreSQL nodes may run meanwhile; with the embedded store the server must be stopped. Sessions of the administrator end, and so does a second factor.\n\n" +
		"Example: headwater admin reset --data /var/lib/headwater"
}

// Run resets.
func (c *adminResetCmd) Run(ctx context.Context, s *streams) error {
	o := auth.ResetOptions{Email: c.Email, Create: c.Create, Revoke: c.RevokeTokens, Now: time.Now()}
	if c.PasswordFile != "" {
		var err error
		if o.Password, err = secretkey.File(c.PasswordFile); err != nil {
			return fmt.Errorf("--password-file: %w", err)
		}
	}
	st, err := c.open(ctx, store.Config{Existing: true})
	if errors.Is(err, store.ErrInUse) {
		return fmt.Errorf("a server runs on this data directory: stop it, do this again, and start it: %w", err)
	}
	if err != nil {
		return err
	}
	defer handOver(c.Data)
	defer st.Close()
	o.Show = func(f *auth.FirstCredentials) error {
		password := "(as given)"
		if f.PasswordGenerated {
			password = f.Password
		}
		file := c.CredentialsFile
		if file == "" {
			file = filepath.Join(c.Data, "admin-credentials.txt")
		}
		return node.Show(s.out, file, c.CredentialsFile != "", "New credentials of an administrator of the server.", []node.Credential{
			{Name: "e-mail", Value: f.Email}, {Name: "password", Value: password}, {Name: "API key", Value: f.Key},
		})
	}
	return auth.ResetAdmin(ctx, st, o)
}

type adminListCmd struct{ storeFlags }

// Help shows an example.
func (*adminListCmd) Help() string { return "Example: headwater admin list --data /var/lib/headwater" }

// Run lists. It only reads, also beside a server.
func (c *adminListCmd) Run(ctx context.Context, s *streams) error {
	st, err := c.open(ctx, store.Config{ReadOnly: true, Existing: true})
	if err != nil {
		return err
	}
	defer st.Close()
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	const page = 100
	for at := 0; ; at += page {
		list, total, err := st.Users(ctx, at, page)
		if err != nil {
			return err
		}
		for i := range list {
			u := &list[i]
			if !u.Admin {
				continue
			}
			state := "active"
			if u.Suspended {
				state = "suspended"
			}
			fmt.Fprintf(w, "%s\t%s\tsince %s\n", u.Email, state, u.Created.UTC().Format(time.DateOnly))
		}
		if at+page >= total {
			return w.Flush()
		}
	}
}
