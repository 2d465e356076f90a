package commit_test

import (
	"database/sql"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// frames are the numbers of the pages in a write-ahead log that begins with this commit (https://sqlite.org/fileformat2.html#walformat).
func frames(t *testing.T, path string) []uint32 {
	t.Helper()
	b, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	const header, frameHeader = 32, 24
	size := int(binary.BigEndian.Uint32(b[8:])) + frameHeader
	var pages []uint32
	for b = b[header:]; len(b) >= size; b = b[size:] {
		pages = append(pages, binary.BigEndian.Uint32(b))
	}
	return pages
}

// emptyLog copies the log into the file, after whoever does so just now.
func emptyLog(t *testing.T, db *sql.DB) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		var busy, log, done int
		err := db.QueryRowContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &done)
		switch {
		case err == nil && busy == 0:
			return
		case err != nil || time.Now().After(deadline):
			t.Fatal(busy, err)
		}
	}
}

// TestPagesOfAnAddition: what a commit writes is what it touches. Each page is 4 KiB into the log, and once more into the file.
func TestPagesOfAnAddition(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	b := &bench{base: openStore(t, "sqlite:"+path), now: time.Date(2026, 1, 2, 3, 4, 5, 6789, time.UTC), forced: map[string]int{}, flat: newTargets()}
	b.open(t, func(c *commit.Config) { c.NewID = auth.NewID }, nil)
	b.makeAccount(t)
	z := b.zone(t, "example.com.")
	dice := rand.New(rand.NewPCG(1, 2))
	batch := func(n int, together bool, tags ...string) (list []model.Record) {
		first := dice.Uint64()
		for i := range n {
			name := fmt.Sprintf("host-%016x-%d.example.com.", first, i)
			if !together {
				name = fmt.Sprintf("host-%016x.example.com.", dice.Uint64())
			}
			list = append(list, rec(name, "A", fmt.Sprintf("192.0.%d.%d", dice.IntN(256), dice.IntN(256)), func(r *model.Record) { r.Tags = tags }))
		}
		return list
	}
	for range 4 {
		b.add(t, z.ID, batch(5000, false)...)
	}
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, c := range []struct {
		name        string
		size, times int
		together    bool
		most        float64
		tags        []string
	}{
		{"an addition", 1, 20, false, 7.5, nil},
		{"an addition with two tags", 1, 20, false, 8.6, []string{"env:prod", "team:dns"}},
		{"a batch of neighbours", 100, 5, true, 26, nil},
		{"a batch from all over the zone", 100, 5, false, 165, nil},
	} {
		sum := 0
		for range c.times {
			emptyLog(t, db)
			b.add(t, z.ID, batch(c.size, c.together, c.tags...)...)
			sum += len(frames(t, path))
		}
		pages := float64(sum) / float64(c.times)
		t.Logf("%s: %.1f pages", c.name, pages)
		if pages > c.most {
			t.Errorf("%s takes %.1f pages, which is more than %.1f", c.name, pages, c.most)
		}
	}
}
