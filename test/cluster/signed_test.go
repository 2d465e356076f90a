package cluster

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// signing is what the API tells of a zone's keys.
type signing struct {
	Keys []struct {
		ID, Role, State string
		Waits           []struct {
			For   string
			Until *time.Time
		}
	}
}

// looked says whether somebody has looked after the keys since the last thing that they waited for has come: what is left takes time.
func (s signing) looked() bool {
	for _, k := range s.Keys {
		for _, w := range k.Waits {
			if w.For == "secondaries" || w.For == "signatures" || w.Until != nil && w.Until.Before(time.Now()) {
				return false
			}
		}
	}
	return true
}

func (s signing) count(role string) (n int) {
	for _, k := range s.Keys {
		if k.Role == role {
			n++
		}
	}
	return n
}

func signingOf(t *testing.T, n *node.Node, zone string) (s signing) {
	t.Helper()
	n.Call(t, http.MethodGet, "/headwater/v1/zones/"+zone+"/dnssec", nil, &s)
	return s
}

// aged starts all nodes again a year later, as far as keys are concerned: whatever they waited for has passed.
func (c *cluster) aged(t *testing.T) {
	t.Helper()
	for _, n := range c.nodes {
		n.Kill()
	}
	year := time.Now().UTC().Year()
	c.exec(t, fmt.Sprintf(`UPDATE dnssec_keys SET doc = replace(doc, '"%d-', '"%d-')`, year, year-1))
	for _, n := range c.nodes {
		if err := n.Run(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKeepersNodeDies signs a zone on three nodes and rolls its ZSK, while one node after the other dies at any moment, among them the
// one that looks after the zone's keys. All nodes publish the same octets under a serial, two who ask for the roll at once begin one,
// and it ends; Knot validates each version that it is told of, and BIND verifies what the nodes have after every death.
//
// It ends when the roll has begun; with HEADWATER_SIGNED set, when the old key has gone, and then it is the KSK's turn.
func TestKeepersNodeDies(t *testing.T) {
	t.Parallel()
	keepersNodeDies(t, "zsk", "ksk")
	if long {
		keepersNodeDies(t, "ksk", "zsk")
	}
}

// long has rolls come to their end.
var long = os.Getenv("HEADWATER_SIGNED") != ""

func keepersNodeDies(t *testing.T, role, other string) {
	t.Helper()
	c := start(t, 3, "--probe-interval", "300ms")
	knotAt := free(t, peers.Knot)
	c.allowLoopback(t)
	zone := c.zone(t, apex.Host(), []string{c.peer(t, "knot", knotAt, "")})
	for i := range 30 {
		add(t, c.nodes[0], zone, fmt.Sprintf("n%d.e%d", i, i%7), "before")
	}
	c.nodes[1].Call(t, http.MethodPatch, "/zones/"+zone+"/dnssec", map[string]any{"status": "active"}, nil)
	c.alike(t, apex)
	knot := peers.Run(t, peers.Config{Program: peers.Knot, Listen: knotAt, Primary: c.nodes[0].DNS, Zones: []wire.Name{apex}, Validate: true})
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	made := map[string]bool{}
	for round := 0; ; round++ {
		s := signingOf(t, c.nodes[round%3], zone)
		for _, k := range s.Keys {
			if k.Role == role {
				made[k.ID] = true
			}
		}
		if len(made) == 2 && (s.count(role) == 1 || !long) {
			break // rolled, or about to
		}
		if round == 20 || s.count(other) != 1 || len(made) > 2 {
			t.Fatalf("round %d: the zone has the keys %+v, and had %d of the role %s", round, s, len(made), role)
		}
		c.alike(t, apex, knot)
		c.looked(t, zone)
		c.parent(t, c.nodes[round%3], zone)
		c.aged(t)
		if len(made) == 1 {
			c.looked(t, zone)
			c.killed(t, r, zone, round, role)
		} else {
			c.killed(t, r, zone, round, "")
		}
		c.alike(t, apex, knot)
		verified(t, c.nodes[round%3])
	}
	for line := range strings.Lines(knot.Log()) {
		if strings.Contains(line, "DNSSEC") && !strings.Contains(line, "successful") || strings.Contains(line, "AXFR, incoming") && strings.Contains(line, "failed") {
			t.Errorf("Knot: %s", line)
		}
	}
}

func (c *cluster) looked(t *testing.T, zone string) {
	t.Helper()
	eventually(t, "nobody looks after the zone's keys", func() bool { return signingOf(t, c.nodes[0], zone).looked() })
}

// parent does what keys wait for at the parent, and says so.
func (c *cluster) parent(t *testing.T, n *node.Node, zone string) {
	t.Helper()
	for _, k := range signingOf(t, n, zone).Keys {
		for _, w := range k.Waits {
			if w.For == "parent" {
				n.Call(t, http.MethodPost, "/headwater/v1/zones/"+zone+"/dnssec/ds_seen", map[string]any{"key_id": k.ID, "seen": k.State != "leaving"}, nil)
			}
		}
	}
}

// killed has a node die at any moment while the zone changes and while two ask for a roll, if there is to be one.
func (c *cluster) killed(t *testing.T, r *rand.Rand, zone string, round int, role string) {
	t.Helper()
	victim, other := c.nodes[(round+1)%3], c.nodes[round%3]
	var all sync.WaitGroup
	after := time.Duration(r.IntN(300)) * time.Millisecond
	all.Go(func() {
		time.Sleep(after)
		victim.Kill()
	})
	for _, n := range []*node.Node{victim, other} {
		if role != "" {
			all.Go(func() { // whether it comes to an answer is open
				_, _ = n.Do(t.Context(), http.MethodPost, "/headwater/v1/zones/"+zone+"/dnssec/roll", map[string]any{"role": role})
			})
		}
	}
	for i := range 8 {
		add(t, other, zone, fmt.Sprintf("r%d.e%d", round, i), fmt.Sprint(i))
	}
	all.Wait()
	if err := victim.Run(); err != nil {
		t.Fatal(err)
	}
}

// verified has BIND verify what a node hands out.
func verified(t *testing.T, n *node.Node) {
	t.Helper()
	text, err := exec.CommandContext(t.Context(), "dig", "@"+n.DNS.Addr().String(), "-p", fmt.Sprint(n.DNS.Port()), "AXFR", apex.String(), "+onesoa").Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "dnssec-verify", "-o", apex.String(), file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%.3000s", err, out, text)
	}
}

// TestSignersNodeDies has three nodes sign a zone for the first time that is too large for a change. Each of them tells how far it is,
// whichever is at it, and that one dies: what is served goes from unsigned to signed at once, and there is one set of keys.
func TestSignersNodeDies(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	c.allowLoopback(t)
	zone := c.zone(t, apex.Host(), nil)
	var file strings.Builder
	names, deaths := 4_000, 1
	if long {
		names, deaths = 40_000, 3
	}
	for i := range names {
		fmt.Fprintf(&file, "h%d 300 IN A 192.0.2.%d\n", i, i%250)
	}
	fill(t, c.nodes[0], zone, file.String())
	c.alike(t, apex)
	c.nodes[0].Call(t, http.MethodPatch, "/zones/"+zone+"/dnssec", map[string]any{"status": "active"}, nil)
	told := [3]bool{}
	eventually(t, "not every node tells how far the zone is signed", func() bool {
		for i, n := range c.nodes {
			var s struct {
				Signed   bool
				Progress *struct{ Done, Total int }
			}
			n.Call(t, http.MethodGet, "/headwater/v1/zones/"+zone+"/dnssec", nil, &s)
			told[i] = told[i] || s.Progress != nil && s.Progress.Done > 0 || s.Signed
		}
		return told == [3]bool{true, true, true}
	})
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 2))
	for round := range deaths {
		victim := c.nodes[round]
		time.Sleep(time.Duration(r.IntN(200)) * time.Millisecond)
		victim.Kill()
		halfSigned(t, c.nodes[(round+1)%3])
		if err := victim.Run(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the zone is not signed", func() bool { return halfSigned(t, c.nodes[0]) })
	c.alike(t, apex)
	verified(t, c.nodes[1])
	if s := signingOf(t, c.nodes[2], zone); s.count("ksk") != 1 || s.count("zsk") != 1 {
		t.Errorf("the zone has the keys %+v", s)
	}
}

// halfSigned says whether what a node serves is signed, which it is as a whole or not at all.
func halfSigned(t *testing.T, n *node.Node) bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "dig", "@"+n.DNS.Addr().String(), "-p", fmt.Sprint(n.DNS.Port()), "AXFR", apex.String(), "+onesoa").Output()
	if err != nil {
		t.Fatal(err)
	}
	text := string(out)
	if signed := strings.Contains(text, "RRSIG"); !signed {
		if strings.Contains(text, "NSEC") {
			t.Fatal("the zone is half signed")
		}
		return false
	}
	verified(t, n)
	return true
}

// fill imports a file into a zone.
func fill(t *testing.T, n *node.Node, zone, file string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "zone")
	if err == nil {
		_, err = part.Write([]byte(file))
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	a, err := n.Do(t.Context(), http.MethodPost, "/zones/"+zone+"/dns_records/import", body.Bytes(), [2]string{"Content-Type", form.FormDataContentType()})
	if err != nil || a.Status != http.StatusOK {
		t.Fatalf("import: %v, %+v", err, a)
	}
}
