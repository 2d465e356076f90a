package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
)

func manyLines(from, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "h%d 300 IN A 192.0.2.%d\n", from+i, i%256)
	}
	return b.String()
}

// Imports are bounded in memory: one that is too large for good is told so, one that others are in the way of may come again.
func TestImportMemory(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *apiConfig) { c.Limits.Memory = 4 << 20 })
	z, zid := s.zone("example.com")
	first := s.serial(zid)
	for _, file := range []string{manyLines(0, 30_000), "$GENERATE 1-60000 h$ A 192.0.2.1\n", "$GENERATE 1-60000 h$ TXT \"" + strings.Repeat("x", 250) + "\"\n"} {
		if r := s.importFile(z+"/dns_records/import", "file", file); r.Status != 413 || r.code() != model.CodeImport || !strings.Contains(r.Raw, "3 MiB") {
			t.Errorf("%.30s: %d %s", file, r.Status, r.Raw)
		}
	}
	// What a refused import held is there again.
	if r := s.importFile(z+"/dns_records/import", "file", manyLines(0, 4000)); r.Status != 200 {
		t.Errorf("afterwards: %d %s", r.Status, r.Raw)
	}
	if s.records(z) != 4000 || s.serial(zid) == first {
		t.Errorf("%d records", s.records(z))
	}
}

func (s *server) records(z string) int {
	s.t.Helper()
	return s.must("GET", z+"/dns_records?per_page=5", nil).Info.TotalCount
}

// A large import over HTTP tells the same as a small one: what was added, what was there, and in strict mode the first line
// that is wrong. A record of the zone that comes meanwhile waits, or is told to come again.
func TestLargeImport(t *testing.T) {
	t.Parallel()
	onBoth(t, largeImport)
}

func largeImport(t *testing.T, s *server) {
	t.Helper()
	z, zid := s.zone("example.com")
	s.record(z, `{"name":"h7","type":"A","content":"192.0.2.7"}`)
	s.record(z, `{"name":"alias","type":"CNAME","content":"t.example.net"}`)
	first := s.serial(zid)
	file := manyLines(0, 6000) + "alias A 192.0.2.1\nh1 A 192.0.2.1\nlast TXT done ; note cf_tags=a:b\n"
	r := s.importFile(z+"/dns_records/import", "file", file)
	if r.Status != 400 || r.code() != model.CodeAddressConflict || !strings.HasPrefix(r.Errors[0].Message, "Line 6001: ") || s.records(z) != 2 {
		t.Fatalf("strict: %d %.300s", r.Status, r.Raw)
	}
	r = s.importFile(z+"/dns_records/import?skip_invalid=true", "file", file)
	if added, parsed := r.imported(t); r.Status != 200 || added != 6000 || parsed != 6003 || len(r.Messages) != 3 {
		t.Fatalf("lenient: %d %.600s", r.Status, r.Raw)
	}
	if got := s.serial(zid); got != first+1 || s.records(z) != 6002 {
		t.Errorf("serial %d after %d, %d records", got, first, s.records(z))
	}
	if n := s.must("GET", z+"/dns_records?tag.present=a", nil).Info.TotalCount; n != 1 {
		t.Errorf("%d records with the tag", n)
	}
	// While another one is on its way there is an answer at once, and the client may come again.
	staging, err := s.store.Stage(t.Context(), model.ID(zid))
	if err != nil {
		t.Fatal(err)
	}
	busy := s.importFile(z+"/dns_records/import?skip_invalid=true", "file", file)
	if busy.Status != 503 || busy.code() != model.CodeImporting || busy.Header.Get("Retry-After") == "" {
		t.Errorf("beside another import: %d %.300s", busy.Status, busy.Raw)
	}
	if err := staging.Abandon(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := s.importFile(z+"/dns_records/import?skip_invalid=true", "file", file)
	if added, _ := again.imported(t); added != 0 || s.serial(zid) != first+1 {
		t.Errorf("again: %.300s", again.Raw)
	}
	s.record(z, `{"name":"after","type":"A","content":"192.0.2.7"}`)
}
