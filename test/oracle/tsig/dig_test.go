package tsig_test

import (
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// serve answers each datagram with its own question, signed, until the connection closes.
func serve(conn net.PacketConn, keys []*tsig.Key) {
	buf := make([]byte, 65535)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var q wire.Query
		if q.Parse(buf[:n]) != wire.ParseOK || q.TSIGAt == 0 {
			continue
		}
		s, code := tsig.Verify(buf[:n], q.TSIGAt, keys, time.Now())
		if s == nil {
			continue
		}
		end := wire.HeaderLen
		for buf[end] != 0 {
			end += int(buf[end]) + 1
		}
		answer := append([]byte(nil), buf[:end+5]...)
		answer[2] |= 0x80 // a response
		answer[3] = 0
		if code != wire.RcodeNoError {
			answer[3] = byte(wire.RcodeNotAuth)
		}
		clear(answer[6:12])
		if answer, err = s.Sign(answer, 0, time.Now()); err == nil {
			_, _ = conn.WriteTo(answer, from)
		}
	}
}

// BIND's dig signs with each algorithm, verifies our signature, and understands our refusals.
func TestDig(t *testing.T) {
	t.Parallel()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	var keys []*tsig.Key
	for _, a := range []string{"hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"} {
		k, err := tsig.NewKey(a+".example", a, secret(32), false)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	go serve(conn, keys)
	_, port, _ := net.SplitHostPort(conn.LocalAddr().String())
	dig := func(key string) string {
		out, err := exec.CommandContext(t.Context(), "dig", "@127.0.0.1", "-p", port, "+tries=1", "+time=5", "-y", key, "example.org", "SOA").CombinedOutput()
		if err != nil {
			t.Fatalf("dig: %v\n%s", err, out)
		}
		return string(out)
	}
	for _, a := range []string{"hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"} {
		out := dig(a + ":" + a + ".Example:" + secret(32))
		if !strings.Contains(out, "status: NOERROR") || !strings.Contains(out, " NOERROR 0") || strings.Contains(out, "verify") {
			t.Errorf("%s:\n%s", a, out)
		}
	}
	for key, want := range map[string]string{
		"hmac-sha256:hmac-sha256.example:" + secret(20): "BADSIG",
		"hmac-sha256:nobody.example:" + secret(32):      "BADKEY",
	} {
		if out := dig(key); !strings.Contains(out, "status: NOTAUTH") || !strings.Contains(out, want) {
			t.Errorf("%s:\n%s", want, out)
		}
	}
}
