package engine

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/pressly/goose/v3"

	"github.com/headwaterdns/headwater/internal/control/model"
)

//go:embed sqlite/*.sql postgres/*.sql
var migrations embed.FS

// Mark says of a migration which programs can live with what it makes of the tables: those that know the migrations up to Readable
// can read them rightly, those that know the ones up to Writable can write to them as well.
type Mark struct{ Readable, Writable int64 }

// unmarked is the last migration without a mark: those up to it came before programs looked for marks.
const unmarked = 91

// marks has a row for each migration since. A migration that adds what earlier programs need not know keeps the row before it. One that
// has them read or write wrongly names itself: programs that do not know it then end their writing by themselves, or their reading.
var marks = map[int64]Mark{
	92: {Readable: 91, Writable: 91},
	93: {Readable: 93, Writable: 93}, // earlier programs read account_access, and no changes of access
	94: {Readable: 94, Writable: 94}, // earlier programs take a member who has roles in zones alone for one who reads all of the account
	95: {Readable: 94, Writable: 95}, // earlier programs take a second factor away and leave the passkeys
}

// Schema is what a program knows of tables: the migrations of either engine in a folder of its own, and their marks.
type Schema struct {
	Files fs.FS
	Marks map[int64]Mark
}

// OwnSchema is that of this program.
func OwnSchema() *Schema { return &Schema{Files: migrations, Marks: marks} }

// newest is the number of the last file in a folder.
func (s *Schema) newest(folder string) (int64, error) {
	files, err := fs.Glob(s.Files, folder+"/*.sql")
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("migrations of %s: %d files: %w", folder, len(files), err)
	}
	last, err := goose.NumericComponent(slices.Max(files))
	if _, ok := s.Marks[last]; err == nil && last > unmarked && !ok {
		err = fmt.Errorf("%w: %d", errUnmarked, last)
	}
	return last, err
}

// known is the newest migration of either engine, by which marks go.
func (s *Schema) known() (last int64, err error) {
	for _, folder := range []string{"sqlite", "postgres"} {
		n, err := s.newest(folder)
		if err != nil {
			return 0, err
		}
		last = max(last, n)
	}
	return last, nil
}

var errUnmarked = errors.New("a migration does not say which programs can live with it: see marks in migrate.go")

// Limits are what the marks in a database come to: the newest migration that a program must know to read, and to write; and who has left
// the last mark. Where there are none both are 0.
type Limits struct {
	Readable, Writable int64
	Program            string
}

// selectLimits reads Limits.
const selectLimits = `(SELECT coalesce(max(readable), 0) FROM schema_marks), (SELECT coalesce(max(writable), 0) FROM schema_marks)`

// ErrOutgrown is a database that a later program has made its own: what this one would read or write there would be wrong.
var ErrOutgrown = fmt.Errorf("the tables are of a later program: %w", ErrVersion)

// allows says whether a program that knows the migrations up to have may read, or write.
func (l Limits) allows(have int64, write bool) error {
	need, what := l.Readable, "read"
	if write && l.Writable > need {
		need, what = l.Writable, "write"
	}
	if have >= need {
		return nil
	}
	by := ""
	if l.Program != "" {
		by = " (" + l.Program + ")"
	}
	return fmt.Errorf("%w%s: to %s them a program must know schema %d, and this one knows %d. Start a program that does; to go back to this one, "+
		"restore the backup that was made before the upgrade into an empty database", ErrOutgrown, by, what, need, have)
}

// limits reads the marks; none where there is no table of them yet.
func (c Conn) limits(ctx context.Context) (l Limits, err error) {
	err = c.One(ctx, []any{&l.Readable, &l.Writable, ToText(&l.Program)}, `SELECT `+selectLimits+`, (SELECT program FROM schema_marks ORDER BY version DESC LIMIT 1)`)
	if c.Dialect.noTable(err) {
		return Limits{}, nil
	}
	if err != nil {
		return Limits{}, fmt.Errorf("read the marks of the tables: %w", err)
	}
	return l, nil
}

// outgrown says whether a program that knows the migrations up to known must not do to the database what it was opened for.
func (c Conn) outgrown(ctx context.Context, known int64, write bool) error {
	l, err := c.limits(ctx)
	if err != nil {
		return err
	}
	return l.allows(known, write)
}

// Heed takes note of marks. Once they are beyond this program it writes no more, or reads no more, until it ends. The error is
// that of mayWrite.
func (s *DB) Heed(l Limits) error {
	if l.Readable <= s.known && l.Writable <= s.known {
		return s.mayWrite()
	}
	now := &grown{read: l.allows(s.known, false), write: l.allows(s.known, true)}
	if was := s.outgrown.Swap(now); (was == nil || was.read == nil && now.read != nil) && s.Outgrown() != nil {
		s.Config.Log.Error("a later program has made the tables its own while this one runs: it goes on answering queries", "error", s.Outgrown())
	}
	return s.mayWrite()
}

// grown is what a program may do no more; nil where it may.
type grown struct{ read, write error }

// Outgrown is why this program may not do any more what it has opened the database for; nil while it may.
func (s *DB) Outgrown() error {
	g := s.outgrown.Load()
	switch {
	case g == nil:
		return nil
	case s.Config.ReadOnly:
		return g.read
	}
	return g.write
}

// mayRead is nil, or an error that wraps model.ErrUnavailable.
func (s *DB) mayRead() error {
	if g := s.outgrown.Load(); g != nil && g.read != nil {
		return fmt.Errorf("%w: %w", model.ErrUnavailable, g.read)
	}
	return nil
}

// mayWrite is mayRead for writing.
func (s *DB) mayWrite() error {
	if g := s.outgrown.Load(); g != nil {
		return fmt.Errorf("%w: %w", model.ErrUnavailable, g.write)
	}
	return nil
}

