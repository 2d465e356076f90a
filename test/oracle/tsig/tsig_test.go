package tsig_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

var algorithms = []string{dns.HmacSHA1, dns.HmacSHA224, dns.HmacSHA256, dns.HmacSHA384, dns.HmacSHA512}

var now = time.Unix(1_800_000_000, 0)

func secret(n int) string { return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("s", n))) }

func key(tb testing.TB, algo string) *tsig.Key {
	tb.Helper()
	k, err := tsig.NewKey("Key.Example", algo, secret(32), false)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// request is a query signed by the DNS library at a time.
func request(tb testing.TB, algo string, at time.Time) (msg []byte, mac string) {
	tb.Helper()
	m := new(dns.Msg).SetAxfr("example.org.")
	m.SetTsig("key.example.", algo, tsig.Fudge, at.Unix())
	msg, mac, err := dns.TsigGenerate(m, secret(32), "", false)
	if err != nil {
		tb.Fatal(err)
	}
	return msg, mac
}

func tsigAt(tb testing.TB, msg []byte) int {
	tb.Helper()
	var q wire.Query
	if got := q.Parse(msg); got != wire.ParseOK {
		tb.Fatalf("parse: %v", got)
	}
	return q.TSIGAt
}

// libVerify verifies with the DNS library, which reads its own clock: record times are near now in those tests.
func libVerify(msg []byte, mac string, timersOnly bool) error {
	// The library strips the record from what it is given.
	return dns.TsigVerify(append([]byte(nil), msg...), secret(32), mac, timersOnly)
}

func TestServerAgainstLibrary(t *testing.T) {
	t.Parallel()
	for _, algo := range algorithms {
		t.Run(algo, func(t *testing.T) {
			t.Parallel()
			now := time.Now()
			msg, mac := request(t, algo, now)
			s, code := tsig.Verify(msg, tsigAt(t, msg), []*tsig.Key{key(t, algo)}, now)
			if code != wire.RcodeNoError || s.Key() == nil {
				t.Fatalf("verify: %v", code)
			}
			for i := range 5 {
				answer, err := new(dns.Msg).SetReply(new(dns.Msg).SetAxfr(fmt.Sprintf("m%d.example.", i))).Pack()
				if err != nil {
					t.Fatal(err)
				}
				// The message stands behind other bytes, as behind a length prefix.
				buf, err := s.Sign(append([]byte("xx"), answer...), 2, now)
				if err != nil {
					t.Fatal(err)
				}
				if err := libVerify(buf[2:], mac, i > 0); err != nil {
					t.Fatalf("message %d: %v", i, err)
				}
				var m dns.Msg
				if err := m.Unpack(buf[2:]); err != nil {
					t.Fatal(err)
				}
				mac = m.IsTsig().MAC
			}
		})
	}
}

func TestClientAgainstLibrary(t *testing.T) {
	t.Parallel()
	for _, algo := range algorithms {
		t.Run(algo, func(t *testing.T) {
			t.Parallel()
			now := time.Now()
			plain, err := new(dns.Msg).SetAxfr("example.org.").Pack()
			if err != nil {
				t.Fatal(err)
			}
			c := tsig.NewClient(key(t, algo))
			msg := c.Sign(plain, 0, now)
			if err := libVerify(msg, "", false); err != nil {
				t.Fatalf("request: %v", err)
			}
			var req dns.Msg
			if err := req.Unpack(msg); err != nil {
				t.Fatal(err)
			}
			mac := req.IsTsig().MAC
			for i := range 4 {
				m := new(dns.Msg).SetReply(&req)
				m.Extra = nil
				m.SetTsig("key.example.", algo, tsig.Fudge, now.Unix())
				var out []byte
				out, mac, err = dns.TsigGenerate(m, secret(32), mac, i > 0)
				if err != nil {
					t.Fatal(err)
				}
				if err := c.Verify(out, at(t, out), i == 3, now); err != nil {
					t.Fatalf("message %d: %v", i, err)
				}
			}
		})
	}
}

// at finds the TSIG record of a response.
func at(tb testing.TB, msg []byte) int {
	tb.Helper()
	r, err := wire.NewReader(msg)
	if err != nil {
		tb.Fatal(err)
	}
	off := 0
	for rec := (wire.Record{}); r.Next(&rec); {
		if rec.Type == wire.TypeTSIG {
			off = rec.At
		}
	}
	if r.Err() != nil {
		tb.Fatal(r.Err())
	}
	return off
}

func TestBothSides(t *testing.T) {
	t.Parallel()
	k := key(t, "hmac-sha256")
	c := tsig.NewClient(k)
	query := message(t)
	msg := c.Sign(query, 0, now)
	s, code := tsig.Verify(msg, tsigAt(t, msg), []*tsig.Key{k}, now)
	if code != wire.RcodeNoError {
		t.Fatal(code)
	}
	for i := range 3 {
		out, _ := s.Sign(response(t), 0, now)
		bad := append([]byte(nil), out...)
		bad[3] ^= 1
		probe := *c
		if err := probe.Verify(bad, at(t, out), false, now); err == nil {
			t.Error("a changed message verifies")
		}
		if err := c.Verify(out, at(t, out), i == 2, now); err != nil {
			t.Fatal(err)
		}
	}
}

func message(tb testing.TB) []byte {
	tb.Helper()
	b, err := new(dns.Msg).SetAxfr("example.org.").Pack()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func response(tb testing.TB) []byte {
	tb.Helper()
	b, err := new(dns.Msg).SetReply(new(dns.Msg).SetAxfr("example.org.")).Pack()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	good := key(t, "hmac-sha256")
	other, _ := tsig.NewKey("key.example", "hmac-sha256", secret(20), false)
	tests := []struct {
		name string
		keys []*tsig.Key
		now  time.Time
		code wire.Rcode
		peer wire.Rcode // what a client that knows the key is told
	}{
		{"right", []*tsig.Key{good}, now, wire.RcodeNoError, 0},
		{"right one of two of a name", []*tsig.Key{other, good}, now, wire.RcodeNoError, 0},
		{"no key", nil, now, wire.RcodeBadKey, wire.RcodeBadKey},
		{"another algorithm", []*tsig.Key{key(t, "hmac-sha512")}, now, wire.RcodeBadKey, wire.RcodeBadKey},
		{"another secret", []*tsig.Key{other}, now, wire.RcodeBadSig, wire.RcodeBadSig},
		{"edge of time", []*tsig.Key{good}, now.Add(300 * time.Second), wire.RcodeNoError, 0},
		{"too late", []*tsig.Key{good}, now.Add(301 * time.Second), wire.RcodeBadTime, wire.RcodeBadTime},
		{"too early", []*tsig.Key{good}, now.Add(-301 * time.Second), wire.RcodeBadTime, wire.RcodeBadTime},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := tsig.NewClient(good)
			msg := c.Sign(message(t), 0, now)
			s, code := tsig.Verify(msg, tsigAt(t, msg), tt.keys, tt.now)
			if code != tt.code {
				t.Fatalf("code %v, want %v", code, tt.code)
			}
			out, err := s.Sign(response(t), 0, tt.now)
			if err != nil {
				t.Fatal(err)
			}
			err = c.Verify(out, at(t, out), true, tt.now)
			var pe *tsig.PeerError
			if tt.peer == 0 && err != nil || tt.peer != 0 && (!errors.As(err, &pe) || pe.Code != tt.peer) {
				t.Errorf("client: %v", err)
			}
		})
	}
}

