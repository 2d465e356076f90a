package engine

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"slices"

	"github.com/pressly/goose/v3"
)

//go:embed sqlite/*.sql postgres/*.sql
var migrations embed.FS

// migrate brings the tables to the newest form; steps that were taken are passed over.
func migrate(ctx context.Context, db *sql.DB, d goose.Dialect, folder string, options ...goose.ProviderOption) error {
	files, err := fs.Sub(migrations, folder)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	options = append(options, goose.WithDisableGlobalRegistry(true))
	p, err := goose.NewProvider(d, db, files, options...)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate tables: %w", err)
	}
	return nil
}

// newestMigration is the number of the last file in a folder.
func newestMigration(folder string) (int64, error) {
	files, err := fs.Glob(migrations, folder+"/*.sql")
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("migrations of %s: %d files: %w", folder, len(files), err)
	}
	return goose.NumericComponent(slices.Max(files))
}

// sameVersion says whether the tables have the very form that this program knows: who may not write cannot change them, and
// what another version put there would be read wrongly or left out.
func sameVersion(ctx context.Context, c Conn, folder string) error {
	want, err := newestMigration(folder)
	if err != nil {
		return err
	}
	have, err := c.version(ctx)
	switch {
	case err != nil:
		return err
	case have != want:
		return fmt.Errorf("version %d instead of %d: %w", have, want, ErrVersion)
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
