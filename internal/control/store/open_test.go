package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
)

func TestOpenAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		must(t, w.PutMeta(t.Context(), "mark", []byte{0, 1, 255}))
		must(t, w.PutMeta(t.Context(), "mark", []byte{0, 2, 255}))
		again := w.reopen(t)
		got, err := again.Meta(t.Context(), "mark")
		must(t, err)
		equal(t, "meta", got, []byte{0, 2, 255})
		if _, err := again.Meta(t.Context(), "other"); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("a name that is not there: %v", err)
		}
		must(t, again.Ping(t.Context()))
	})
}

func TestWrongKey(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		must(t, w.Close())
		_, err := store.Open(t.Context(), store.Config{URL: w.url, SecretKey: [32]byte{9}})
		if !errors.Is(err, store.ErrSecretKey) {
			t.Fatalf("opened with another key: %v", err)
		}
	})
}

func TestBadAddress(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "mysql://user:swordfish@host/db", "sqlite:", "postgres://user:swordfish@host:notaport/db", "swordfish"} {
		_, err := store.Open(t.Context(), store.Config{URL: url})
		if err == nil || strings.Contains(err.Error(), "user:swordfish") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	_, err := store.Open(t.Context(), store.Config{URL: "postgres://nobody@127.0.0.1:1/none?sslmode=disable"})
	if !errors.Is(err, model.ErrUnavailable) {
		t.Errorf("no server: %v", err)
	}
}

func TestFileMode(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a b", "100%?.db")
	w := &world{url: "sqlite:" + path}
	w.Store = w.open(t)
	key := addTSIG(t, w, "swordfish")
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	must(t, err)
	if len(files) < 2 {
		t.Fatalf("files: %v", files)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		must(t, err)
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", f, info.Mode())
		}
		b, err := os.ReadFile(f)
		must(t, err)
		if bytes.Contains(b, []byte("swordfish")) {
			t.Errorf("%s holds a secret in the clear", f)
		}
	}
	got, err := w.TSIG(t.Context(), key.Account, key.ID)
	must(t, err)
	equal(t, "TSIG", got, key)
}