func TestTruncatedMAC(t *testing.T) {
	t.Parallel()
	k := key(t, "hmac-sha256")
	for n, want := range map[int]wire.Rcode{8: wire.RcodeFormErr, 16: wire.RcodeBadTrunc, 33: wire.RcodeFormErr} {
		var m dns.Msg
		if err := m.Unpack(tsig.NewClient(k).Sign(message(t), 0, now)); err != nil {
			t.Fatal(err)
		}
		r := m.IsTsig()
		r.MAC = (r.MAC + "00")[:2*n]
		r.MACSize = uint16(n)
		msg, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if _, code := tsig.Verify(msg, tsigAt(t, msg), []*tsig.Key{k}, now); code != want {
			t.Errorf("%d octets: %v, want %v", n, code, want)
		}
	}
}

func TestUnsignedInBetween(t *testing.T) {
	t.Parallel()
	k := key(t, "hmac-sha256")
	c := tsig.NewClient(k)
	c.Sign(message(t), 0, now)
	if err := c.Verify(response(t), 0, false, now); !errors.Is(err, tsig.ErrUnsigned) {
		t.Errorf("unsigned first message: %v", err)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	if _, err := tsig.NewKey("k", "hmac-md5.sig-alg.reg.int.", "aa==", false); !errors.Is(err, tsig.ErrAlgorithm) {
		t.Errorf("md5: %v", err)
	}
	if _, err := tsig.NewKey("k", "hmac-md5.sig-alg.reg.int.", "YWE=", true); err != nil {
		t.Errorf("md5 allowed: %v", err)
	}
	if _, err := tsig.NewKey("k", "HMAC-SHA256.", "not base64!", false); !errors.Is(err, tsig.ErrSecret) {
		t.Errorf("secret: %v", err)
	}
	if _, err := tsig.NewKey("k", "hmac-sha256", "", false); !errors.Is(err, tsig.ErrSecret) {
		t.Errorf("empty secret: %v", err)
	}
	k := key(t, "hmac-sha256")
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%v", k), k.LogValue().String()} {
		if strings.Contains(s, "sss") || s != "key.example." {
			t.Errorf("key prints as %q", s)
		}
	}
}

