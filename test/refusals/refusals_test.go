package refusals

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
)

const (
	secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
	other  = "b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhl"
)

// world is a node with zones in every state that a transfer can be refused for.
type world struct {
	n    *node.Node
	dual netip.AddrPort // a transfer address that listens on IPv4 and IPv6 at once
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{n: node.Must(t, "--transfer-listen", ":0")}
	line, err := w.n.Log().Wait(t.Context(), 0, "msg=ready")
	if err != nil {
		t.Fatal(err)
	}
	port := regexp.MustCompile(`transfer="?\[[^ ]*:(\d+)\]`).FindStringSubmatch(line)
	if port == nil {
		t.Fatalf("no transfer address in %s", line)
	}
	w.dual = netip.MustParseAddrPort("127.0.0.1:" + port[1])
	var accounts []struct{ ID string }
	w.n.Call(t, http.MethodGet, "/accounts", nil, &accounts)
	base := "/accounts/" + accounts[0].ID + "/secondary_dns"
	id := func(path string, body map[string]any) string {
		var v struct{ ID string }
		w.n.Call(t, http.MethodPost, path, body, &v)
		return v.ID
	}
	key := id(base+"/tsigs", map[string]any{"name": "right.key", "algo": "hmac-sha256.", "secret": secret})
	id(base+"/tsigs", map[string]any{"name": "other.key", "algo": "hmac-sha256.", "secret": other})
	keyed := id(base+"/peers", map[string]any{"name": "keyed", "ip": "127.0.0.1", "port": 5399, "tsig_id": key})
	plain := id(base+"/peers", map[string]any{"name": "plain", "ip": "127.0.0.1", "port": 5399})
	for _, z := range []struct {
		name, peer string
		on         bool
	}{{"locked.example", keyed, true}, {"open.example", plain, true}, {"off.example", plain, false}} {
		zone := id("/zones", map[string]any{"name": z.name})
		w.n.Call(t, http.MethodPost, "/zones/"+zone+"/dns_records", map[string]any{"type": "TXT", "name": "secret", "content": "forbidden-data"}, nil)
		out := "/zones/" + zone + "/secondary_dns/outgoing"
		w.n.Call(t, http.MethodPost, out, map[string]any{"name": z.name, "peers": []string{z.peer}}, nil)
		if z.on {
			w.n.Call(t, http.MethodPost, out+"/enable", nil, nil)
		}
	}
	id("/zones", map[string]any{"name": "bare.example"}) // no outgoing configuration at all
	return w
}

// ask is a request, as bytes.
type ask struct {
	zone string // spelled as it is
	typ  wire.Type
	soa  string // owner of an SOA in the authority section; empty for none
	bad  bool   // its RDATA is cut short
	key  *tsig.Key
	skew time.Duration
}

