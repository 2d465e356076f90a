package cookie_test

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/cookie"
)

func octets(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func secret(t *testing.T, s string) cookie.Secret {
	t.Helper()
	return cookie.Secret(octets(t, s))
}

// TestVectors are those of RFC 9018, appendix A.
func TestVectors(t *testing.T) {
	t.Parallel()
	one := &cookie.Keys{Current: secret(t, "e5e973e5a6b2a43f48e7dc849e37bfcf")}
	rolled := &cookie.Keys{
		Current: secret(t, "445536bcd2513298075a5d379663c962"), Others: []cookie.Secret{secret(t, "dd3bdf9344b678b185a6f5cb60fca715")},
	}
	for _, tt := range []struct {
		name      string
		keys      *cookie.Keys
		from      string
		now       uint32
		sent, got string
		good      bool
	}{
		{"first contact", one, "198.51.100.100", 1559731985, "2464c4abcf10c957", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", false},
		{"the same again", one, "198.51.100.100", 1559734385, "2464c4abcf10c957010000005cf79f111f8130c3eee29480", "2464c4abcf10c957010000005cf7a871d4a564a1442aca77", true},
		{"another's reserved octets", one, "203.0.113.203", 1559734700, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e", false},
		{"IPv6 and a rolled secret", rolled, "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961, "22681ab97d52c298010000005cf7c57926556bd0934c72f8", "22681ab97d52c298010000005cf7c609a6bb79d16625507a", true},
	} {
		got, good := tt.keys.Answer(nil, octets(t, tt.sent), netip.MustParseAddr(tt.from), tt.now)
		if hex.EncodeToString(got) != tt.got || good != tt.good {
			t.Errorf("%s: %x, good %v", tt.name, got, good)
		}
	}
}

// TestWhatHolds: a cookie holds for its address and its client's half, for an hour, and by any of the secrets.
func TestWhatHolds(t *testing.T) {
	t.Parallel()
	here, there := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	now := uint32(1<<32 - 100) // the time's 32 bits begin anew meanwhile
	older, newer := secret(t, "000102030405060708090a0b0c0d0e0f"), secret(t, "101112131415161718191a1b1c1d1e1f")
	keys := &cookie.Keys{Current: older, Others: []cookie.Secret{newer}}
	made, good := keys.Answer(nil, []byte("client00"), here, now)
	if good || len(made) != cookie.Len {
		t.Fatalf("%x, %v", made, good)
	}
	spoiled := func(at int) []byte {
		b := bytes.Clone(made)
		b[at] ^= 1
		return b
	}
	for _, tt := range []struct {
		name string
		keys *cookie.Keys
		sent []byte
		from netip.Addr
		now  uint32
		good bool
	}{
		{"at once", keys, made, here, now, true},
		{"an IPv4 address in IPv6", keys, made, netip.MustParseAddr("::ffff:192.0.2.1"), now, true},
		{"after an hour", keys, made, here, now + 3600, true},
		{"later", keys, made, here, now + 3601, false},
		{"a clock that is behind", keys, made, here, now - 300, true},
		{"one that is further behind", keys, made, here, now - 301, false},
		{"another address", keys, made, there, now, false},
		{"another client", keys, spoiled(0), here, now, false},
		{"another version", keys, spoiled(8), here, now, false},
		{"another time", keys, spoiled(15), here, now, false},
		{"another hash", keys, spoiled(23), here, now, false},
		{"a longer one", keys, append(bytes.Clone(made), 0), here, now, false},
		{"rolled here", &cookie.Keys{Current: newer, Others: []cookie.Secret{older}}, made, here, now, true},
		{"forgotten", &cookie.Keys{Current: newer}, made, here, now, false},
	} {
		out, good := tt.keys.Answer(nil, tt.sent, tt.from, tt.now)
		if good != tt.good {
			t.Errorf("%s: good %v", tt.name, good)
		}
		if _, again := tt.keys.Answer(nil, out, tt.from, tt.now); !again || !bytes.Equal(out[:8], tt.sent[:8]) {
			t.Errorf("%s: the answer %x does not hold", tt.name, out)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	keys := &cookie.Keys{Others: []cookie.Secret{{1}, {2}}}
	from, buf := netip.MustParseAddr("2001:db8::1"), make([]byte, 0, cookie.Len)
	sent := make([]byte, cookie.Len)
	sent[8] = 1
	if n := testing.AllocsPerRun(100, func() { keys.Answer(buf, sent, from, 0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
