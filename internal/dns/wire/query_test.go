package wire_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// msg builds a message from a header's words and parts that are names in text ("@name"), or raw octets.
func msg(id uint16, flags wire.Flags, counts [4]uint16, parts ...string) []byte {
	b := binary.BigEndian.AppendUint16(nil, id)
	b = binary.BigEndian.AppendUint16(b, uint16(flags))
	for _, c := range counts {
		b = binary.BigEndian.AppendUint16(b, c)
	}
	for _, p := range parts {
		if name, ok := strings.CutPrefix(p, "@"); ok {
			b = append(b, wire.MustName(name)...)
			continue
		}
		b = append(b, p...)
	}
	return b
}

const (
	typeA   = "\x00\x01\x00\x01"
	ixfr    = "\x00\xfb\x00\x01"
	typeSOA = "\x00\x06\x00\x01"
	ttl     = "\x00\x00\x00\x3c"
	numbers = "\x00\x00\x00\x07" + "\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01"
	optHead = "\x00\x00\x29\x04\xd0\x00\x00\x80\x00"
	tsigRR  = "\x01k\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x00"
)

func TestQueryOutcomes(t *testing.T) {
	t.Parallel()
	q1 := [4]uint16{1}
	opt1 := [4]uint16{1, 0, 0, 1}
	tests := []struct {
		name string
		msg  []byte
		want wire.Outcome
	}{
		{"empty", nil, wire.ParseDrop},
		{"header cut", make([]byte, 11), wire.ParseDrop},
		{"response (RFC 1035 4.1.1)", msg(1, wire.FlagQR, q1, "@a.", typeA), wire.ParseDrop},
		{"header alone", msg(1, 0, [4]uint16{}), wire.ParseFormErr},
		{"update (RFC 2136)", msg(1, wire.Flags(0).WithOpcode(wire.OpcodeUpdate), q1, "@a.", typeSOA), wire.ParseOK},
		{"status", msg(1, wire.Flags(0).WithOpcode(2), q1, "@a.", typeA), wire.ParseNotImp},
		{"opcode 15", msg(1, wire.Flags(0).WithOpcode(15), q1), wire.ParseNotImp},
		{"plain", msg(1, 0, q1, "@a.example.", typeA), wire.ParseOK},
		{"root", msg(1, 0, q1, "\x00", typeA), wire.ParseOK},
		{"notify (RFC 1996)", msg(1, wire.Flags(0).WithOpcode(wire.OpcodeNotify), q1, "@a.", typeSOA), wire.ParseOK},
		{"two questions (RFC 9619)", msg(1, 0, [4]uint16{2}, "@a.", typeA, "@b.", typeA), wire.ParseFormErr},
		{"question cut in name", msg(1, 0, q1, "\x05abc"), wire.ParseFormErr},
		{"question without class", msg(1, 0, q1, "@a.", "\x00\x01"), wire.ParseFormErr},
		{"question is a pointer", msg(1, 0, q1, "\xc0\x0c", typeA), wire.ParseFormErr},
		{"label type 01 (RFC 6891 5)", msg(1, 0, q1, "\x41a\x00", typeA), wire.ParseFormErr},
		{"name of 255", msg(1, 0, q1, longName(255), typeA), wire.ParseOK},
		{"name of 256", msg(1, 0, q1, longName(256), typeA), wire.ParseFormErr},
		{"octets behind", msg(1, 0, q1, "@a.", typeA, "x"), wire.ParseFormErr},
		{"record announced, not there", msg(1, 0, opt1, "@a.", typeA), wire.ParseFormErr},
		{"65535 records announced", msg(1, 0, [4]uint16{1, 65535, 65535, 65535}, "@a.", typeA), wire.ParseFormErr},
		{"record in answer", msg(1, 0, [4]uint16{1, 1}, "@a.", typeA, "\xc0\x0c", typeA, ttl, "\x00\x04abcd"), wire.ParseOK},
		{"rdata cut", msg(1, 0, [4]uint16{1, 1}, "@a.", typeA, "\xc0\x0c", typeA, ttl, "\x00\x05abcd"), wire.ParseFormErr},
		{"pointer forward", msg(1, 0, [4]uint16{1, 1}, "@a.", typeA, "\xc0\xff", typeA, ttl, "\x00\x04abcd"), wire.ParseFormErr},
		{"pointer to itself", msg(1, 0, [4]uint16{1, 1}, "@a.", typeA, "\xc0\x13", typeA, ttl, "\x00\x04abcd"), wire.ParseFormErr},
		{"pointer into header", msg(1, 0, [4]uint16{1, 1}, "@a.", typeA, "\xc0\x04", typeA, ttl, "\x00\x04abcd"), wire.ParseFormErr},
		{"pointer cut", msg(1, 0, [4]uint16{1, 1}, "@a.", typeA, "\xc0"), wire.ParseFormErr},
		{"opt", msg(1, 0, opt1, "@a.", typeA, optHead, "\x00\x00"), wire.ParseOK},
		{"two opts (RFC 6891 6.1.1)", msg(1, 0, [4]uint16{1, 0, 0, 2}, "@a.", typeA, optHead, "\x00\x00", optHead, "\x00\x00"), wire.ParseFormErr},
		{"opt in answer", msg(1, 0, [4]uint16{1, 1}, "@a.", typeA, optHead, "\x00\x00"), wire.ParseFormErr},
		{"opt not at root", msg(1, 0, opt1, "@a.", typeA, "\x01x", optHead, "\x00\x00"), wire.ParseFormErr},
		{"option cut", msg(1, 0, opt1, "@a.", typeA, optHead, "\x00\x03\x00\x03\x00"), wire.ParseFormErr},
		{"option longer than opt", msg(1, 0, opt1, "@a.", typeA, optHead, "\x00\x04\x00\x03\x00\x01"), wire.ParseFormErr},
		{"unknown option", msg(1, 0, opt1, "@a.", typeA, optHead, "\x00\x05\xff\x03\x00\x01x"), wire.ParseOK},
		{"cookie of 7 (RFC 7873 5.2.2)", msg(1, 0, opt1, "@a.", typeA, optHead, "\x00\x0b\x00\x0a\x00\x071234567"), wire.ParseFormErr},
		{"cookie of 8", msg(1, 0, opt1, "@a.", typeA, optHead, "\x00\x0c\x00\x0a\x00\x0812345678"), wire.ParseOK},
		{"version 1 with odd options", msg(1, 0, opt1, "@a.", typeA, "\x00\x00\x29\x04\xd0\x00\x01\x80\x00", "\x00\x01x"), wire.ParseOK},
		{"tsig last", msg(1, 0, opt1, "@a.", typeA, tsigRR), wire.ParseOK},
		{"tsig before opt (RFC 8945 5.1)", msg(1, 0, [4]uint16{1, 0, 0, 2}, "@a.", typeA, tsigRR, optHead, "\x00\x00"), wire.ParseFormErr},
		{"tsig twice", msg(1, 0, [4]uint16{1, 0, 0, 2}, "@a.", typeA, tsigRR, tsigRR), wire.ParseFormErr},
		{"tsig in answer", msg(1, 0, [4]uint16{1, 1}, "@a.", typeA, tsigRR), wire.ParseFormErr},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var q wire.Query
			if got := q.Parse(tt.msg); got != tt.want {
				t.Errorf("Parse = %d, want %d", got, tt.want)
			}
		})
	}
}