func (a *ask) bytes(t *testing.T) []byte {
	t.Helper()
	name := []byte(wire.MustName(a.zone))
	// The question keeps the case that the test wrote.
	copy(name[1:], strings.SplitN(a.zone, ".", 2)[0])
	msg := []byte{0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	msg = append(msg, name...)
	msg = append(msg, byte(a.typ>>8), byte(a.typ), 0, 1)
	if a.soa != "" {
		data := make([]byte, 22)
		binary.BigEndian.PutUint32(data[2:], 1)
		if a.bad {
			data = data[:9]
		}
		msg = wire.AppendRR(msg, wire.MustName(a.soa), wire.TypeSOA, wire.ClassIN, 0, data)
		msg[9] = 1
	}
	if a.key != nil {
		msg = tsig.NewClient(a.key).Sign(msg, 0, time.Now().Add(a.skew))
	}
	return msg
}

func overTCP(t *testing.T, to netip.AddrPort, from string, msg []byte) []byte {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second}
	c, err := d.DialContext(t.Context(), "tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(testkit.Patience))
	if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)); err != nil {
		t.Fatal(err)
	}
	var head [2]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		t.Fatal(err)
	}
	out := make([]byte, binary.BigEndian.Uint16(head[:]))
	if _, err := io.ReadFull(c, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func overUDP(t *testing.T, to netip.AddrPort, from string, msg []byte) []byte {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(t.Context(), "udp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(testkit.Patience))
	if _, err := c.Write(msg); err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 65535)
	n, err := c.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	return out[:n]
}

func mustKey(t *testing.T, name, secret string) *tsig.Key {
	t.Helper()
	k, err := tsig.NewKey(name, "hmac-sha256", secret, false)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestRefusals(t *testing.T) {
	w := open(t)
	right, wrong := mustKey(t, "right.key", secret), mustKey(t, "right.key", other)
	unknown, others := mustKey(t, "unknown.key", secret), mustKey(t, "other.key", other)
	tests := []struct {
		name  string
		ask   ask
		from  string
		udp   bool
		dual  bool
		rcode wire.Rcode
		log   []string // words of the one line; nil: the transfer is allowed
	}{
		{"right key", ask{zone: "locked.example", typ: wire.TypeAXFR, key: right}, "127.0.0.1", false, false, 0, nil},
		{"mixed case", ask{zone: "LoCkEd.example", typ: wire.TypeAXFR, key: right}, "127.0.0.1", false, false, 0, nil},
		{"wrong secret", ask{zone: "locked.example", typ: wire.TypeAXFR, key: wrong}, "127.0.0.1", false, false, wire.RcodeNotAuth, []string{"transfer refused", "BADSIG"}},
		{"unknown key", ask{zone: "locked.example", typ: wire.TypeAXFR, key: unknown}, "127.0.0.1", false, false, wire.RcodeNotAuth, []string{"transfer refused", "BADKEY"}},
		{"clock off", ask{zone: "locked.example", typ: wire.TypeAXFR, key: right, skew: -time.Hour}, "127.0.0.1", false, false, wire.RcodeNotAuth, []string{"transfer refused", "BADTIME"}},
		{"key of another link", ask{zone: "locked.example", typ: wire.TypeAXFR, key: others}, "127.0.0.1", false, false, wire.RcodeRefused, []string{"transfer refused", "not the links'"}},
		{"no key", ask{zone: "locked.example", typ: wire.TypeAXFR}, "127.0.0.1", false, false, wire.RcodeRefused, []string{"transfer refused", "not signed"}},
		{"no key, IXFR", ask{zone: "locked.example", typ: wire.TypeIXFR, soa: "locked.example"}, "127.0.0.1", false, false, wire.RcodeRefused, []string{"transfer refused", "not signed"}},
		{"wrong address, right key", ask{zone: "locked.example", typ: wire.TypeAXFR, key: right}, "127.0.0.7", false, false, wire.RcodeRefused, []string{"transfer refused", "neither a linked peer"}},
		{"wrong address", ask{zone: "open.example", typ: wire.TypeAXFR}, "127.0.0.7", false, false, wire.RcodeRefused, []string{"transfer refused", "neither a linked peer"}},
		{"linked address", ask{zone: "open.example", typ: wire.TypeAXFR}, "127.0.0.1", false, false, 0, nil},
		{"switched off", ask{zone: "off.example", typ: wire.TypeAXFR}, "127.0.0.1", false, false, wire.RcodeRefused, []string{"transfer refused", "are off"}},
		{"never configured", ask{zone: "bare.example", typ: wire.TypeAXFR}, "127.0.0.1", false, false, wire.RcodeRefused, []string{"transfer refused", "are off"}},
		{"unknown zone", ask{zone: "nowhere.example", typ: wire.TypeAXFR}, "127.0.0.1", false, false, wire.RcodeNotAuth, []string{"transfer refused", "no such zone"}},
		{"below a zone", ask{zone: "sub.open.example", typ: wire.TypeAXFR}, "127.0.0.1", false, false, wire.RcodeNotAuth, []string{"transfer refused", "no such zone"}},
		{"IPv4-mapped, linked", ask{zone: "open.example", typ: wire.TypeAXFR}, "127.0.0.1", false, true, 0, nil},
		{"IPv4-mapped, stranger", ask{zone: "open.example", typ: wire.TypeAXFR}, "127.0.0.7", false, true, wire.RcodeRefused, []string{"transfer refused", "127.0.0.7", "neither a linked peer"}},
		{"AXFR over UDP", ask{zone: "open.example", typ: wire.TypeAXFR}, "127.0.0.1", true, false, wire.RcodeFormErr, []string{"transfer refused", "AXFR is for TCP"}},
		{"AXFR over UDP, stranger", ask{zone: "open.example", typ: wire.TypeAXFR}, "127.0.0.7", true, false, wire.RcodeRefused, []string{"transfer refused", "neither a linked peer"}},
		{"IXFR without SOA", ask{zone: "open.example", typ: wire.TypeIXFR}, "127.0.0.1", false, false, wire.RcodeFormErr, []string{"transfer refused", "SOA"}},
		{"IXFR with the SOA of another zone", ask{zone: "open.example", typ: wire.TypeIXFR, soa: "other.example"}, "127.0.0.1", false, false, wire.RcodeFormErr, []string{"transfer refused", "SOA"}},
		{"IXFR with half a SOA", ask{zone: "open.example", typ: wire.TypeIXFR, soa: "open.example", bad: true}, "127.0.0.1", false, false, wire.RcodeFormErr, []string{"transfer refused", "SOA"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			at := w.n.Log().Len()
			to := w.n.DNS
			if tt.dual {
				to = w.dual
			}
			send := overTCP
			if tt.udp {
				send = overUDP
			}
			out := send(t, to, tt.from, tt.ask.bytes(t))
			r, err := wire.NewReader(out)
			if err != nil {
				t.Fatal(err)
			}
			if r.Rcode() != tt.rcode {
				t.Errorf("rcode %s, want %s", r.Rcode(), tt.rcode)
			}
			refused := tt.log != nil
			if refused != (r.Count(wire.SectionAnswer) == 0) || refused == strings.Contains(string(out), "forbidden-data") {
				t.Errorf("%d records in the answer", r.Count(wire.SectionAnswer))
			}
			words := tt.log
			if !refused {
				words = []string{"msg=transfer", "kind=AXFR"}
			}
			if _, err := w.n.Log().Wait(t.Context(), at, words...); err != nil {
				t.Fatal(err)
			}
			lines := 0 // of transfers: a node may have other things to tell at any moment
			text := w.n.Log().String()[at:]
			for line := range strings.Lines(text) {
				if strings.Contains(line, "transfer") {
					lines++
				}
			}
			if lines != 1 || strings.Contains(text, secret) {
				t.Errorf("not one line:\n%s", text)
			}
		})
	}
}

// A refusal is counted where operators look.
func TestRefusalsAreCounted(t *testing.T) {
	w := open(t)
	a := ask{zone: "nowhere.example", typ: wire.TypeAXFR}
	overTCP(t, w.n.DNS, "127.0.0.1", a.bytes(t))
	if _, err := w.n.Log().Wait(t.Context(), 0, "transfer refused"); err != nil {
		t.Fatal(err)
	}
	testkit.Until(t, func() string {
		if body := w.metrics(t); !strings.Contains(body, "headwater_transfers_refused_total 1\n") {
			return body
		}
		return ""
	})
}

// However many requests strangers send, in their own name or anybody's, the log stays short, all are counted by their reason,
// and what is different is still told.
func TestFloodsOfRefusals(t *testing.T) {
	w := open(t)
	const each = 500
	wrong := mustKey(t, "right.key", other)
	at := w.n.Log().Len()
	for i := range each {
		axfr := ask{zone: "open.example", typ: wire.TypeAXFR}
		overTCP(t, w.n.DNS, "127.0.0.7", axfr.bytes(t))
		ixfr := ask{zone: "open.example", typ: wire.TypeIXFR, soa: "open.example"}
		overUDP(t, w.n.DNS, fmt.Sprintf("127.0.%d.%d", 1+i/250, 1+i%250), ixfr.bytes(t))
		signed := ask{zone: "locked.example", typ: wire.TypeSOA, key: wrong}
		overUDP(t, w.n.DNS, fmt.Sprintf("127.1.%d.%d", 1+i/250, 1+i%250), signed.bytes(t))
	}
	// Each minute has its lines, and ends with what got none; on a slow machine this takes more than one.
	lines, rest, windows, ended := 0, 0, 1, false
	for line := range strings.Lines(w.n.Log().String()[at:]) {
		if ends := strings.Contains(line, `msg="more of the same"`); ends {
			if rest++; !ended {
				windows++
			}
			ended = true
			continue
		}
		lines, ended = lines+1, false
	}
	if lines > 40*windows || rest > 40*(windows-1) {
		t.Errorf("%d refusals made %d lines in %d minutes, and %d of what got none", 3*each, lines, windows, rest)
	}
	a := ask{zone: "locked.example", typ: wire.TypeAXFR}
	overTCP(t, w.n.DNS, "127.0.0.1", a.bytes(t))
	if _, err := w.n.Log().Wait(t.Context(), at, "transfer refused", "not signed"); err != nil {
		t.Error("a refusal of another kind is hidden:", err)
	}
	for _, want := range []string{
		`headwater_refusals_total{reason="address"} 1000`, `headwater_refusals_total{reason="signature"} 500`,
		`headwater_refusals_total{reason="unsigned"} 1`, "headwater_transfers_refused_total 1501",
	} {
		testkit.Until(t, func() string {
			if metrics := w.metrics(t); !strings.Contains(metrics, want+"\n") {
				return fmt.Sprintf("no %s in\n%s", want, metrics)
			}
			return ""
		})
	}
}

func (w *world) metrics(t *testing.T) string {
	t.Helper()
	res, err := http.Get(w.n.HTTP + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// A secondary with a wrong secret, and a stranger, are shown where operators look.
func TestRefusalsAreShown(t *testing.T) {
	w := open(t)
	wrong := mustKey(t, "right.key", other)
	soa := ask{zone: "locked.example", typ: wire.TypeSOA, key: wrong}
	overUDP(t, w.n.DNS, "127.0.0.1", soa.bytes(t))
	overTCP(t, w.n.DNS, "127.0.0.7", (&ask{zone: "locked.example", typ: wire.TypeAXFR, key: mustKey(t, "unknown.key", secret)}).bytes(t))
	var zones []struct{ ID string }
	w.n.Call(t, http.MethodGet, "/zones?name=locked.example", nil, &zones)
	type standing struct {
		Peers []struct {
			Refusal *struct{ Cause, Key, Address string } `json:"last_refusal"`
			History []struct{ Event, Text string }
		}
		Strangers []struct{ Address, Cause, Key string }
	}
	var known standing
	testkit.Until(t, func() string {
		known = standing{}
		w.n.Call(t, http.MethodGet, "/headwater/v1/zones/"+zones[0].ID+"/secondaries", nil, &known)
		if len(known.Peers) != 1 || len(known.Strangers) != 1 || known.Peers[0].Refusal == nil {
			return fmt.Sprintf("%+v", known)
		}
		return ""
	})
	if r := known.Peers[0].Refusal; r == nil || r.Cause != "signature" || !strings.HasPrefix(r.Key, "right.key") || !strings.HasPrefix(r.Address, "127.0.0.1:") {
		t.Errorf("last refusal: %+v", r)
	}
	if s := known.Strangers[0]; s.Address != "127.0.0.7" || s.Cause != "unknown_key" || !strings.HasPrefix(s.Key, "unknown.key") {
		t.Errorf("stranger: %+v", s)
	}
}