// However a key or something that holds one is printed, the secret does not show.
func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	k := key(t, "hmac-sha256")
	holder := struct {
		Key  tsig.Key
		Keys []*tsig.Key
	}{*k, []*tsig.Key{k}}
	raw, encoded := strings.Repeat("s", 8), secret(32)[:8]
	var out []string
	for _, v := range []any{k, *k, k.Secret, holder} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			out = append(out, fmt.Sprintf(verb, v))
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		out = append(out, string(b), log.String())
	}
	for _, s := range out {
		if strings.Contains(s, raw) || strings.Contains(s, encoded) || strings.Contains(s, "73737373") || strings.Contains(s, "115 115") {
			t.Errorf("shows the secret: %s", s)
		}
	}
}

// Names of keys and algorithms are compared, and signed, without case (RFC 8945 section 4.2).
func TestNamesFold(t *testing.T) {
	t.Parallel()
	m := new(dns.Msg).SetAxfr("example.org.")
	m.SetTsig("KEY.Example.", "HMAC-SHA256.", tsig.Fudge, now.Unix())
	msg, _, err := dns.TsigGenerate(m, secret(32), "", false)
	if err != nil {
		t.Fatal(err)
	}
	if _, code := tsig.Verify(msg, tsigAt(t, msg), []*tsig.Key{key(t, "hmac-sha256")}, now); code != wire.RcodeNoError {
		t.Error(code)
	}
}

// A forwarder may give the message another identifier; the record keeps the original (RFC 8945 section 5.1).
func TestOriginalID(t *testing.T) {
	t.Parallel()
	msg, _ := request(t, dns.HmacSHA256, now)
	msg[0], msg[1] = msg[0]^0xff, msg[1]^0xff
	if _, code := tsig.Verify(msg, tsigAt(t, msg), []*tsig.Key{key(t, "hmac-sha256")}, now); code != wire.RcodeNoError {
		t.Error(code)
	}
}

func TestSequenceWithUnsignedMessages(t *testing.T) {
	t.Parallel()
	k := key(t, "hmac-sha256")
	for _, tt := range []struct {
		unsigned int
		ok       bool
	}{{1, true}, {99, true}, {100, false}} {
		c := tsig.NewClient(k)
		msg := c.Sign(message(t), 0, now)
		s, _ := tsig.Verify(msg, tsigAt(t, msg), []*tsig.Key{k}, now)
		first, _ := s.Sign(response(t), 0, now)
		if err := c.Verify(first, at(t, first), false, now); err != nil {
			t.Fatal(err)
		}
		var err error
		for range tt.unsigned {
			if err = c.Verify(response(t), 0, false, now); err != nil {
				break
			}
		}
		if (err == nil) != tt.ok {
			t.Errorf("%d unsigned messages: %v", tt.unsigned, err)
		}
		if err := c.Verify(response(t), 0, true, now); !errors.Is(err, tsig.ErrUnsigned) {
			t.Errorf("unsigned last message: %v", err)
		}
	}
}

func TestSignAllocatesNothing(t *testing.T) {
	k := key(t, "hmac-sha256")
	msg := tsig.NewClient(k).Sign(message(t), 0, now)
	s, _ := tsig.Verify(msg, tsigAt(t, msg), []*tsig.Key{k}, now)
	plain := response(t)
	buf := make([]byte, 0, 1024)
	n := testing.AllocsPerRun(100, func() {
		buf = append(buf[:0], plain...)
		buf, _ = s.Sign(buf, 0, now)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzVerify(f *testing.F) {
	k := key(f, "hmac-sha256")
	signed := tsig.NewClient(k).Sign(message(f), 0, now)
	f.Add(signed, len(message(f)))
	f.Add(signed[:len(signed)-3], len(message(f)))
	f.Fuzz(func(t *testing.T, msg []byte, off int) {
		if len(msg) < wire.HeaderLen || off < wire.HeaderLen || off > len(msg) {
			return
		}
		s, code := tsig.Verify(msg, off, []*tsig.Key{k}, now)
		if code == wire.RcodeNoError && (s == nil || s.Key() == nil) {
			t.Fatal("accepted without a key")
		}
		_ = tsig.NewClient(k).Verify(msg, off, true, now)
	})
}
