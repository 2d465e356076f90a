package compat_test

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/headwaterdns/headwater/test/node"
)

// TestMain runs the tests from the repository's root, beside which apicheck looks for the upstream's document.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// server is a node behind a proxy that checks and counts what passes.
type server struct {
	*node.Node
	URL string // ends in /client/v4

	mu   sync.Mutex
	seen []string // method and path with query, in order
}

func open(t *testing.T, flags ...string) *server {
	t.Helper()
	s := &server{Node: node.Must(t, append([]string{"--edge-addresses", "198.51.100.1"}, flags...)...)} // proxied records need one
	s.URL = s.Front(t, func(r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen = append(s.seen, r.Method+" "+strings.TrimPrefix(r.URL.RequestURI(), "/client/v4"))
	}) + "/client/v4"
	return s
}

// requests are those since the last call that begin with prefix.
func (s *server) requests(prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.DeleteFunc(s.seen, func(line string) bool { return !strings.HasPrefix(line, prefix) })
	s.seen = nil
	return out
}

func zoneName(t *testing.T) string {
	return strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(strings.TrimPrefix(t.Name(), "Test"))) + ".example"
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}
