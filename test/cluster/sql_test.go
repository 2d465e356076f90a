package cluster

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

// sql connects to the database, past all proxies.
func (c *cluster) sql(tb testing.TB) *pgx.Conn {
	tb.Helper()
	db, err := pgx.Connect(tb.Context(), c.url)
	if err != nil {
		tb.Fatal(err)
	}
	return db
}

func (c *cluster) exec(tb testing.TB, texts ...string) {
	tb.Helper()
	db := c.sql(tb)
	defer db.Close(tb.Context())
	for _, text := range texts {
		if _, err := db.Exec(tb.Context(), text); err != nil {
			tb.Fatalf("%s: %v", text, err)
		}
	}
}

// count reads one number.
func (c *cluster) count(tb testing.TB, text string, args ...any) (n int64) {
	tb.Helper()
	db := c.sql(tb)
	defer db.Close(tb.Context())
	if err := db.QueryRow(tb.Context(), text, args...).Scan(&n); err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	return n
}
