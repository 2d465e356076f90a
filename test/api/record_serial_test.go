package api_test

import (
	"fmt"
	"strings"
	"testing"
)

// A file whose serial is ahead says so in the answer, with the remedy, which then works.
func TestImportOfALaterSerial(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	zone, _ := s.zone("example.com")
	type ahead struct {
		File, Zone uint32
		AtLeast    uint32 `json:"at_least"`
		Path       string
	}
	load := func(serial uint32, address string) (*ahead, *reply) {
		r := s.importFile(zone+"/dns_records/import", "file", fmt.Sprintf("@ 3600 IN SOA ns. host. ( %d\n 1 2 3 4 )\nwww A %s\n", serial, address))
		var v struct {
			Ahead *ahead `json:"serial_ahead"`
		}
		decode(t, r.Result, &v)
		return v.Ahead, r
	}
	if got, _ := load(5, "192.0.2.1"); got != nil {
		t.Errorf("an old serial is ahead: %+v", got)
	}
	got, r := load(2026112801, "192.0.2.2")
	if got == nil || got.File != 2026112801 || got.AtLeast != got.File+1 || got.Zone == 0 {
		t.Fatalf("%+v", got)
	}
	if !strings.Contains(r.Raw, "2026112801 is ahead") {
		t.Errorf("no message: %s", r.Raw)
	}
	s.must("POST", got.Path, map[string]any{"at_least": got.AtLeast})
	if again, _ := load(2026112801, "192.0.2.3"); again != nil {
		t.Errorf("after the remedy: %+v", again)
	}
}