// noticed is how long whoever makes tables that running nodes cannot use waits for them to notice. Each looks every second, and one whose
// look gets no answer gives all its connections up: a new one looks first.
const noticed = headLimit + 2*askPause

// migration brings the tables of one engine to the newest form.
type migration struct {
	dialect goose.Dialect
	folder  string
	cfg     *Config
	on      Conn // the same database as db
	db      *sql.DB
	options []goose.ProviderOption
}

// run takes the steps that are left. What a step demands of programs is told before it is taken: from then on no other node commits a
// change that the step would not see, and none starts that would. A step that then fails leaves its mark: the tables wait for the program
// that knows it.
func (m *migration) run(ctx context.Context) error {
	schema := m.cfg.schema()
	known, err := schema.known()
	if err != nil {
		return err
	}
	if err := m.on.outgrown(ctx, known, true); err != nil {
		return err
	}
	had, err := m.on.version(ctx)
	if err != nil && !errors.Is(err, ErrNoStore) {
		return err
	}
	if last, err := schema.newest(m.folder); err != nil || had == last {
		return err // none is left, as with nearly every start; marks are made before the migrations that they are of
	}
	files, err := fs.Sub(schema.Files, m.folder)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	p, err := goose.NewProvider(m.dialect, m.db, files, append(m.options, goose.WithDisableGlobalRegistry(true))...)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if _, err := p.UpTo(ctx, unmarked+1); err != nil {
		return fmt.Errorf("migrate tables: %w", err)
	}
	if err := m.mark(ctx, schema, had == 0); err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate tables: %w", err)
	}
	// Another node may have gone further meanwhile.
	return m.on.outgrown(ctx, known, true)
}

// putMarks writes the marks that are missing, and gives what they come to then.
func (m *migration) putMarks(ctx context.Context, schema *Schema) (after Limits, err error) {
	tx, err := m.db.BeginTx(ctx, nil)
	if err != nil {
		return after, fmt.Errorf("begin: %w", m.on.Dialect.classify(err))
	}
	defer tx.Rollback() //nolint:errcheck // nothing after a commit
	c := Conn{Dialect: m.on.Dialect, on: sqlRunner{tx}}
	if !c.Dialect.Alone { // commits of changes wait for this row, and read marks behind it
		if _, err := c.Exec(ctx, `UPDATE counters SET value = value WHERE name = 'seq'`); err != nil {
			return after, err
		}
	}
	const insert = `INSERT INTO schema_marks (version, readable, writable, program) VALUES (?, ?, ?, ?) ON CONFLICT (version) DO NOTHING`
	for _, v := range slices.Sorted(maps.Keys(schema.Marks)) {
		k := schema.Marks[v]
		if _, err := c.Exec(ctx, insert, v, k.Readable, k.Writable, m.cfg.Program); err != nil {
			return after, err
		}
	}
	if after, err = c.limits(ctx); err != nil {
		return after, err
	}
	if err := tx.Commit(); err != nil {
		return after, fmt.Errorf("commit: %w", m.on.Dialect.classify(err))
	}
	return after, nil
}

// mark writes the marks that are missing, and waits for the nodes that have to notice. On a new database there are none.
func (m *migration) mark(ctx context.Context, schema *Schema, fresh bool) error {
	have, err := m.on.version(ctx)
	if err != nil {
		return err
	}
	before, err := m.on.limits(ctx)
	if err != nil {
		return err
	}
	var after Limits
	err = m.on.Dialect.again(ctx, func() (err error) { // another node may start, too
		after, err = m.putMarks(ctx, schema)
		return err
	})
	if err != nil {
		return fmt.Errorf("mark tables: %w", err)
	}
	if fresh || m.on.Dialect.Alone || after == before || after.allows(have, true) == nil {
		return nil
	}
	nodes, err := m.on.nodes(ctx)
	if err == nil && (nodes > 0 || after.allows(have, false) != nil) { // who holds no lease writes nothing
		m.cfg.Log.Warn("nodes of earlier programs must not use these tables as they did: waiting for them to notice", "pause", noticed)
		Pause(ctx, noticed)
		err = ctx.Err()
	}
	return err
}

// nodes counts those that run.
func (c Conn) nodes(ctx context.Context) (n int, err error) {
	if err := c.One(ctx, []any{&n}, `SELECT count(*) FROM nodes WHERE expires >= `+c.Dialect.Now); err != nil {
		return 0, fmt.Errorf("look for nodes: %w", err)
	}
	return n, nil
}

// sameVersion says whether the tables have the very form that this program knows: who may not write cannot change them, and
// what another version put there would be read wrongly or left out.
func sameVersion(ctx context.Context, c Conn, cfg *Config, folder string) error {
	want, err := cfg.schema().newest(folder)
	if err != nil {
		return err
	}
	have, err := c.version(ctx)
	switch {
	case err != nil:
		return err
	case have > want:
		return fmt.Errorf("schema %d, and this program knows %d: %w: use the program that the server runs", have, want, ErrVersion)
	case have != want:
		return fmt.Errorf("schema %d instead of %d: %w: use the program of that version, or have the server of this one migrate them by a start", have, want, ErrVersion)
	}
	return nil
}

// version is the number of the newest migration that was taken; ErrNoStore where there are no tables.
func (c Conn) version(ctx context.Context) (have int64, err error) {
	err = c.One(ctx, []any{&have}, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`)
	if c.Dialect.noTable(err) {
		return 0, ErrNoStore
	}
	if err != nil {
		return 0, fmt.Errorf("look for the tables: %w", err)
	}
	return have, nil
}
