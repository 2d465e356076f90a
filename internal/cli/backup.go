package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/depot"
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
	if !options.Keyless {
		keys, err := c.FindKeys()
		if err != nil {
			return nil, nil, err
		}
		options.SecretKey, options.OlderKeys = keys.Current(), keys.Older()
	}
	log, err := (&node.Config{LogLevel: "error"}).Logger(os.Stderr)
	if err != nil {
		return nil, nil, err
	}
	options.URL, options.Clock, options.Log = c.DatabaseURL(), time.Now, log
	st, err := store.Open(ctx, options)
	return st, c, err
}

type backupCmd struct {
	Write  backupWriteCmd  `cmd:"" default:"withargs" help:"Write a backup of everything."`
	Verify backupVerifyCmd `cmd:"" help:"Say whether a backup is whole, and whether a secret key opens it."`
	List   backupListCmd   `cmd:"" help:"List the zones in a backup."`
}

type backupWriteCmd struct {
	storeFlags
	depotFlags
	File string `arg:"" help:"Backup file to write, or s3://BUCKET/NAME; - is standard output."`
}

// Help shows an example.
func (*backupWriteCmd) Help() string {
	return "Writes everything from one consistent snapshot, while the server runs. The secret key is not in the backup: keep a copy of it elsewhere.\n\n" +
		"Into S3 storage it goes as a stream: s3://BUCKET/NAME?endpoint=https://HOST&region=REGION. Its keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a file; " +
		"credentials=iam in the address takes those that a cloud gives to its machines.\n\n" +
		"Example: headwater backup --data /var/lib/headwater /backup/headwater.hwb"
}

// Run writes a backup; the file is complete or not there.
func (c *backupWriteCmd) Run(ctx context.Context, s *streams) error {
	st, err := c.open(ctx, store.Config{ReadOnly: true, Existing: true})
	if err != nil {
		return err
	}
	defer st.Close()
	if c.File == "-" { // who reads it sees by the end of it whether it is whole
		n, err := st.DumpCounting(ctx, s.out, nil)
		if err == nil {
			_, err = fmt.Fprintf(s.err, "written: %s\n", sized(n))
		}
		return err
	}
	if depot.IsS3(c.File) {
		return c.toBucket(ctx, st, s)
	}
	f, err := os.CreateTemp(filepath.Dir(c.File), ".headwater-backup-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone already after the rename
	bar := spinner(s.err)
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

// toBucket writes it as an object, which is there when it is whole.
func (c *backupWriteCmd) toBucket(ctx context.Context, st *store.Store, s *streams) error {
	d, name, err := c.place(c.File)
	if err != nil {
		return err
	}
	bar := spinner(s.err)
	var n store.Summary
	err = d.Write(ctx, name, func(w io.Writer) (err error) {
		n, err = st.DumpCounting(ctx, w, bar.told)
		return err
	})
	if err != nil {
		return err
	}
	bar.end()
	_, err = fmt.Fprintf(s.out, "%s written to %s: %s\n", name, d, sized(n))
	return err
}

// readBackup goes through a whole backup.
func (d *depotFlags) readBackup(ctx context.Context, file string, s *streams) (*store.Backup, error) {
	f, err := d.openBackup(ctx, file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	bar := spinner(s.err)
	out, err := store.ReadBackup(f, bar.told)
	if err == nil {
		bar.end()
	}
	return out, err
}

type backupVerifyCmd struct {
	depotFlags
	File          string `arg:"" help:"Backup file to read, or s3://BUCKET/NAME; - is standard input."`
	SecretKeyFile string `help:"File with the secret key that is to open it." placeholder:"FILE"`
	SecretKey     string `hidden:"" secret:"" env:"HEADWATER_SECRET_KEY"`
}

// Help shows an example.
func (*backupVerifyCmd) Help() string {
	return "Reads all of it and checks every checksum, the number of rows, and with a key that the secrets in it can be opened. It needs no database. " +
		"It ends with 1 when the backup would not do.\n\n" +
		"Example: headwater backup verify --secret-key-file /etc/headwater/secret.key /backup/headwater.hwb"
}

// Run verifies.
func (c *backupVerifyCmd) Run(ctx context.Context, s *streams) error {
	b, err := c.readBackup(ctx, c.File, s)
	if err != nil {
		return err
	}
	key := "no secret key was tried"
	if c.SecretKeyFile != "" || c.SecretKey != "" {
		keys, err := (&node.Config{SecretKeyFile: c.SecretKeyFile, SecretKey: c.SecretKey}).FindKeys()
		if err == nil {
			err = b.Opens(keys.Current(), keys.Older()...)
		}
		if err != nil {
			return err
		}
		key = "the secret key opens it"
	}
	last := "no change"
	if !b.Last.IsZero() {
		last = "last change " + b.Last.UTC().Format(time.RFC3339)
	}
	_, err = fmt.Fprintf(s.out, "%s is whole: %s, %s; %s\n", c.File, sized(b.Summary), last, key)
	return err
}

type backupListCmd struct {
	depotFlags
	File string `arg:"" help:"Backup file to read, or s3://BUCKET/NAME; - is standard input. A directory, or s3://BUCKET/PREFIX/, lists the backups in it."`
}

// Help shows an example.
func (*backupListCmd) Help() string { return "Example: headwater backup list /backup/headwater.hwb" }

// Run lists zones, by name.
func (c *backupListCmd) Run(ctx context.Context, s *streams) error {
	if listed(c.File) {
		return c.list(ctx, c.File, s)
	}
	b, err := c.readBackup(ctx, c.File, s)
	if err != nil {
		return err
	}
	slices.SortFunc(b.Zones, func(x, y store.BackupZone) int { return strings.Compare(x.Name, y.Name) })
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "ZONE\tRECORDS\tSERIAL\tACCOUNT\n")
	for _, z := range b.Zones {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", z.Name, z.Records, z.Serial, z.AccountName)
	}
	return w.Flush()
}

// sized is how much a store holds, in words.
func sized(n store.Summary) string {
	return fmt.Sprintf("%d zones, %d records, position %d", n.Zones, n.Records, n.Seq)
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
	bar := spinner(s.err)
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

// counting is a spinner with a count. It turns when it is told something: the library's own turning reads what Set64 writes.
type counting struct{ bar *progressbar.ProgressBar }

func spinner(w io.Writer) *counting {
	return &counting{progressbar.NewOptions64(-1, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("rows"),
		progressbar.OptionSetSpinnerChangeInterval(0), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())}
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
