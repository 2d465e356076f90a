package wire_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func name(s string) []byte { return []byte(wire.MustName(s)) }

func start(b *wire.Builder, limit int) {
	b.Start(nil, limit, 7, wire.FlagQR|wire.FlagAA)
	b.Question(name("www.example.org."), wire.TypeA, wire.ClassIN)
}

func TestBuilderCompresses(t *testing.T) {
	t.Parallel()
	var b wire.Builder
	start(&b, 512)
	at := b.Len()
	add := func(owner string, typ wire.Type, rdata []byte) string {
		t.Helper()
		if !b.Append(name(owner), typ, wire.ClassIN, 1, rdata) {
			t.Fatal("does not fit")
		}
		all := b.Finish()
		got := hex.EncodeToString(all[at:])
		at = len(all)
		return got
	}
	const fixedA, fixedMX = "0001000100000001", "000f000100000001"
	steps := []struct{ what, got, want string }{
		{"question's name", add("www.example.org.", wire.TypeA, []byte("abcd")), "c00c" + fixedA + "000461626364"},
		{"its ancestor", add("example.org.", wire.TypeA, nil), "c010" + fixedA + "0000"},
		{"not at a label's start", add("ww.example.org.", wire.TypeA, nil), "027777c010" + fixedA + "0000"},
		{"remembered owner", add("ww.example.org.", wire.TypeA, nil), "c03d" + fixedA + "0000"},
		{"rdata of MX (RFC 1035)", add("example.org.", wire.TypeMX, append([]byte{0, 9}, name("mx.test.")...)), "c010" + fixedMX + "000b0009" + "026d78047465737400"},
		{"rdata name again", add("b.test.", wire.TypeMX, append([]byte{0, 9}, name("mx.test.")...)), "0162c069" + fixedMX + "00040009" + "c066"},
		{"rdata of SRV stays (RFC 3597 4)", add("example.org.", wire.TypeSRV, append(make([]byte, 6), name("mx.test.")...)), "c0100021000100000001000f000000000000" + "026d78047465737400"},
		{"root", add(".", wire.TypeA, nil), "00" + fixedA + "0000"},
	}
	for _, s := range steps {
		if s.got != s.want {
			t.Errorf("%s:\n got %s\nwant %s", s.what, s.got, s.want)
		}
	}
}

func TestBuilderLimit(t *testing.T) {
	t.Parallel()
	var b wire.Builder
	start(&b, 100)
	o := wire.OPT{UDPSize: 1232}
	b.Reserve(o.Len())
	m := b.Mark()
	fit := 0
	for b.Append(name("www.example.org."), wire.TypeA, wire.ClassIN, 1, []byte("abcd")) {
		fit++
	}
	if want := (100 - 33 - 11) / 16; fit != want || b.Count(wire.SectionAnswer) != want {
		t.Errorf("%d records fit, counted %d, want %d", fit, b.Count(wire.SectionAnswer), want)
	}
	if !b.OPT(&o) {
		t.Error("OPT does not fit in its reserved room")
	}
	b.SetFlags(wire.FlagTC)
	r, err := wire.NewReader(b.Finish())
	if err != nil || r.Flags()&wire.FlagTC == 0 || r.Count(wire.SectionAnswer) != fit || r.Count(wire.SectionAdditional) != 1 {
		t.Errorf("reader: %v, flags %x", err, r.Flags())
	}
	b.Rewind(m)
	if b.Len() != 33 || b.Count(wire.SectionAnswer) != 0 || b.Count(wire.SectionAdditional) != 0 {
		t.Errorf("after Rewind: %d octets, counts %d, %d", b.Len(), b.Count(1), b.Count(3))
	}
}

