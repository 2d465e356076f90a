package engine

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
)

// preparing counts what is prepared.
type preparing struct {
	db *sql.DB
	mu sync.Mutex
	n  map[string]int
}

func (p *preparing) PrepareContext(ctx context.Context, text string) (*sql.Stmt, error) {
	p.mu.Lock()
	p.n[text]++
	p.mu.Unlock()
	return p.db.PrepareContext(ctx, text)
}

func preparingOn(t *testing.T) *preparing {
	t.Helper()
	db, err := openFile(filepath.Join(t.TempDir(), "test.db"), readerPragmas, "rwc", maxReaders)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return &preparing{db: db, n: map[string]int{}}
}

// More different statements than are kept: a new one is kept all the same, at the cost of the one that was not used for the
// longest time, and what is used all the while is prepared once.
func TestStatementsMakeRoom(t *testing.T) {
	t.Parallel()
	on := preparingOn(t)
	c := Conn{Dialect: &sqliteDialect, on: on.db, texts: newStatements(on)}
	defer c.texts.close()
	ask := func(text string, want int) {
		t.Helper()
		var got int
		if err := c.One(t.Context(), []any{&got}, text); err != nil || got != want {
			t.Fatalf("%s: %d, %v", text, got, err)
		}
	}
	const hot = "SELECT 42"
	for i := range 3 * maxStatements {
		ask(hot, 42)
		ask(fmt.Sprintf("SELECT %d + 100000", i), i+100000)
	}
	last := fmt.Sprintf("SELECT %d + 100000", 3*maxStatements-1)
	ask(last, 3*maxStatements-1+100000)
	ask("SELECT 0 + 100000", 100000) // long gone
	for text, want := range map[string]int{hot: 1, last: 1, "SELECT 0 + 100000": 2} {
		if on.n[text] != want {
			t.Errorf("%s was prepared %d times instead of %d", text, on.n[text], want)
		}
	}
	if n := len(c.texts.by); n != maxStatements || c.texts.used.Len() != n {
		t.Errorf("%d statements are kept", n)
	}
}

// A statement that makes room while somebody reads its rows is closed by him.
func TestStatementsInUseAreNotClosed(t *testing.T) {
	t.Parallel()
	on := preparingOn(t)
	c := Conn{Dialect: &sqliteDialect, on: on.db, texts: newStatements(on)}
	c.texts.most = 2
	defer c.texts.close()
	var callers sync.WaitGroup
	for i := range maxReaders {
		callers.Go(func() {
			for n := range 50 {
				err := c.Each(t.Context(), Discard, fmt.Sprintf("SELECT %d UNION SELECT 10 UNION SELECT 11", (i+n)%5))
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
}
