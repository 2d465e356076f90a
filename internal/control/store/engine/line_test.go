package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func emptyFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	if err := makeFile(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func testLine(t *testing.T) *line {
	t.Helper()
	l, err := openLine(emptyFile(t), writerPragmas, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// More different statements than are kept: a new one is kept all the same, at the cost of the one that was not used for the
// longest time, and what is used all the while is prepared once.
func TestStatementsMakeRoom(t *testing.T) {
	t.Parallel()
	l := testLine(t)
	c := Conn{Dialect: &sqliteDialect, on: l}
	const hot = "SELECT 42"
	var prepared *statement
	for i := range 3 * maxStatements {
		for query, want := range map[string]int{hot: 42, fmt.Sprintf("SELECT %d + 100000", i): i + 100000} {
			var got int
			if err := c.One(t.Context(), []any{&got}, query); err != nil || got != want {
				t.Fatalf("%s: %d, %v", query, got, err)
			}
		}
		now := l.by[text{head: hot}].Value.(*statement)
		if prepared != nil && now != prepared {
			t.Fatal("a statement in use all the while was prepared again")
		}
		prepared = now
	}
	if n := len(l.by); n != maxStatements || l.used.Len() != n {
		t.Errorf("%d statements are kept", n)
	}
}

// A statement may be run again, and many others, while its own rows are being read.
func TestStatementsInUse(t *testing.T) {
	t.Parallel()
	l := testLine(t)
	l.most = 2
	c := Conn{Dialect: &sqliteDialect, on: l}
	const three = "SELECT ? UNION SELECT 10 UNION SELECT 11"
	var got []int
	rows := func(then func() error) func(*Rows) error {
		return func(r *Rows) error {
			var n int
			if err := r.Scan(&n); err != nil {
				return err
			}
			got = append(got, n)
			return then()
		}
	}
	err := c.Each(t.Context(), rows(func() error {
		for i := range 5 {
			if err := c.Each(t.Context(), Discard, fmt.Sprintf("SELECT %d", i)); err != nil {
				return err
			}
		}
		return c.Each(t.Context(), rows(func() error { return nil }), three, 2)
	}), three, 1)
	want := []int{1, 2, 10, 11, 10, 2, 10, 11, 11, 2, 10, 11}
	if err != nil || testkit.Diff(want, got) != "" {
		t.Errorf("%v, %v", got, err)
	}
}

// What goes in by any road comes out by any road as it was, or is refused.
func TestValues(t *testing.T) {
	t.Parallel()
	l := testLine(t)
	c := Conn{Dialect: &sqliteDialect, on: l}
	if err := l.do("CREATE TABLE v (a, b, c, d, e, f, g, h, i, j)"); err != nil {
		t.Fatal(err)
	}
	id, when := model.ID(strings.Repeat("0a", IDSize)), time.UnixMicro(math.MaxInt32).UTC()
	_, err := c.Insert(t.Context(), "v", "", 2, 10, func(b *Binds, i int) {
		b.Int(math.MinInt64 + int64(i))
		b.Text("a\x00b")
		b.Octets(nil)
		b.Null()
		b.ID(id)
		b.ID("")
		b.ID("no identifier")
		b.Time(when)
		b.Flag(i == 1)
		b.Any([]byte{0, 1})
	})
	if err != nil {
		t.Fatal(err)
	}
	type status string
	var (
		n          int64
		s          string
		none       []byte
		null       NullInt64
		got, empty model.ID
		odd        []byte
		at         time.Time
		yes        bool
		raw        RawBytes
	)
	err = c.One(t.Context(), []any{&n, &s, &none, &null, ToID(&got), ToID(&empty), &odd, ToTime(&at), &yes, &raw}, "SELECT * FROM v ORDER BY a DESC")
	if err != nil || n != math.MinInt64+1 || s != "a\x00b" || none == nil || len(none) > 0 || null.Valid || got != id || empty != "" ||
		string(odd) != string(noID) || !at.Equal(when) || !yes || string(raw) != "\x00\x01" {
		t.Error(n, s, none, null, got, empty, odd, at, yes, raw, err)
	}
	boxed := make([]any, 10)
	dest := make([]any, 10)
	for i := range boxed {
		dest[i] = &boxed[i]
	}
	if err := c.One(t.Context(), dest, "SELECT * FROM v WHERE a = ?", int64(math.MinInt64)); err != nil {
		t.Fatal(err)
	}
	want := []any{int64(math.MinInt64), "a\x00b", []byte{}, nil, ID(id), []byte{}, noID, when.UnixMicro(), int64(0), []byte{0, 1}}
	if d := testkit.Diff(want, boxed); d != "" {
		t.Error(d)
	}
	var named struct {
		kind   status
		serial uint32
		seq    model.Seq
		name   wire.Name
		text   string
		doc    struct{ A []int }
		label  NullText
		float  any
	}
	err = c.One(t.Context(), []any{
		&named.kind, &named.serial, &named.seq, ToName(&named.name), ToText(&named.text), ToDoc(&named.doc), &named.label, &named.float,
	}, "SELECT ?, ?, ?, ?, ?, ?, ?, 0.5", status("active"), uint32(math.MaxUint32), model.Seq(7), "a.test", []byte("x"), `{"A":[1,2]}`, "l")
	if err != nil || named.kind != "active" || named.serial != math.MaxUint32 || named.seq != 7 || named.name.Host() != "a.test" || named.text != "x" ||
		len(named.doc.A) != 2 || named.label.V != "l" || named.float != 0.5 {
		t.Errorf("%+v, %v", named, err)
	}
	for what, run := range map[string]func() error{
		"NULL as number":    func() error { return c.One(t.Context(), []any{&n}, "SELECT NULL") },
		"NULL as text":      func() error { return c.One(t.Context(), []any{&s}, "SELECT NULL") },
		"NULL as named":     func() error { return c.One(t.Context(), []any{&named.kind}, "SELECT NULL") },
		"text as id":        func() error { return c.One(t.Context(), []any{ToID(&got)}, "SELECT 'x'") },
		"number as text":    func() error { return c.One(t.Context(), []any{ToText(&s)}, "SELECT 1") },
		"NULL as name":      func() error { return c.One(t.Context(), []any{ToName(&named.name)}, "SELECT NULL") },
		"NULL as document":  func() error { return c.One(t.Context(), []any{ToDoc(&named.doc)}, "SELECT NULL") },
		"text as number":    func() error { return c.One(t.Context(), []any{&n}, "SELECT 'x'") },
		"2 as flag":         func() error { return c.One(t.Context(), []any{&yes}, "SELECT 2") },
		"too large":         func() error { return c.One(t.Context(), []any{&named.serial}, "SELECT 4294967296") },
		"negative":          func() error { return c.One(t.Context(), []any{&named.seq}, "SELECT -1") },
		"too few places":    func() error { return c.One(t.Context(), []any{&n}, "SELECT 1, 2") },
		"too few values":    func() error { return c.One(t.Context(), []any{&n}, "SELECT ? + ?", 1) },
		"too many values":   func() error { return c.One(t.Context(), []any{&n}, "SELECT ?", 1, 2) },
		"no value of SQL's": func() error { return c.One(t.Context(), []any{&n}, "SELECT ?", struct{}{}) },
		"two statements":    func() error { return c.One(t.Context(), []any{&n}, "SELECT 1; SELECT 2") },
	} {
		if err := run(); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	if err := c.One(t.Context(), []any{&n}, "SELECT ?", 3); err != nil || n != 3 {
		t.Errorf("after mistakes: %d, %v", n, err)
	}
}

// Readers come and go at once, more than there is room for; who has gone away is broken off amid a statement, and his
// connection serves the next one.
func TestReaders(t *testing.T) {
	t.Parallel()
	path := emptyFile(t)
	first, err := openLine(path, writerPragmas, false)
	if err != nil {
		t.Fatal(err)
	}
	defer first.close()
	p := newLines(path, readerPragmas, false, 2)
	c := Conn{Dialect: &sqliteDialect, on: p}
	const forever = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
	var readers sync.WaitGroup
	for i := range 6 {
		readers.Go(func() {
			for n := range 20 {
				if n%4 == 0 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Millisecond)
					if err := c.Each(ctx, Discard, forever); !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("broken off: %v", err)
					}
					cancel()
				}
				var got int
				if err := c.One(t.Context(), []any{&got}, "SELECT ? + 1", n); err != nil || got != n+1 {
					t.Errorf("%d after %d: %v", got, n, err)
				}
			}
		})
	}
	readers.Wait()
	if len(p.free) == 0 || len(p.free) > 2 {
		t.Errorf("%d connections", len(p.free))
	}
	ctx, cancel := context.WithCancel(t.Context())
	s, err := p.snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := s.Each(t.Context(), Discard, "SELECT 1"); !errors.Is(err, context.Canceled) {
		t.Errorf("a snapshot whose reader is gone: %v", err)
	}
	s.Rollback()
	s.Rollback()
	if _, err := c.Exec(t.Context(), "CREATE TABLE t (a)"); err == nil {
		t.Error("a reader writes")
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
	if err := c.Each(t.Context(), Discard, "SELECT 1"); !errors.Is(err, errClosed) {
		t.Errorf("closed: %v", err)
	}
}
