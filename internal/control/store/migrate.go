package store

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
