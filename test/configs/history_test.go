package configs

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/test/node"
)

// TestHistoryDocument does what docs/history.md says.
func TestHistoryDocument(t *testing.T) {
	t.Parallel()
	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	n, doc, dir := node.Must(t), text(t, "docs/history.md"), t.TempDir()
	for _, err := range []error{os.Mkdir(filepath.Join(dir, "bin"), 0o755), os.Symlink(bin, filepath.Join(dir, "bin", "headwater"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var zone struct{ ID string }
	n.Call(t, http.MethodPost, "/zones", map[string]any{"name": "example.com"}, &zone)
	n.Call(t, http.MethodPost, "/zones/"+zone.ID+"/dns_records", map[string]any{"type": "A", "name": "www", "content": "192.0.2.10"}, nil)
	var list []struct {
		ID string `json:"id"`
		To uint32 `json:"to_serial"`
	}
	n.Call(t, http.MethodGet, "/headwater/v1/zones/"+zone.ID+"/history", nil, &list)
	env := []string{
		"HEADWATER_TOKEN=" + node.Token, "HEADWATER_SERVER=" + n.HTTP, "API=" + n.HTTP + "/client/v4", "ZONE=" + zone.ID,
		fmt.Sprint("THEN=", list[0].To), "PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH"),
	}
	does := func(lead string, says ...string) {
		t.Helper()
		out := shell(t, dir, block(t, doc, lead), env...)
		for _, s := range says {
			if !strings.Contains(out, s) {
				t.Errorf("%s\nsays\n%s\nand not %q", lead, out, s)
			}
		}
	}
	does("A header `Headwater-Note` goes with any call that writes:", `"success":true`)
	does("Newest first:", "new machine, ticket 4711", "records +1 A www.example.com 192.0.2.20", "create")
	does("the second is now if it is left out:", "+www.example.com. 300 IN A 192.0.2.20", "+++ example.com serial")
	does("The whole zone as it was, as a file:")
	then, err := os.ReadFile(filepath.Join(dir, "then.zone"))
	if err != nil || !strings.Contains(string(then), "192.0.2.10") || strings.Contains(string(then), "192.0.2.20") {
		t.Errorf("the file of then: %v\n%s", err, then)
	}
	does("First what it would do:", "-www.example.com", "Nothing was changed; it would be 1 records")
	does("and then:", "-www.example.com", "serial")
	has := func(owner string) string {
		t.Helper()
		var records []struct{ Content string }
		n.Call(t, http.MethodGet, "/zones/"+zone.ID+"/dns_records?name="+owner, nil, &records)
		return fmt.Sprint(records)
	}
	if got := has("www.example.com"); got != "[{192.0.2.10}]" {
		t.Errorf("reverted: %s", got)
	}
	n.Call(t, http.MethodGet, "/headwater/v1/zones/"+zone.ID+"/history", nil, &list)
	env = append(env, "CHANGE="+list[0].ID)
	does("## Taking back one change alone", "+www.example.com")
	if got := has("www.example.com"); got != "[{192.0.2.10} {192.0.2.20}]" && got != "[{192.0.2.20} {192.0.2.10}]" {
		t.Errorf("the revert undone: %s", got)
	}
	n.Call(t, http.MethodDelete, "/zones/"+zone.ID, nil, nil)
	does("A deleted zone can come back for 14 days:", zone.ID, "example.com is back, with 2 records")
	if got := has("www.example.com"); !strings.Contains(got, "192.0.2.10") {
		t.Errorf("undeleted: %s", got)
	}
}
