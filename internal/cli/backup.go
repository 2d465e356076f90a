package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/node"
)

// storeFlags say which database the tools on the data open.
type storeFlags struct {
	Data          string `default:"./data" help:"Directory of the embedded store and the secret key."`
	Database      string `help:"Database URL; default is SQLite in the data directory." placeholder:"URL"`
	DatabaseFile  string `help:"File with the database URL." placeholder:"FILE"`
	SecretKeyFile string `help:"File with the key that encrypts secrets at rest; default is secret.key in the data directory." placeholder:"FILE"`
	SecretKey     string `hidden:"" secret:"" env:"HEADWATER_SECRET_KEY"`
}

// open opens the database, as the options ask for. The secret key must be there.
func (f *storeFlags) open(ctx context.Context, options store.Config) (*store.Store, error) {
	st, _, err := f.openWith(ctx, options)
	return st, err
}

// openWith is open, and tells which configuration it comes to.
func (f *storeFlags) openWith(ctx context.Context, options store.Config) (*store.Store, *node.Config, error) {
	c := &node.Config{Data: f.Data, Database: f.Database, DatabaseFile: f.DatabaseFile, SecretKeyFile: f.SecretKeyFile, SecretKey: f.SecretKey}
	if err := c.ReadSecrets(); err != nil {
		return nil, nil, err
	}
	keys, err := c.FindKeys()
	if err != nil {
		return nil, nil, err
	}
	log, err := (&node.Config{LogLevel: "error"}).Logger(os.Stderr)
	if err != nil {
		return nil, nil, err
	}
	options.URL, options.SecretKey, options.OlderKeys = c.DatabaseURL(), keys.Current(), keys.Older()
	options.Clock, options.Log = time.Now, log
	st, err := store.Open(ctx, options)
	return st, c, err
}

type backupCmd struct {
	storeFlags
	File string `arg:"" help:"Backup file to write."`
}

// Help shows an example.
func (*backupCmd) Help() string {
	return "Writes everything from one consistent snapshot, while the server runs. The secret key is not in the backup: keep a copy of it elsewhere.\n\n" +
		"Example: headwater backup --data /var/lib/headwater /backup/headwater.hwb"
}

// Run writes a backup; the file is complete or not there.
func (c *backupCmd) Run(ctx context.Context, s *streams) error {
	st, err := c.open(ctx, store.Config{ReadOnly: true, Existing: true})
	if err != nil {
		return err
	}
	defer st.Close()
	f, err := os.CreateTemp(filepath.Dir(c.File), ".headwater-backup-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone already after the rename
	bar := spinner(s.err, "rows")
	n, err := st.DumpCounting(ctx, f, bar.told)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	bar.end()
	if err := os.Rename(f.Name(), c.File); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s written: %s\n", c.File, sized(n))
	return err
}

// sized is how much a store holds, in words.
func sized(n store.Summary) string {
	return fmt.Sprintf("%d zones, %d records, position %d", n.Zones, n.Records, n.Seq)
}

type restoreCmd struct {
	storeFlags
	File string `arg:"" optional:"" help:"Backup file to read." type:"existingfile"`
	Mark bool   `help:"The database was restored by its own tools: only have serials pass what secondaries may have seen."`
}

var errNothingToRestore = errors.New("a backup file or --mark is needed, and not both")

// Help shows an example.
func (*restoreCmd) Help() string {
	return "Restores into an empty database. The secret key must be the one that the backup was made under: put secret.key into the data directory first. " +
		"The next change of every zone gets a serial above all that secondaries may have seen before.\n\n" +
		"Example: headwater restore --database postgres://db/headwater --secret-key-file secret.key /backup/headwater.hwb"
}

// Run restores a backup, wholly or not at all.
func (c *restoreCmd) Run(ctx context.Context, s *streams) error {
	if (c.File == "") != c.Mark {
		return errNothingToRestore
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
		if err := restore(ctx, st, c.File, s.err); err != nil {
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

func restore(ctx context.Context, st *store.Store, file string, progress io.Writer) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	bar := spinner(progress, "rows")
	if err := st.Restore(ctx, f, bar.told); err != nil {
		return err
	}
	bar.end()
	return nil
}

type migrateCmd struct {
	From          string `required:"" help:"Database to read: sqlite:FILE or postgres://…" placeholder:"URL"`
	To            string `required:"" help:"Empty database to write." placeholder:"URL"`
	Data          string `default:"./data" help:"Directory of the secret key."`
	SecretKeyFile string `help:"File with the secret key of both." placeholder:"FILE"`
	SecretKey     string `hidden:"" secret:"" env:"HEADWATER_SECRET_KEY"`
}

// Help shows an example.
func (*migrateCmd) Help() string {
	return "Copies everything to another engine, then reads both again and compares them. Stop the server first.\n\n" +
		"Example: headwater migrate --from sqlite:data/headwater.db --to postgres://db/headwater"
}

var errMigrate = errors.New("the copy differs from its source")

// Run copies by a backup that is piped into a restore.
func (c *migrateCmd) Run(ctx context.Context, s *streams) error {
	from, err := (&storeFlags{Data: c.Data, Database: c.From, SecretKeyFile: c.SecretKeyFile, SecretKey: c.SecretKey}).open(ctx, store.Config{ReadOnly: true, Existing: true, Alone: true})
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	defer from.Close()
	to, err := (&storeFlags{Data: c.Data, Database: c.To, SecretKeyFile: c.SecretKeyFile, SecretKey: c.SecretKey}).open(ctx, store.Config{})
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	defer to.Close()
	bar := spinner(s.err, "rows")
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(from.Dump(ctx, pw, nil)) }()
	if err := to.Restore(ctx, pr, bar.told); err != nil {
		return err
	}
	bar.end()
	// Two dumps of equal contents are equal, whatever the engines.
	a, err := digestOf(func(w io.Writer) error { return from.Dump(ctx, w, nil) })
	if err != nil {
		return err
	}
	b, err := digestOf(func(w io.Writer) error { return to.Dump(ctx, w, nil) })
	if err != nil {
		return err
	}
	if a != b {
		return errMigrate
	}
	n, err := to.Summary(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "copied and verified: %s (SHA-256 of either's backup: %x)\n", sized(n), a)
	return err
}

// counting is a spinner with a count.
type counting struct{ bar *progressbar.ProgressBar }

func spinner(w io.Writer, what string) *counting {
	return &counting{progressbar.NewOptions64(-1, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())}
}

func (c *counting) end() { _ = c.bar.Finish() }

// told takes the store's progress.
func (c *counting) told(done, total int64) {
	if total > 0 {
		c.bar.ChangeMax64(total)
	}
	_ = c.bar.Set64(done)
}

// digestOf hashes what a function writes.
func digestOf(write func(io.Writer) error) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	if err := write(h); err != nil {
		return sum, err
	}
	h.Sum(sum[:0])
	return sum, nil
}
