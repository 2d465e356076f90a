package programs_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/test/node"
)

// TestMain runs the tests from the repository's root, beside which apicheck looks for the upstream's document.
func TestMain(m *testing.M) {
	if err := os.Chdir("../../.."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// server is a node behind a proxy that checks what passes, with a zone for the test.
type server struct {
	*node.Node
	URL  string // ends in /client/v4
	zone string
	id   string // of the zone
}

func open(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{Node: node.Must(t, append([]string{"--edge-addresses", "198.51.100.1"}, args...)...)}
	s.URL = s.Front(t, nil) + "/client/v4"
	s.zone = strings.ToLower(strings.TrimPrefix(t.Name(), "Test")) + "-test.com" // lexicon knows the suffixes that are public
	var z struct{ ID string }
	s.Call(t, http.MethodPost, "/zones", map[string]any{"name": s.zone}, &z)
	s.id = z.ID
	return s
}

// contents are the contents of the zone's records of a type, by their names.
func (s *server) contents(t *testing.T, kind string) map[string]string {
	t.Helper()
	var list []struct{ Name, Content string }
	s.Call(t, http.MethodGet, "/zones/"+s.id+"/dns_records?type="+kind, nil, &list)
	out := map[string]string{}
	for _, r := range list {
		out[r.Name] += r.Content
	}
	return out
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
