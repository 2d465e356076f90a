package commit_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
)

// traced notes what goes to a database.
type traced struct {
	mu    sync.Mutex
	ways  int
	texts []string
}

func (l *traced) note(statements []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ways++
	l.texts = append(l.texts, statements...)
}

func (l *traced) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ways, l.texts = 0, nil
}

// TestStatements holds how many statements a change costs, and on PostgreSQL how many ways to the server they go in: each of
// those is waited for, with rows locked that others may want. BEGIN and COMMIT come to it. A batch costs no more than one record
// but for what it has more of: its rows in few statements. A signed zone costs no more of them than another.
func TestStatements(t *testing.T) {
	t.Parallel()
	type cost struct{ statements, ways int }
	for _, tt := range []struct {
		name                   string
		url                    func(t *testing.T) string
		addition, batch, there cost
	}{
		{
			"sqlite", func(t *testing.T) string { t.Helper(); return "sqlite:" + filepath.Join(t.TempDir(), "test.db") },
			cost{6, 6},
			cost{12, 12},
			cost{7, 7},
		},
		{"postgres", postgres, cost{11, 3}, cost{13, 3}, cost{12, 4}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log traced
			st, err := store.Open(t.Context(), store.Config{URL: tt.url(t), Trace: log.note})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = st.Close() })
			b := node(t, onEngine{st})
			b.makeAccount(t)
			z := b.transferred(t, "example")
			n := 0
			add := func(count int, owner func() string) {
				t.Helper()
				c := model.Change{ID: newID(), Zone: z.ID, Account: account, Actor: model.Actor{User: newID(), Request: "r"}}
				for range count {
					n++
					c.Edits = append(c.Edits, model.AddRecord{Record: rec(owner(), "A", fmt.Sprintf("192.0.%d.%d", n/250, n%250))})
				}
				log.reset()
				b.must(t, c)
			}
			fresh := func() string { return fmt.Sprintf("h%d.example", n) }
			costs := func(zone string) {
				t.Helper()
				add(1, fresh) // warms up what is kept
				for _, c := range []struct {
					name  string
					count int
					owner func() string
					want  cost
				}{
					{"an addition", 1, fresh, tt.addition},
					{"an addition where something stands", 1, func() string { return "h1.example" }, tt.there},
					{"a batch of 100", 100, fresh, tt.batch},
				} {
					add(c.count, c.owner)
					log.mu.Lock()
					if got := (cost{len(log.texts), log.ways}); got != c.want {
						t.Errorf("%s, %s takes %d statements in %d ways, not %d in %d:\n%s", zone, c.name, got.statements, got.ways, c.want.statements, c.want.ways,
							strings.Join(log.texts, "\n"))
					}
					log.mu.Unlock()
				}
			}
			costs("unsigned")
			if _, err := b.dnssec(t, z.ID, model.DNSSECActive); err != nil {
				t.Fatal(err)
			}
			costs("signed") // its keys are in memory
		})
	}
}
