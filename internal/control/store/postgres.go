package store

import (
	"context"
	"errors"
	"log/slog"
)

var postgresDialect = dialect{
	numbered:  true,
	lock:      " FOR UPDATE",
	folded:    func(expr string) string { return "lower(" + expr + ")" },
	position:  "strpos(%s, ?)",
	unordered: func(expr string) string { return expr },
	classify:  func(err error) error { return err },
	lostRace:  func(error) bool { return false },
}

func openPostgres(ctx context.Context, url string, log *slog.Logger) (engine, conn, error) {
	return nil, conn{}, errors.New("PostgreSQL is not built in")
}
