package rr_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// BIND's own reader is the judge of ours: of files made at random, right and wrong, both make the same records or both
// refuse the file. Cases that we read go to BIND together, each below a name of its own; those that we refuse go alone.
func TestFilesAreReadAsBINDReadsThem(t *testing.T) {
	t.Parallel()
	alone := 60
	cases := 1500
	if testing.Short() {
		alone, cases = 10, 200
	}
	seed := uint64(20260801)
	if s := os.Getenv("HEADWATER_SEED"); s != "" {
		_, _ = fmt.Sscan(s, &seed)
		alone = 20 * alone
		cases = 10 * cases
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	var read []zoneCase
	refused := 0
	for i := range cases {
		c := zoneCase{text: randomFile(rng), at: fmt.Sprintf("c%d.x.", i)}
		c.ours, c.err = ours(c.whole())
		switch {
		case c.err == nil:
			read = append(read, c)
		case refused < alone:
			refused++
			if got, ok, complaint := binds(t, c.whole()); ok && !refusedElsewhere(got) {
				t.Errorf("we refuse what BIND reads: %v\n%q\n%v", c.err, c.text, slices.Sorted(maps.Keys(got)))
			} else if strings.Contains(complaint, "no such file") {
				t.Error(complaint)
			}
		}
	}
	if len(read) < cases/10 || refused < alone {
		t.Errorf("%d cases of %d are read, %d refused: the generator is lopsided", len(read), cases, refused)
	}
	compare(t, read)
}

// zoneCase is some lines of a file and what we make of them.
type zoneCase struct {
	text, at string
	ours     map[string][]uint32
	err      error
}

const zoneHead = "$TTL 3600\n@ SOA ns.x. h.x. 1 2 3 4 5\n@ NS ns.example.\n"

func (c *zoneCase) lines() string {
	return "$ORIGIN " + c.at + "\n$TTL 3600\n@ TXT \"first\"\n" + c.text + "\n"
}

func (c *zoneCase) whole() string { return zoneHead + c.lines() }

// compare reads cases with BIND and looks for those that differ, by halves.
func compare(t *testing.T, cases []zoneCase) {
	t.Helper()
	var b strings.Builder
	b.WriteString(zoneHead)
	want := map[string][]uint32{}
	for i := range cases {
		b.WriteString(cases[i].lines())
		for k, v := range cases[i].ours {
			want[k] = append(want[k], v...)
		}
	}
	got, ok, complaint := binds(t, b.String())
	diff := ""
	if ok {
		diff = differ(want, got)
	}
	switch {
	case ok && diff == "":
	case len(cases) == 1 && !ok && isZoneRule(complaint):
	case len(cases) == 1 && !ok:
		t.Errorf("BIND refuses what we read: %s\n%q\n%v", complaint, cases[0].text, slices.Sorted(maps.Keys(want)))
	case len(cases) == 1:
		t.Errorf("%s\n%q", diff, cases[0].text)
	default:
		compare(t, cases[:len(cases)/2])
		compare(t, cases[len(cases)/2:])
	}
}

// isZoneRule tells a complaint that is about what stands together in a zone, which is not the reader's business.
func isZoneRule(complaint string) bool {
	return strings.Contains(complaint, "invalid NS owner name") || strings.Contains(complaint, "multiple RRs of singleton type") ||
		strings.Contains(complaint, "CNAME and other data") || strings.Contains(complaint, "DS record at top of zone") ||
		strings.Contains(complaint, "CDS/CDNSKEY consistency")
}

// refusedElsewhere says whether records have data that BIND reads in the form for unknown types and other servers refuse: an
// empty URI (RFC 7553 section 4.4), a LOC of another version (RFC 1876 section 2), a CERT of the reserved type (RFC 4398 section
// 2.1), an IPSECKEY with a key of no algorithm (RFC 4025 section 2.4).
func refusedElsewhere(records map[string][]uint32) bool {
	for k := range records {
		f := strings.Fields(k)
		if f[1] == "URI" && len(f[2]) <= 8 || f[1] == "LOC" && !strings.HasPrefix(f[2], "00") ||
			f[1] == "CERT" && strings.HasPrefix(f[2], "0000") || f[1] == "IPSECKEY" && f[2][4:6] == "00" {
			return true
		}
	}
	return false
}

// differ compares records. Of an RRset with several ttls BIND takes one.
func differ(ours, binds map[string][]uint32) string {
	sets := map[string][]uint32{}
	set := func(k string) string { return k[:strings.LastIndexByte(k, ' ')] }
	for k, ttls := range ours {
		sets[set(k)] = append(sets[set(k)], ttls...)
	}
	for k, ttls := range binds {
		if _, ok := ours[k]; !ok {
			return "we do not have " + k
		}
		if !slices.Contains(sets[set(k)], ttls[0]) {
			return fmt.Sprintf("%s: ttl %d, BIND has %d", k, sets[set(k)], ttls)
		}
	}
	for k := range ours {
		if _, ok := binds[k]; !ok {
			return "BIND does not have " + k
		}
	}
	return ""
}

// ours gives the ttls of each record in a file, or the first error.
func ours(text string) (map[string][]uint32, error) {
	out := map[string][]uint32{}
	r := rr.NewReader(strings.NewReader(text), wire.MustName("x."))
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		data, err := e.Data()
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", e.Line, err)
		}
		if e.Owner.Within(wire.MustName("x.")) {
			k := recordKey(e.Owner, e.Type, data)
			out[k] = append(out[k], e.TTL)
		}
	}
}

func recordKey(owner wire.Name, t wire.Type, data []byte) string {
	return fmt.Sprintf("%s %s %x", owner, t, data)
}

// binds gives the same from named-compilezone, whose raw format has RDATA as octets.
func binds(t *testing.T, text string) (records map[string][]uint32, ok bool, complaint string) {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := strings.Fields("-F raw -i none -k ignore -n ignore -m ignore -r ignore -M ignore -S ignore -W ignore -T ignore -o")
	said, err := exec.CommandContext(t.Context(), "named-compilezone", append(args, out, "x.", in)...).CombinedOutput()
	if _, refused := errors.AsType[*exec.ExitError](err); refused {
		return nil, false, string(said)
	}
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return rawRecords(t, raw), true, ""
}

// rawRecords reads BIND's raw format: a header of six numbers, then RRsets.
func rawRecords(t *testing.T, b []byte) map[string][]uint32 {
	t.Helper()
	out := map[string][]uint32{}
	u16 := func(n int) uint16 { return binary.BigEndian.Uint16(b[n:]) }
	u32 := func(n int) uint32 { return binary.BigEndian.Uint32(b[n:]) }
	for b = b[24:]; len(b) > 0; {
		rest := b[u32(0):]
		typ, ttl, n, length := wire.Type(u16(6)), u32(10), u32(14), int(u16(18))
		owner := fold(t, b[20:20+length])
		b = b[20+length:]
		for range n {
			length := int(u16(0))
			data := b[2 : 2+length]
			if err := rr.Canonical(typ, data); err != nil {
				t.Fatal(err)
			}
			k := recordKey(owner, typ, data)
			out[k] = append(out[k], ttl)
			b = b[2+length:]
		}
		b = rest
	}
	return out
}

func fold(t *testing.T, b []byte) wire.Name {
	t.Helper()
	n, err := wire.NameFromWire(b)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
