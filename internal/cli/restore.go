package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"github.com/headwaterdns/headwater/internal/client"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/node"
	"github.com/headwaterdns/headwater/internal/secretkey"
)

type restoreCmd struct {
	storeFlags
	depotFlags
	File string `arg:"" optional:"" help:"Backup file to read, or s3://BUCKET/NAME; - is standard input."`
	Mark bool   `help:"The database was restored by its own tools: only have serials pass what secondaries may have seen."`

	Zone    []string `help:"Bring this zone alone into a server that runs; repeatable." placeholder:"NAME"`
	Replace bool     `help:"With --zone: where the zone is there, make its records those of the backup."`
	DryRun  bool     `help:"With --zone: say what would be done, and do nothing."`
	Server  string   `default:"http://127.0.0.1:8053" help:"With --zone: address of the server." placeholder:"URL"`
	Token   string   `help:"With --zone: API token for it." env:"HEADWATER_TOKEN"`
	Scratch string   `help:"With --zone: directory with room for all of the backup; default is the system's for temporary files." placeholder:"DIR"`
}

var (
	errNothingToRestore = errors.New("a backup file or --mark is needed, and not both")
	errZoneOptions      = errors.New("--replace and --dry-run go with --zone")
	errZoneToken        = errors.New("--zone needs --token: zones go into a server that runs, through its API")
)

// Help shows an example.
func (*restoreCmd) Help() string {
	return "Restores into an empty database. The secret key must be the one that the backup was made under: put secret.key into the data directory first. " +
		"The next change of every zone gets a serial above all that secondaries may have seen before.\n\n" +
		"With --zone a zone alone is brought into a server that runs, by an ordinary change: records with comments and tags, settings, and what it needs to be " +
		"transferred, but for the switch, which stays off. Identifiers are new.\n\n" +
		"Example: headwater restore --database postgres://db/headwater --secret-key-file secret.key /backup/headwater.hwb\n\n" +
		"Example: headwater restore --zone example.com --secret-key-file secret.key --token $HEADWATER_TOKEN /backup/headwater.hwb"
}

// Run restores a backup, wholly or not at all.
func (c *restoreCmd) Run(ctx context.Context, s *streams) error {
	if (c.File == "") != c.Mark {
		return errNothingToRestore
	}
	switch {
	case len(c.Zone) > 0:
		return c.zones(ctx, s)
	case c.Replace || c.DryRun:
		return errZoneOptions
	}
	st, err := c.open(ctx, store.Config{Existing: c.Mark})
	if err != nil {
		return err
	}
	defer handOver(c.Data)
	defer st.Close()
	what := "database"
	if !c.Mark {
		what = c.File
		if err := c.restore(ctx, st, s.err); err != nil {
			return err
		}
	}
	if err := st.MarkRestored(ctx); err != nil {
		return fmt.Errorf("the data are restored, but serials may repeat until this is done again with --mark: %w", err)
	}
	n, err := st.Summary(ctx)
	if err != nil {
		return fmt.Errorf("the data are restored, and cannot be counted: %w", err)
	}
	_, err = fmt.Fprintf(s.out, "%s restored: %s\n", what, sized(n))
	return err
}

func (c *restoreCmd) restore(ctx context.Context, st *store.Store, progress io.Writer) error {
	f, err := c.openBackup(ctx, c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	bar := spinner(progress)
	if err := st.Restore(ctx, f, bar.told); err != nil {
		return err
	}
	bar.end()
	return nil
}

// zones brings zones into a server that runs. The backup is restored beside it, and copied from by the API of both: what may stand in a
// zone, and what a change of it entails, is the server's own business.
func (c *restoreCmd) zones(ctx context.Context, s *streams) (err error) {
	switch {
	case c.Mark:
		return errNothingToRestore
	case c.Token == "":
		return errZoneToken
	}
	scratch, err := os.MkdirTemp(c.Scratch, "headwater-restore-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	var cfg node.Config
	if err := kong.ApplyDefaults(&cfg); err != nil {
		return err
	}
	there := &node.Config{Data: c.Data, SecretKeyFile: c.SecretKeyFile, SecretKey: c.SecretKey}
	keys, err := there.FindKeys()
	if err != nil {
		return err
	}
	cfg.Data, cfg.SecretKey, cfg.SecretKeyFile = scratch, c.SecretKey, there.KeyFile()
	log, err := (&node.Config{LogLevel: "error"}).Logger(s.err)
	if err != nil {
		return err
	}
	if err := c.beside(ctx, s, keys, log, cfg.DatabaseURL()); err != nil {
		return err
	}
	return node.Lend(ctx, &cfg, log, func(from *client.Client) error {
		k := &client.Copier{From: from, To: client.New(c.Server, c.Token), Dry: c.DryRun, Told: func(text string) { fmt.Fprintln(s.out, text) }}
		for _, name := range c.Zone {
			if err := c.zone(ctx, s, k, name); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
}

// beside restores the whole backup into a database of its own.
func (c *restoreCmd) beside(ctx context.Context, s *streams, keys secretkey.Keys, log *slog.Logger, url string) error {
	st, err := store.Open(ctx, store.Config{URL: url, SecretKey: keys.Current(), OlderKeys: keys.Older(), Clock: time.Now, Log: log})
	if err != nil {
		return err
	}
	return errors.Join(c.restore(ctx, st, s.err), st.Close())
}

// zone brings one zone in.
func (c *restoreCmd) zone(ctx context.Context, s *streams, k *client.Copier, name string) error {
	from, err := k.From.Zone(ctx, name)
	if err != nil {
		return fmt.Errorf("in the backup: %w", err)
	}
	to, err := k.To.Zone(ctx, name)
	switch {
	case err == nil && !c.Replace:
		return errors.New("the zone is there: --replace makes its records those of the backup")
	case err == nil:
		_, err = k.Replace(ctx, from, to)
		return err
	case !errors.Is(err, client.ErrNoZone):
		return err
	}
	if k.Account, err = accountFor(ctx, k.To, from.Account.ID); err != nil {
		return err
	}
	err = k.Copy(ctx, from)
	for _, n := range k.Notes {
		fmt.Fprintln(s.out, " ", n.Message)
	}
	k.Notes = nil
	return err
}

// accountFor is the account that a zone of the backup was in; where that is not there, the only one.
func accountFor(ctx context.Context, to *client.Client, id string) (string, error) {
	accounts, err := client.All[client.Zone](ctx, to, "/accounts")
	if err != nil {
		return "", err
	}
	for _, a := range accounts {
		if a.ID == id {
			return id, nil
		}
	}
	if len(accounts) != 1 {
		return "", fmt.Errorf("its account %s is not there, and the token reaches %d others: use a token of the account that it is to go to", id, len(accounts))
	}
	return accounts[0].ID, nil
}
