package rules_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// own is the address that tests transfer from.
const own = "127.1.1.1"

// world is a node with four secondaries that are linked to every zone.
type world struct {
	*node.Node
	listen map[peers.Program]netip.AddrPort
	linked []string
	zones  []made
	start  time.Time
}

// made is a zone that we have made of a candidate.
type made struct {
	candidate
	name, id, way string
	accepted      int
	critical      []string // what the review called so, and was taken out again
}

func (z *made) String() string { return fmt.Sprintf("%s (%s by %s)", z.name, z.title, z.way) }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Node: node.Must(t, "--notify-interval", "10ms"), listen: map[peers.Program]netip.AddrPort{}, start: time.Now()}
	account := "/accounts/" + w.Account + "/secondary_dns/"
	w.Call(t, "POST", account+"acls", map[string]any{"name": "tests", "ip_range": own + "/32"}, nil)
	for _, prog := range peers.Programs() {
		addr, err := peers.Free(prog)
		if err != nil {
			t.Fatal(err)
		}
		var p struct{ ID string }
		body := map[string]any{"name": string(prog), "ip": addr.Addr().String(), "port": addr.Port()}
		w.Call(t, "POST", account+"peers", body, &p)
		w.Call(t, "PUT", account+"peers/"+p.ID, body, nil)
		w.listen[prog] = addr
		w.linked = append(w.linked, p.ID)
	}
	return w
}

// make asks for a candidate's records in one of the three ways and takes out what the review calls critical.
func (w *world) make(t *testing.T, c candidate, way string) {
	t.Helper()
	z := made{candidate: c, way: way, name: fmt.Sprintf("z%d.test", len(w.zones))}
	var body struct{ ID string }
	w.Call(t, "POST", "/zones", map[string]any{"name": z.name, "account": map[string]any{"id": w.Account}}, &body)
	z.id = body.ID
	w.Call(t, "PATCH", "/zones/"+z.id+"/dns_settings", map[string]any{"multi_provider": true}, nil)
	for _, g := range c.groups {
		w.ask(t, &z, g)
	}
	if z.accepted == 0 {
		w.Call(t, "DELETE", "/zones/"+z.id, nil, nil)
		z.name = "none.test"
		w.zones = append(w.zones, z)
		return
	}
	w.review(t, &z)
	out := "/zones/" + z.id + "/secondary_dns/outgoing"
	w.Call(t, "POST", out, map[string]any{"peers": w.linked}, nil)
	w.Call(t, "POST", out+"/enable", map[string]any{}, nil)
	w.zones = append(w.zones, z)
}

// ask asks for a group of records; a refusal must be one.
func (w *world) ask(t *testing.T, z *made, group []record) {
	t.Helper()
	path := "/zones/" + z.id + "/dns_records"
	switch z.way {
	case "post":
		for _, r := range group {
			if w.accepts(t, "POST", path, post(r, z.name)) {
				z.accepted++
			}
		}
	case "batch":
		var posts []map[string]any
		for _, r := range group {
			posts = append(posts, post(r, z.name))
		}
		if w.accepts(t, "POST", path+"/batch", map[string]any{"posts": posts}) {
			z.accepted += len(group)
		}
	case "import":
		z.accepted += w.imports(t, path, group)
	}
}

func post(r record, zone string) map[string]any {
	name := r.name + "." + zone
	if r.name == "@" {
		name = zone
	}
	body := map[string]any{"name": name, "type": r.typ, "content": r.content}
	if p, rest, ok := strings.Cut(r.content, " "); ok && (r.typ == "MX" || r.typ == "SRV" || r.typ == "URI") && !strings.HasPrefix(p, `\`) {
		body["content"], body["priority"] = rest, json.Number(p)
	}
	return body
}

func (w *world) accepts(t *testing.T, method, path string, body any) bool {
	t.Helper()
	a, err := w.Do(t.Context(), method, path, body)
	if err != nil || a.Status != 200 && a.Status != 400 {
		t.Fatalf("%s %s %v: %v %s", method, path, body, err, a.Body)
	}
	return a.Success
}

// imports sends a group as a zone file, from which what is refused is left out.
func (w *world) imports(t *testing.T, path string, group []record) int {
	t.Helper()
	var form bytes.Buffer
	mw := multipart.NewWriter(&form)
	part, err := mw.CreateFormFile("file", "zone")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range group {
		fmt.Fprintf(part, "%s 300 IN %s %s\n", r.name, r.typ, r.content)
	}
	if err := mw.Close(); err != nil {
		t.Fatal(err)
	}
	a, err := w.Do(t.Context(), "POST", path+"/import?skip_invalid=true", form.Bytes(), [2]string{"Content-Type", mw.FormDataContentType()})
	if err != nil || a.Status != 200 && a.Status != 400 {
		t.Fatalf("import: %v %s", err, a.Body)
	}
	var out struct {
		Added int `json:"recs_added"`
	}
	if a.Success {
		if err := json.Unmarshal(a.Result, &out); err != nil {
			t.Fatal(err)
		}
	}
	return out.Added
}

// review deletes the records of names with critical findings, until there are none.
func (w *world) review(t *testing.T, z *made) {
	t.Helper()
	path := "/zones/" + z.id + "/dns_records"
	for range 4 {
		var review struct {
			Findings []struct{ Reason, Severity, Message, Name, Type string }
		}
		w.Call(t, "GET", "/headwater/v1/zones/"+z.id+"/transfer_review", nil, &review)
		critical := 0
		for _, f := range review.Findings {
			if f.Severity != "critical" {
				continue
			}
			critical++
			z.critical = append(z.critical, f.Name+" "+f.Type+" "+f.Message)
			var list []struct {
				ID string `json:"id"`
			}
			w.Call(t, "GET", path+"?name="+f.Name, nil, &list)
			w.Call(t, "POST", path+"/batch", map[string]any{"deletes": list}, nil)
		}
		if critical == 0 {
			return
		}
	}
	t.Fatalf("%s is critical without the records that are: %q", z, z.critical)
}

func (w *world) transfer(t *testing.T, zone string) *xfr.Result {
	t.Helper()
	r, err := xfr.Fetch(t.Context(), xfr.Source{Server: w.DNS, Zone: wire.MustName(zone), Local: netip.MustParseAddr(own)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// file writes what is transferred as a zone file.
func file(t *testing.T, records []byte) string {
	t.Helper()
	var lines []string
	for len(records) > 0 {
		r, rest, err := wire.NextRR(records)
		if err != nil {
			t.Fatal(err)
		}
		records = rest
		// Not all checkers know all mnemonics, and all know this form.
		line := fmt.Sprintf("%s %d IN TYPE%d %s", wire.Name(r.Owner), r.TTL, r.Type, octets(r.RData))
		lines = append(lines, line+" ; "+r.Type.String()+" "+rr.FormatData(r.Type, r.RData))
	}
	soa := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, " IN TYPE6 ") })
	lines[0], lines[soa] = lines[soa], lines[0]
	return strings.Join(lines, "\n") + "\n"
}