// longName is an uncompressed name of n octets.
func longName(n int) string {
	s := ""
	for len(s)+65 < n {
		s += "\x3f" + strings.Repeat("x", 63)
	}
	rest := n - len(s) - 2
	return s + string(rune(rest)) + strings.Repeat("y", rest) + "\x00"
}

func TestQueryFields(t *testing.T) {
	t.Parallel()
	b := msg(0xabcd, wire.FlagRD, [4]uint16{1, 0, 0, 2}, "\x03WwW\x07eXample\x00", typeA,
		optHead, "\x00\x14"+"\x00\x0a\x00\x0812345678"+"\x00\x03\x00\x00"+"\x00\x0b\x00\x00", tsigRR)
	var q wire.Query
	if got := q.Parse(b); got != wire.ParseOK {
		t.Fatalf("Parse = %d", got)
	}
	if want := wire.MustName("www.example."); string(q.Name) != string(want) {
		t.Errorf("Name = %q", q.Name)
	}
	if tail := q.Name[:len(q.Name)+8][len(q.Name):]; !bytes.Equal(tail, make([]byte, 8)) {
		t.Errorf("octets after the name = %x, want zeros", tail)
	}
	if q.ID != 0xabcd || q.Flags != wire.FlagRD || q.Type != wire.TypeA || q.Class != wire.ClassIN {
		t.Errorf("ID %x, Flags %x, Type %v, Class %v", q.ID, q.Flags, q.Type, q.Class)
	}
	if q.QuestionEnd != 12+13+4 || q.TSIGAt != len(b)-len(tsigRR) {
		t.Errorf("QuestionEnd %d, TSIGAt %d", q.QuestionEnd, q.TSIGAt)
	}
	e := q.EDNS
	if !e.Present || !e.DO || !e.NSID || !e.Keepalive || e.UDPSize != 1232 || string(e.Cookie) != "12345678" {
		t.Errorf("EDNS = %+v", e)
	}
	if q.Parse(msg(1, 0, [4]uint16{1}, "@b.", typeA)); q.EDNS.Present || q.TSIGAt != 0 || q.EDNS.Size() != 512 {
		t.Errorf("a second Parse keeps the first: %+v", q)
	}
}

