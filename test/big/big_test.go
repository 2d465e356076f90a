package big

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// mostOver is how much memory over the idle server a list may take, whatever its length.
const mostOver = 200 << 20

var apex = wire.MustName("big.example")

// TestBigZone takes HEADWATER_BIG records.
func TestBigZone(t *testing.T) {
	size, err := strconv.Atoi(os.Getenv("HEADWATER_BIG"))
	if err != nil {
		t.Skip("HEADWATER_BIG is no number")
	}
	n := node.Must(t)
	var zone struct{ ID string }
	n.Call(t, http.MethodPost, "/zones", map[string]any{"name": apex.Host()}, &zone)
	records := n.HTTP + "/client/v4/zones/" + zone.ID + "/dns_records"
	before := serial(t, n)
	start := time.Now()
	if added := upload(t, records+"/import", size); added != size {
		t.Fatalf("%d records added", added)
	}
	t.Logf("imported %d records in %v; the process came to %d MiB", size, time.Since(start), memory(t, n, "VmHWM")>>20)
	if now := serial(t, n); now != before+1 {
		t.Errorf("the import took the serial from %d to %d", before, now)
	}

	// What the import left behind would hide what the list takes, so the process starts anew.
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := n.Run(); err != nil {
		t.Fatal(err)
	}
	if now := serial(t, n); now != before+1 {
		t.Errorf("the serial is %d after a restart", now)
	}
	for _, query := range []string{"", "&order=content&direction=desc"} {
		idle := settled(t, n)
		start = time.Now()
		if listed := count(t, records+"?per_page=5000000"+query); listed != size {
			t.Errorf("the list has %d records", listed)
		}
		over := memory(t, n, "VmHWM") - idle
		t.Logf("listed them (%q) in %v with %d MiB over the %d MiB of the idle process", query, time.Since(start), over>>20, idle>>20)
		if over > mostOver {
			t.Errorf("the list took %d MiB", over>>20)
		}
	}
}

func serial(t *testing.T, n *node.Node) uint32 {
	t.Helper()
	s, err := peers.Serial(t.Context(), n.DNS, apex)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// send makes a request with the administrator's token. Nothing checks the answer against the documents: that would hold
// the whole of it.
func send(t *testing.T, method, url, kind string, body io.Reader) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+node.Token)
	r.Header.Set("Content-Type", kind)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// upload imports a zone file of so many records, written while it is sent, and tells how many were added.
func upload(t *testing.T, url string, size int) int {
	t.Helper()
	out, in := io.Pipe()
	form := multipart.NewWriter(in)
	go func() {
		in.CloseWithError(write(form, size))
	}()
	res := send(t, http.MethodPost, url, form.FormDataContentType(), out)
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var a struct {
		Result struct {
			Added int `json:"recs_added"`
		}
	}
	if err := json.Unmarshal(b, &a); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%v: %d %.500s", err, res.StatusCode, b)
	}
	return a.Result.Added
}

func write(form *multipart.Writer, size int) error {
	part, err := form.CreateFormFile("file", "zone")
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(part, 1<<16)
	for i := range size {
		_, err := fmt.Fprintf(w, "host%07d\t300\tIN\tA\t10.%d.%d.%d ; number %d cf_tags=n:%d\n", i, i>>16, i>>8&255, i&255, i, i%10)
		if err != nil {
			return err
		}
	}
	return errors.Join(w.Flush(), form.Close())
}

// count reads a list of records without holding it.
func count(t *testing.T, url string) (n int) {
	t.Helper()
	res := send(t, http.MethodGet, url, "", nil)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("status %d", res.StatusCode)
	}
	mark := []byte(`{"id":"`)
	buf, kept := make([]byte, 1<<20), 0
	for {
		got, err := res.Body.Read(buf[kept:])
		text := buf[:kept+got]
		n += bytes.Count(text, mark)
		kept = copy(buf, text[max(0, len(text)-len(mark)+1):])
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// memory is a size in octets out of the process's status (proc(5)).
func memory(t *testing.T, n *node.Node, name string) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.Pid()))
	if err != nil {
		t.Skip("there is no /proc to read the process's memory from")
	}
	_, rest, _ := strings.Cut(string(b), name+":")
	f := strings.Fields(rest)
	if len(f) == 0 {
		t.Fatalf("no %s in %s", name, b)
	}
	kib, err := strconv.ParseInt(f[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// settled is what the idle process takes; the record of its most is set back to that.
func settled(t *testing.T, n *node.Node) int64 {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", n.Pid()), []byte("5"), 0o600); err != nil {
		t.Fatal(err)
	}
	return memory(t, n, "VmRSS")
}
