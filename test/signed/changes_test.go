package signed

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/test/peers"
)

// changes makes random changes of the zone through the API: those of a Workload, and beside them what moves the chain of denial
// most: DNAMEs that come, go and change, names deep below nothing, and names that go with all they have.
type changes struct {
	w    *world
	load *peers.Workload
	r    *rand.Rand
	ids  map[string]string              // of the workload's records
	own  map[string]map[string]struct{} // ids of what is beside it, by name
}

func newChanges(w *world) *changes {
	return &changes{
		w: w, load: peers.NewWorkload(w.seed, w.apex), r: rand.New(rand.NewPCG(w.seed, 5)), ids: map[string]string{}, own: map[string]map[string]struct{}{},
	}
}

func recordKey(r *peers.Record) string { return string(r.Name) + " " + r.Type.String() + " " + r.Data }

func body(name string, typ wire.Type, ttl uint32, content string) map[string]any {
	return map[string]any{"name": name, "type": typ.String(), "ttl": ttl, "content": content}
}

// next makes one change.
func (c *changes) next(t *testing.T) {
	t.Helper()
	if c.r.IntN(3) > 0 {
		for !c.step(t, c.load.Next()) {
			continue
		}
		return
	}
	c.beside(t)
}

// step makes a change of the workload, and says whether there was one to make: DNSKEY records of others are another matter
// (they belong to zones that several sign).
func (c *changes) step(t *testing.T, ch peers.Change) bool {
	t.Helper()
	path := c.w.path("/dns_records")
	switch {
	case ch.Old != nil && ch.Old.Type == wire.TypeDNSKEY || ch.New != nil && ch.New.Type == wire.TypeDNSKEY:
		return false
	case ch.Old == nil:
		c.ids[recordKey(ch.New)] = c.make(t, body(ch.New.Name.String(), ch.New.Type, ch.New.TTL, ch.New.Data))
	case ch.New == nil:
		c.w.Call(t, http.MethodDelete, path+"/"+c.ids[recordKey(ch.Old)], nil, nil)
		delete(c.ids, recordKey(ch.Old))
	default:
		id := c.ids[recordKey(ch.Old)]
		c.w.Call(t, http.MethodPut, path+"/"+id, body(ch.New.Name.String(), ch.New.Type, ch.New.TTL, ch.New.Data), nil)
		delete(c.ids, recordKey(ch.Old))
		c.ids[recordKey(ch.New)] = id
	}
	return true
}

func (c *changes) make(t *testing.T, body any) string {
	t.Helper()
	a, err := c.w.Do(t.Context(), http.MethodPost, c.w.path("/dns_records"), body)
	if err != nil {
		t.Fatal(err)
	}
	if a.Status != http.StatusOK {
		t.Fatalf("%v: %s", body, a.Body)
	}
	return madeID(t, a.Result)
}

// beside adds to a name of its own, or deletes one with all it has in one batch. Names hang together: what goes may have been
// an empty non-terminal's last leaf, or leave one behind.
func (c *changes) beside(t *testing.T) {
	t.Helper()
	names := slices.Sorted(maps.Keys(c.own))
	if len(names) > 6 && c.r.IntN(2) == 0 {
		name := names[c.r.IntN(len(names))]
		var gone []map[string]any
		for _, id := range slices.Sorted(maps.Keys(c.own[name])) {
			gone = append(gone, map[string]any{"id": id})
		}
		c.w.Call(t, http.MethodPost, c.w.path("/dns_records/batch"), map[string]any{"deletes": gone}, nil)
		delete(c.own, name)
		return
	}
	n := c.r.IntN(40)
	var name string
	var data []map[string]any
	switch c.r.IntN(5) {
	case 0:
		name = fmt.Sprintf("dname%d.random", n%4)
		data = append(data, body("", wire.TypeDNAME, 300, fmt.Sprintf("t%d.random.%s", n, c.w.apex)))
	case 1:
		name = fmt.Sprintf("cut%d.random", n%6)
		data = append(data, body("", wire.TypeNS, 300, "ns."+name+"."+c.w.apex.String()), body("", wire.TypeNS, 300, "ns.elsewhere.example."))
		if c.r.IntN(2) == 0 {
			data = append(data, body("", wire.TypeDS, 300, fmt.Sprintf("%d 13 2 %064x", n, n)))
		}
	case 2:
		name = fmt.Sprintf("leaf.of.a.branch%d.random", n%5)
		data = append(data, body("", wire.TypeTXT, 60, fmt.Sprintf(`"%d"`, n)), body("", wire.TypeA, 60, "192.0.2.1"))
	case 3:
		name = fmt.Sprintf("*.wild%d.random", n%5)
		data = append(data, body("", wire.TypeMX, 60, "10 mail.example.net."))
	default:
		name = fmt.Sprintf("t%d.random", n)
		data = append(data, body("", wire.TypeAAAA, 60, fmt.Sprintf("2001:db8::%x", n)))
	}
	if c.own[name] != nil {
		return
	}
	for _, b := range data {
		b["name"] = name + "." + c.w.apex.Host()
	}
	var made struct{ Posts []struct{ ID string } }
	c.w.Call(t, http.MethodPost, c.w.path("/dns_records/batch"), map[string]any{"posts": data}, &made)
	c.own[name] = map[string]struct{}{}
	for _, m := range made.Posts {
		c.own[name][m.ID] = struct{}{}
	}
}

// kinds are names that give every kind of answer, whatever the random changes do.
func (c *changes) kinds(t *testing.T) (questions []question) {
	t.Helper()
	at := "kinds." + c.w.apex.Host()
	for _, r := range []string{
		"host A 192.0.2.1", "alias CNAME host." + at + ".", "chain CNAME alias." + at + ".", "*.wild A 192.0.2.2", "leaf.ent A 192.0.2.3", "dname DNAME tree." + at + ".",
		"x.tree A 192.0.2.4", "sub NS ns.sub." + at + ".", "sub DS 4711 13 2 " + strings.Repeat("ab", 32), "ns.sub A 192.0.2.5", "plain NS ns.elsewhere.example.",
		"*.aliases CNAME host." + at + ".",
	} {
		f := strings.SplitN(r, " ", 3)
		typ, err := wire.ParseType(f[1])
		if err != nil {
			t.Fatal(err)
		}
		c.make(t, body(f[0]+"."+at, typ, 300, f[2]))
	}
	apex := c.w.apex.String()
	for _, q := range []question{
		{"", "SOA"},
		{"", "NS"},
		{"", "DNSKEY"},
		{"", "CDS"},
		{"", "CDNSKEY"},
		{"", "TYPE1234"},
		{"host", "A"},
		{"host", "TXT"},
		{"alias", "A"},
		{"chain", "A"},
		{"chain", "TXT"},
		{"no", "A"},
		{"deep.down.no", "A"},
		{"any.wild", "A"},
		{"very.any.wild", "A"},
		{"any.wild", "TXT"},
		{"ent", "A"},
		{"x.dname", "A"},
		{"no.dname", "A"},
		{"dname", "DNAME"},
		{"sub", "DS"},
		{"plain", "DS"},
		{"any.aliases", "A"},
		{"any.aliases", "TXT"},
	} {
		name := apex
		if q.name != "" {
			name = q.name + "." + at + "."
		}
		questions = append(questions, question{name, q.typ})
	}
	return questions
}

type question struct{ name, typ string }
