package depot_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/depot"
)

// shelf is a depot in memory, whose next writes, or what is read of them, may be broken.
type shelf struct {
	mu    sync.Mutex // the day's hand changes it while keepers sleep
	items map[string][]byte
	fail  error
	short bool
	stays string // is not removed
	duty  int    // who makes backups
}

func (s *shelf) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *shelf) String() string { return "shelf" }

func (s *shelf) Write(_ context.Context, name string, f func(io.Writer) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	var b bytes.Buffer
	if err := f(&b); err != nil {
		return err
	}
	s.items[name] = b.Bytes()
	return nil
}

func (s *shelf) Open(_ context.Context, name string) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.items[name]
	if s.short {
		b = b[:len(b)/2]
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (s *shelf) List(context.Context) (out []depot.Item, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, b := range s.items {
		out = append(out, depot.Item{Name: name, Size: int64(len(b))})
	}
	return out, s.fail
}

func (s *shelf) Remove(_ context.Context, name string) error {
	if name == s.stays {
		return errors.New("locked")
	}
	s.change(func() { delete(s.items, name) })
	return nil
}

func (s *shelf) Sweep(context.Context, time.Time) error { return nil }

// TestKeeper plays days: one backup a day whichever of two nodes makes it, the newest three stay, what others put there stays, a failure
// is tried again and told, and a backup that does not read back is no backup and drives nobody out.
func TestKeeper(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// One is there from a day when the clock was years ahead.
		ahead := time.Now().AddDate(3, 0, 0).UTC().Format("headwater-20060102T150405Z.hwb")
		s := &shelf{items: map[string][]byte{"by-hand.hwb": nil, ahead: nil}}
		keepers := make([]*depot.Keeper, 2)
		ctx, cancel := context.WithCancel(t.Context())
		for i := range keepers {
			keepers[i] = depot.NewKeeper(depot.Config{
				Depot: s, Every: 24 * time.Hour, Keep: 3, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
				Duty: func() (mine bool) {
					s.change(func() { mine = s.duty == i })
					return mine
				},
				Dump: func(_ context.Context, w io.Writer) error { _, err := io.WriteString(w, "all of it"); return err },
				Look: func(r io.Reader) error {
					if b, err := io.ReadAll(r); err != nil || string(b) != "all of it" {
						return errors.New("not whole")
					}
					return nil
				},
			})
			go func() { _ = keepers[i].Run(ctx) }()
		}
		defer synctest.Wait()
		defer cancel()
		days := func(n int) { time.Sleep(time.Duration(n) * 24 * time.Hour); synctest.Wait() }
		made := func() uint64 { return keepers[0].Status().Made + keepers[1].Status().Made }
		time.Sleep(time.Hour)
		if synctest.Wait(); made() != 1 {
			t.Fatalf("after an hour %d were made", made())
		}
		days(2)
		s.change(func() { s.duty = 1 })
		days(2)
		if made() != 5 || keepers[0].Status().Made != 3 || len(s.items) != 5 || !slices.Contains(names(s), "by-hand.hwb") {
			t.Errorf("after four days %d were made, %d by the first, and there are %q", made(), keepers[0].Status().Made, names(s))
		}
		before := names(s)
		s.change(func() { s.fail = errors.New("away") })
		days(2)
		if got := keepers[1].Status(); got.Failed < 50 || got.Error != "away" || !slices.Equal(names(s), before) {
			t.Errorf("%+v, %q", got, names(s))
		}
		s.change(func() { s.fail, s.short = nil, true })
		days(1)
		if got := keepers[1].Status(); got.Error == "" || !slices.Equal(names(s), before) {
			t.Errorf("what does not read back: %+v, %q", got, names(s))
		}
		s.change(func() { s.short = false })
		days(1)
		if got := keepers[1].Status(); got.Error != "" || time.Since(got.Last) > 25*time.Hour || len(s.items) != 5 || slices.Equal(names(s), before) {
			t.Errorf("afterwards: %+v, %q", got, names(s))
		}
	})
}

// TestBackupThatStays: one that cannot be removed, as where the store has it locked, is told of, and those behind it go all the same.
func TestBackupThatStays(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 10, 0, 0, 0, 0, time.UTC)
	day := func(n int) string { return now.AddDate(0, 0, -n).Format("headwater-20060102T150405Z.hwb") }
	s := &shelf{items: map[string][]byte{day(2): nil, day(3): nil, day(4): nil, day(5): nil}, stays: day(3)}
	k := depot.NewKeeper(depot.Config{
		Depot: s, Every: 24 * time.Hour, Keep: 2, Clock: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler), Duty: func() bool { return true },
		Dump: func(context.Context, io.Writer) error { return nil }, Look: func(io.Reader) error { return nil },
	})
	if err := k.Once(t.Context()); err == nil || err.Error() != "locked" {
		t.Errorf("said: %v", err)
	}
	if got, want := names(s), []string{day(3), day(2), day(0)}; !slices.Equal(got, want) {
		t.Errorf("there are %q, not %q", got, want)
	}
}

func names(s *shelf) (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := range s.items {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	const unfinished = ".headwater-backup-"
	dir := t.TempDir() + "/made"
	d, err := depot.At(dir, depot.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if list, err := d.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
	if err := d.Write(t.Context(), "a", func(w io.Writer) error { _, err := io.WriteString(w, "x"); return err }); err != nil {
		t.Error(err)
	}
	if err := d.Write(t.Context(), "b", func(io.Writer) error { return io.ErrUnexpectedEOF }); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	if list, err := d.List(t.Context()); err != nil || len(list) != 1 || list[0].Name != "a" || list[0].Size != 1 {
		t.Errorf("%v %v", list, err)
	}
	now := time.Now()
	for name, age := range map[string]time.Duration{"a": 3 * time.Hour, unfinished + "old": 2 * time.Hour, unfinished + "new": 0} {
		file := filepath.Join(dir, name)
		f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o600)
		if err = errors.Join(err, f.Close(), os.Chtimes(file, now, now.Add(-age))); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Sweep(t.Context(), now.Add(-time.Hour)); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(dir + "/*"); !slices.Equal(left, []string{dir + "/" + unfinished + "new", dir + "/a"}) {
		t.Errorf("left after sweeping: %q", left)
	}
	for _, address := range []string{"", "ftp://x/y", "s3://", "s3://b?endpoint=ftp://x", "s3://key:secret@b/x", "s3://b?secret=x"} {
		if _, err := depot.At(address, depot.Options{}); !errors.Is(err, depot.ErrURL) {
			t.Errorf("%q: %v", address, err)
		}
	}
}
