package crash

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// TestKilledAmidAnImport kills the process at moments all over a large import. After the start the zone is as it was, or has
// all of the file, in the API as in the DNS; and it takes the file again.
func TestKilledAmidAnImport(t *testing.T) {
	t.Parallel()
	const lines = 12_000
	n := node.Must(t)
	var zone struct{ ID string }
	n.Call(t, http.MethodPost, "/zones", map[string]any{"name": apex.Host()}, &zone)
	n.Call(t, http.MethodPost, "/zones/"+zone.ID+"/dns_records", map[string]any{"name": "old", "type": "A", "content": "192.0.2.1"}, nil)
	kind, body := zoneFile(t, lines, 1)
	upload := func() (done bool) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.HTTP+"/client/v4/zones/"+zone.ID+"/dns_records/import", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+node.Token)
		r.Header.Set("Content-Type", kind)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return false
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return res.StatusCode == http.StatusOK
	}
	serial := func() uint32 {
		s, err := peers.Serial(t.Context(), n.DNS, apex)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := serial()
	for wait := 50 * time.Millisecond; ; wait = wait * 3 / 2 {
		done := make(chan bool, 1)
		go func() {
			defer close(done) // an upload may also fail at once: its connection was one to the process before
			done <- upload()
		}()
		acknowledged := false
		select {
		case acknowledged = <-done:
		case <-time.After(wait):
		}
		n.Kill()
		acknowledged = acknowledged || <-done
		if err := n.Run(); err != nil {
			t.Fatal(err)
		}
		var usage struct {
			Records int `json:"record_usage"`
		}
		n.Call(t, http.MethodGet, "/zones/"+zone.ID+"/dns_records/usage", nil, &usage)
		whole := usage.Records == lines+1
		if !whole && usage.Records != 1 || acknowledged && !whole {
			t.Fatalf("killed after %v: %d records, acknowledged %v", wait, usage.Records, acknowledged)
		}
		if now := serial(); whole != (now != before) {
			t.Errorf("killed after %v: %d records and the serial went from %d to %d", wait, usage.Records, before, now)
		}
		if whole {
			break
		}
	}
}

// zoneFile is an upload of so many records, some at each name.
func zoneFile(t *testing.T, lines, each int) (contentType string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile("file", "zone")
	if err != nil {
		t.Fatal(err)
	}
	for i := range lines {
		_, _ = fmt.Fprintf(part, "h%d 300 IN TXT \"%d\" ; cf_tags=n:%d\n", i/each, i, i%7)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	return form.FormDataContentType(), b.Bytes()
}