func TestQuerySerial(t *testing.T) {
	t.Parallel()
	soa := func(owner, rdata string) string {
		return owner + typeSOA + ttl + string([]byte{0, byte(len(rdata))}) + rdata
	}
	notify := wire.Flags(0).WithOpcode(wire.OpcodeNotify)
	tests := []struct {
		name     string
		msg      []byte
		has, bad bool
	}{
		{"ixfr (RFC 1995 3)", msg(1, 0, [4]uint16{1, 0, 1}, "\x01Z\x00", ixfr, soa("\x01z\x00", "\x01m\x00\x01r\x00"+numbers)), true, false},
		{"compressed", msg(1, 0, [4]uint16{1, 0, 1}, "@z.", ixfr, soa("\xc0\x0c", "\xc0\x0c\x01r\xc0\x0c"+numbers)), true, false},
		{"none", msg(1, 0, [4]uint16{1}, "@z.", ixfr), false, false},
		{"in answer", msg(1, 0, [4]uint16{1, 1}, "@z.", ixfr, soa("\xc0\x0c", "\xc0\x0c\xc0\x0c"+numbers)), false, false},
		{"another owner", msg(1, 0, [4]uint16{1, 0, 1}, "@z.", ixfr, soa("\x01y\x00", "\x00\x00"+numbers)), false, true},
		{"owner below", msg(1, 0, [4]uint16{1, 0, 1}, "@z.", ixfr, soa("\x01y\xc0\x0c", "\x00\x00"+numbers)), false, true},
		{"short", msg(1, 0, [4]uint16{1, 0, 1}, "@z.", ixfr, soa("\xc0\x0c", "\x00\x00"+numbers[1:])), false, true},
		{"long", msg(1, 0, [4]uint16{1, 0, 1}, "@z.", ixfr, soa("\xc0\x0c", "\x00\x00"+numbers+"x")), false, true},
		{"empty", msg(1, 0, [4]uint16{1, 0, 1}, "@z.", ixfr, soa("\xc0\x0c", "")), false, true},
		{"twice", msg(1, 0, [4]uint16{1, 0, 2}, "@z.", ixfr, soa("\xc0\x0c", "\x00\x00"+numbers), soa("\xc0\x0c", "\x00\x00"+numbers)), false, true},
		{"notify (RFC 1996 3.7)", msg(1, notify, [4]uint16{1, 1}, "@z.", typeSOA, soa("\xc0\x0c", "\x00\x00"+numbers)), true, false},
		{"notify, in authority", msg(1, notify, [4]uint16{1, 0, 1}, "@z.", typeSOA, soa("\xc0\x0c", "\x00\x00"+numbers)), false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var q wire.Query
			if got := q.Parse(tt.msg); got != wire.ParseOK {
				t.Fatalf("Parse = %d", got)
			}
			if q.HasSerial != tt.has || q.BadSOA != tt.bad || tt.has && q.Serial != 7 {
				t.Errorf("has %v (%d), bad %v; want %v, %v", q.HasSerial, q.Serial, q.BadSOA, tt.has, tt.bad)
			}
		})
	}
}

func TestQueryAllocates(t *testing.T) {
	var q wire.Query
	b := msg(1, 0, [4]uint16{1, 0, 0, 2}, "@www.example.", typeA, optHead, "\x00\x00", tsigRR)
	if n := testing.AllocsPerRun(100, func() { q.Parse(b) }); n != 0 {
		t.Errorf("Parse allocates %v times", n)
	}
}

func FuzzQuery(f *testing.F) {
	f.Add(msg(1, 0, [4]uint16{1}, "@www.example.", typeA))
	f.Add(msg(1, 0, [4]uint16{1, 0, 0, 2}, "@a.", typeA, optHead, "\x00\x0c\x00\x0a\x00\x0812345678", tsigRR))
	f.Add(msg(1, 0, [4]uint16{1, 0, 1}, "@z.", ixfr, "\xc0\x0c"+typeSOA+ttl+"\x00\x16\x00\x00"+numbers))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		var q wire.Query
		outcome := q.Parse(b)
		if !bytes.Equal(b, before) {
			t.Fatal("Parse changes the message")
		}
		if outcome == wire.ParseDrop {
			return
		}
		var bd wire.Builder
		bd.Start(nil, 512, q.ID, wire.FlagQR)
		bd.Echo(&q)
		r, err := wire.NewReader(bd.Finish())
		if err != nil {
			t.Fatalf("echo does not parse: %v", err)
		}
		if outcome == wire.ParseOK && (string(r.Question().Name) != string(q.Name) || r.Question().Type != q.Type) {
			t.Fatalf("echo of %q gives %q", q.Name, r.Question().Name)
		}
	})
}