func TestBuilderKeepsWhatIsBefore(t *testing.T) {
	t.Parallel()
	var b wire.Builder
	prefix := []byte("prefix")
	b.Start(prefix, 512, 7, 0)
	b.Question(name("a."), wire.TypeA, wire.ClassIN)
	b.Append(name("b.c."), wire.TypeA, wire.ClassIN, 0, nil)
	b.Append(name("c."), wire.TypeA, wire.ClassIN, 0, nil)
	got := b.Finish()
	if !bytes.HasPrefix(got, prefix) {
		t.Fatalf("%q", got)
	}
	if owners := read(t, got[len(prefix):]); testkit.Diff(owners, []string{"b.c.", "c."}) != "" {
		t.Errorf("owners %q", owners)
	}
}

// read gives the owners of a message's records.
func read(t *testing.T, msg []byte) []string {
	t.Helper()
	r, err := wire.NewReader(msg)
	if err != nil {
		t.Fatal(err)
	}
	var owners []string
	for rec := (wire.Record{}); r.Next(&rec); {
		owners = append(owners, rec.Owner.String())
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	return owners
}

// Past offset 0x3fff no pointer can lead, so names there are written anew and still read back right.
func TestBuilderFarOffsets(t *testing.T) {
	t.Parallel()
	var b wire.Builder
	start(&b, wire.MaxMessage)
	b.Append(name("filler."), wire.TypeTXT, wire.ClassIN, 0, make([]byte, 0x4000))
	for range 3 {
		b.Append(name("far.test."), wire.TypeNS, wire.ClassIN, 0, name("ns.far.test."))
	}
	want := []string{"filler.", "far.test.", "far.test.", "far.test."}
	if got := read(t, b.Finish()); testkit.Diff(got, want) != "" {
		t.Errorf("owners %q", got)
	}
}

func TestBuilderRewindThenCompress(t *testing.T) {
	t.Parallel()
	var b wire.Builder
	start(&b, 512)
	m := b.Mark()
	b.Append(name("gone.test."), wire.TypeA, wire.ClassIN, 0, nil)
	b.Rewind(m)
	b.Append(name("kept.test."), wire.TypeA, wire.ClassIN, 0, nil)
	b.Append(name("gone.test."), wire.TypeA, wire.ClassIN, 0, nil)
	if got := read(t, b.Finish()); testkit.Diff(got, []string{"kept.test.", "gone.test."}) != "" {
		t.Errorf("owners %q", got)
	}
}

func TestOPT(t *testing.T) {
	t.Parallel()
	var b wire.Builder
	b.Start(nil, 512, 7, wire.FlagQR)
	b.SetRcode(wire.RcodeBadVers)
	o := wire.OPT{
		UDPSize: 1232, DO: true, NSID: "n1", Cookie: []byte("12345678abcdefgh"), HasKeepalive: true, Keepalive: 300,
		HasInfo: true, Info: wire.InfoProhibited, Text: "no",
	}
	b.Reserve(o.Len())
	if !b.OPT(&o) {
		t.Fatal("OPT does not fit")
	}
	got := b.Finish()
	want := "00002904d0" + "01008000" + "0028" + "000300026e31" + "000a0010" + hex.EncodeToString(o.Cookie) +
		"000b0002012c" + "000f00040012" + hex.EncodeToString([]byte("no"))
	if hex.EncodeToString(got[wire.HeaderLen:]) != want {
		t.Errorf("got  %x\nwant %s", got[wire.HeaderLen:], want)
	}
	if len(got) != wire.HeaderLen+o.Len() || wire.HeaderFlags(got).Rcode() != 0 {
		t.Errorf("length %d, rcode %v", len(got), wire.HeaderFlags(got).Rcode())
	}
}

func TestBuilderAllocates(t *testing.T) {
	var b wire.Builder
	var q wire.Query
	req := msg(1, 0, [4]uint16{1}, "@www.example.", typeA)
	q.Parse(req)
	buf := make([]byte, 0, 1500)
	owner, rdata, mx := name("host.other."), []byte("abcd"), append([]byte{0, 1}, name("mx.host.other.")...)
	o := wire.OPT{UDPSize: 1232, NSID: "n"}
	n := testing.AllocsPerRun(100, func() {
		b.Start(buf, 1232, 1, wire.FlagQR)
		b.Echo(&q)
		b.Append(q.Name, wire.TypeA, wire.ClassIN, 1, rdata)
		b.Append(owner, wire.TypeMX, wire.ClassIN, 1, mx)
		b.OPT(&o)
		b.Finish()
	})
	if n != 0 {
		t.Errorf("a message costs %v allocations", n)
	}
}

func TestExpand(t *testing.T) {
	t.Parallel()
	q := "\x03FoO\x00" + typeA // at 12: the name Foo.
	tests := []struct {
		typ     wire.Type
		in, out string
		err     error
	}{
		{wire.TypeA, "abcd", "abcd", nil},
		{wire.TypeMX, "\x00\x01\x01M\xc0\x0c", "\x00\x01\x01m\x03foo\x00", nil},
		{wire.TypeSOA, "\xc0\x0c\x01R\xc0\x0c" + numbers, "\x03foo\x00\x01r\x03foo\x00" + numbers, nil},
		{wire.TypeSOA, "\xc0\x0c\xc0\x0c" + numbers + "x", "", wire.ErrRData},
		{wire.TypeSRV, "123456\xc0\x0c", "123456\x03foo\x00", nil},
		{wire.TypeNAPTR, "1234\x01S\x00\x02xY\xc0\x0c", "1234\x01S\x00\x02xY\x03foo\x00", nil},
		{wire.TypeNAPTR, "1234\x09S", "", wire.ErrRData},
		{wire.TypeNSEC, "\x01N\x00\x00\x01\x40", "\x01N\x00\x00\x01\x40", nil}, // RFC 6840 5.1
		{wire.TypeRRSIG, "123456789012345678\x01Z\x00sig", "123456789012345678\x01z\x00sig", nil},
		{wire.TypeHTTPS, "\x00\x01\x01T\x00\x00\x01", "\x00\x01\x01T\x00\x00\x01", nil},
		{wire.TypeNS, "\xc0\xff", "", wire.ErrPointer},
		{wire.TypeNS, "", "", wire.ErrShort},
		{wire.TypeNS, "\x05abc", "", wire.ErrShort},
		{wire.TypeNS, "\x41a", "", wire.ErrLabelTooLong},
		{wire.TypeNS, "\x01a", "", wire.ErrShort},
		{wire.Type(65280), "\xc0\x0c", "\xc0\x0c", nil}, // RFC 3597 4: unknown types hold no pointers
	}
	for _, tt := range tests {
		b := msg(1, wire.FlagQR, [4]uint16{1, 1}, q, "\xc0\x0c"+string([]byte{byte(tt.typ >> 8), byte(tt.typ)})+"\x00\x01"+ttl,
			string([]byte{0, byte(len(tt.in))})+tt.in)
		r, err := wire.NewReader(b)
		if err != nil {
			t.Fatal(err)
		}
		var rec wire.Record
		if !r.Next(&rec) || rec.Owner != wire.MustName("foo.") {
			t.Fatalf("%v: %v, owner %v", tt.typ, r.Err(), rec.Owner)
		}
		got, err := r.Expand(nil, &rec)
		if !errors.Is(err, tt.err) || err == nil && string(got) != tt.out {
			t.Errorf("%v %q: got %q, %v", tt.typ, tt.in, got, err)
		}
		if tt.err == nil {
			checkAppendRR(t, r, &rec, tt.out)
		}
	}
}

func checkAppendRR(t *testing.T, r *wire.Reader, rec *wire.Record, rdata string) {
	t.Helper()
	raw, err := r.AppendRR(nil, rec)
	if err != nil {
		t.Fatal(err)
	}
	if want := wire.AppendRR(nil, rec.Owner, rec.Type, rec.Class, rec.TTL, []byte(rdata)); !bytes.Equal(raw, want) {
		t.Errorf("AppendRR:\n got %x\nwant %x", raw, want)
	}
	rr, rest, err := wire.NextRR(raw)
	if err != nil || len(rest) != 0 || string(rr.RData) != rdata || !bytes.Equal(rr.Append(nil), raw) || rr.Len() != len(raw) {
		t.Errorf("NextRR: %+v, %v", rr, err)
	}
	if err := wire.Canonical(rec.Type, []byte(rdata)); err != nil {
		t.Errorf("Canonical refuses what Expand gave: %v", err)
	}
}

func TestNextRRErrors(t *testing.T) {
	t.Parallel()
	whole := string(wire.AppendRR(nil, wire.MustName("a.b."), wire.TypeA, wire.ClassIN, 1, []byte("abcd")))
	for i := range len(whole) {
		if _, rest, err := wire.NextRR([]byte(whole[:i])); err == nil || len(rest) != i {
			t.Errorf("cut at %d: %v, rest %d", i, err, len(rest))
		}
	}
	if _, _, err := wire.NextRR([]byte("\xc0\x0c" + whole)); !errors.Is(err, wire.ErrLabelTooLong) {
		t.Errorf("pointer: %v", err)
	}
}

func TestReaderErrors(t *testing.T) {
	t.Parallel()
	rr := "\xc0\x0c" + typeA + ttl + "\x00\x04abcd"
	tests := []struct {
		name string
		msg  []byte
		want error
	}{
		{"header cut", make([]byte, 11), wire.ErrShort},
		{"question cut", msg(1, 0, [4]uint16{1}, "@a.", "\x00"), wire.ErrShort},
		{"record missing", msg(1, 0, [4]uint16{1, 1}, "@a.", typeA), wire.ErrShort},
		{"octets behind", msg(1, 0, [4]uint16{1, 1}, "@a.", typeA, rr, "x"), wire.ErrTrailing},
		{"loop", msg(1, 0, [4]uint16{1, 1}, "@a.", typeA, "\x01b\xc0\x13", rr), wire.ErrPointer},
		{"rdata cut", msg(1, 0, [4]uint16{1, 1}, "@a.", typeA, rr[:len(rr)-1]), wire.ErrShort},
	}
	for _, tt := range tests {
		r, err := wire.NewReader(tt.msg)
		if err == nil {
			for rec := (wire.Record{}); r.Next(&rec); {
			}
			err = r.Err()
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// Any message that reads to its end can be built again, and then reads the same.
func FuzzReader(f *testing.F) {
	f.Add(msg(1, 0, [4]uint16{1, 1}, "@a.", typeA, "\xc0\x0c"+typeA+ttl+"\x00\x04abcd"))
	f.Add(msg(1, 0, [4]uint16{1, 0, 1}, "@z.", ixfr, "\xc0\x0c"+typeSOA+ttl+"\x00\x18\xc0\x0c\xc0\x0c"+numbers))
	f.Fuzz(func(t *testing.T, b []byte) {
		first, ok := records(b)
		if !ok {
			return
		}
		var bd wire.Builder
		bd.Start(nil, wire.MaxMessage, 1, 0)
		at := [4]uint16{}
		for rest := first; len(rest) > 0; {
			var rr wire.RawRR
			var err error
			if rr, rest, err = wire.NextRR(rest); err != nil {
				t.Fatal(err)
			}
			bd.Section(wire.SectionAnswer)
			if !bd.AppendRaw(rr) {
				return
			}
			at[1]++
		}
		second, ok := records(bd.Finish())
		if !ok || !bytes.Equal(first, second) {
			t.Fatalf("built again:\n%x\n%x", first, second)
		}
	})
}

// records gives all records of a message in uncompressed form.
func records(b []byte) (out []byte, ok bool) {
	r, err := wire.NewReader(b)
	if err != nil {
		return nil, false
	}
	for rec := (wire.Record{}); r.Next(&rec); {
		if out, err = r.AppendRR(out, &rec); err != nil {
			return nil, false
		}
	}
	return out, r.Err() == nil
}
