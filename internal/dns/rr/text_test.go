package rr_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
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

var update = flag.Bool("update", false, "rewrite the file of samples")

// Types that are looked at one by one.
const (
	typeMD       wire.Type = 3
	typeMF       wire.Type = 4
	typeMB       wire.Type = 7
	typeMG       wire.Type = 8
	typeMR       wire.Type = 9
	typeNULL     wire.Type = 10
	typeX25      wire.Type = 19
	typeISDN     wire.Type = 20
	typeGPOS     wire.Type = 27
	typeNXT      wire.Type = 30
	typeA6       wire.Type = 38
	typeIPSECKEY wire.Type = 45
	typeAMTRELAY wire.Type = 260
)

// sample is valid RDATA and what we write for it.
type sample struct {
	t    wire.Type
	data []byte
	text string
}

// randomSamples makes some of every type, and reads back what it writes of each.
func randomSamples(t *testing.T, seed uint64, each int) []sample {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 2))
	var out []sample
	for _, typ := range rr.Types() {
		made := 0
		for range each {
			data := randomRData(rng, typ)
			if data == nil {
				continue
			}
			made++
			s := sample{typ, data, rr.FormatData(typ, data)}
			for _, text := range []string{s.text, fmt.Sprintf(`\# %d %x`, len(data), data)} {
				if again, err := rr.ParseData(typ, text, wire.Root); err != nil || !bytes.Equal(again, data) {
					t.Errorf("%s %x is written as %s, and read as %x, %v", typ, data, text, again, err)
				}
			}
			if rr.HasText(typ) == strings.HasPrefix(s.text, `\#`) && len(data) > 0 {
				t.Errorf("%s %x is written as %s", typ, data, s.text)
			}
			if folded := bytes.Clone(data); rr.Canonical(typ, folded) != nil || !bytes.Equal(folded, data) {
				t.Errorf("%s %x is valid, and not canonical", typ, data)
			}
			out = append(out, s)
		}
		if made < each/4 {
			t.Errorf("of %s chance made %d", typ, made)
		}
	}
	return out
}

func TestEveryTypeIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	randomSamples(t, 1, 200)
}

// Any octets at all are valid or not, and have a text that means them or says that they are not: cut, lengthened, changed, random.
func TestAnyOctetsHaveAnAnswer(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 5))
	answer := func(typ wire.Type, data []byte) {
		text := rr.FormatData(typ, data)
		again, err := rr.ParseData(typ, text, wire.Root)
		if valid := rr.Valid(typ, data) == nil; valid != (err == nil) || valid && !bytes.EqualFold(again, data) {
			t.Errorf("%s %x: %s reads as %x, %v", typ, data, text, again, err)
		}
	}
	for _, typ := range rr.Types() {
		for range 20 {
			data := randomRData(rng, typ)
			for n := range data {
				answer(typ, data[:n])
			}
			if len(data) > 0 {
				data[rng.IntN(len(data))] = byte(rng.IntN(256))
			}
			answer(typ, data)
			answer(typ, append(data, byte(rng.IntN(256))))
			answer(typ, octets(rng, rng.IntN(40)))
		}
	}
}

// The zone that samples stand in, each at a name of its own.
func zoneOf(samples []sample) string {
	var b strings.Builder
	b.WriteString("$ORIGIN x.\n$TTL 3600\n@ SOA ns.x. h.x. 1 2 3 4 5\n@ NS ns.example.\n")
	for i, s := range samples {
		name := s.t.String()
		if strings.HasPrefix(s.text, `\#`) {
			name = fmt.Sprintf("TYPE%d", s.t) // which all know
		}
		fmt.Fprintf(&b, "r%d %s %s\n", i, name, s.text)
	}
	return b.String()
}

// isOdd tells records that a zone has once (SOA), that no server takes in a file any more, and an IPSECKEY without a key, of which
// the review says that BIND refuses it.
func isOdd(s *sample) bool {
	switch s.t {
	case typeIPSECKEY:
		return s.data[2] == 0
	case wire.TypeSOA, wire.TypeSIG, typeMD, typeMF, typeMB, typeMG, typeMR, typeNXT:
		return true
	default:
		return false
	}
}

// What we write, BIND reads as the octets that were meant.
func TestBINDReadsWhatWeWrite(t *testing.T) {
	t.Parallel()
	var zone []sample
	for _, s := range randomSamples(t, 2, 20) {
		if !isOdd(&s) {
			zone = append(zone, s)
		}
	}
	got, ok, complaint := binds(t, zoneOf(zone))
	if !ok {
		t.Fatal(complaint)
	}
	for i, s := range zone {
		if k := recordKey(wire.MustName(fmt.Sprintf("r%d.x.", i)), s.t, s.data); got[k] == nil {
			t.Errorf("%s %x: BIND reads %s otherwise", s.t, s.data, s.text)
		}
	}
}

// What other programs write for the same octets, we read as these. NSD and ldns leave names half
// escaped, so they get plain ones; ldns forgets quotes around parameters, too, and values that are empty.
func TestWeReadWhatOthersWrite(t *testing.T) {
	t.Parallel()
	samples := slices.DeleteFunc(randomSamples(t, 3, 20), func(s sample) bool { return isOdd(&s) || !rr.ReadsText(s.t) })
	plain := slices.DeleteFunc(slices.Clone(samples), func(s sample) bool { return strings.Contains(s.text, `\`) })
	least := slices.DeleteFunc(slices.Clone(plain), func(s sample) bool {
		return s.t == wire.TypeSVCB || s.t == wire.TypeHTTPS || s.t == wire.TypeCAA
	})
	for _, program := range []struct {
		args    string
		samples []sample
	}{
		{"named-compilezone -q -i none -k ignore -n ignore -m ignore -r ignore -M ignore -S ignore -W ignore -T ignore -o - x.", samples},
		{"nsd-checkzone -p x.", plain},
		{"ldns-read-zone", least},
	} {
		for i, s := range program.samples {
			program.samples[i].text = strings.TrimSpace(fmt.Sprintf(`\# %d %s`, len(s.data), hex.EncodeToString(s.data)))
		}
		path := filepath.Join(t.TempDir(), "zone")
		if err := os.WriteFile(path, []byte(zoneOf(program.samples)), 0o600); err != nil {
			t.Fatal(err)
		}
		args := append(strings.Fields(program.args), path)
		out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).Output()
		if err != nil {
			t.Errorf("%s: %v\n%s", args[0], err, out)
			continue
		}
		got, err := ours(string(out))
		if err != nil {
			t.Errorf("%s: %v", args[0], err)
			continue
		}
		for i, s := range program.samples {
			if k := recordKey(wire.MustName(fmt.Sprintf("r%d.x.", i)), s.t, s.data); got[k] == nil {
				t.Errorf("%s writes %s %x as\n%s", args[0], s.t, s.data, lineOf(string(out), fmt.Sprintf("r%d.x.", i)))
			}
		}
	}
}

func lineOf(text, owner string) string {
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, owner) {
			return l
		}
	}
	return "nothing"
}

// The file of samples: a record's type, its octets in hexadecimal and its text, which is how we have written it since the
// file was made. test/oracle/rr has another library read the same file.
func TestTextsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	const file = "testdata/texts"
	if *update {
		var b strings.Builder
		for _, s := range randomSamples(t, 4, 12) {
			fmt.Fprintf(&b, "%s\t%x\t%s\n", s.t, s.data, s.text)
		}
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[wire.Type]bool{}
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		typ, err := wire.ParseType(f[0])
		data, bad := hex.DecodeString(f[1])
		if err != nil || bad != nil {
			t.Fatalf("%q: %v, %v", line, err, bad)
		}
		seen[typ] = true
		if text := rr.FormatData(typ, data); text != f[2] {
			t.Errorf("%s %x is written as %s, and was as %s", typ, data, text, f[2])
		}
		if again, err := rr.ParseData(typ, f[2], wire.Root); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s %s is read as %x, %v, not %x", typ, f[2], again, err, data)
		}
	}
	for _, typ := range rr.Types() {
		if !seen[typ] {
			t.Errorf("%s has no sample; go test ./internal/dns/rr -run StayAsTheyAre -update makes the file anew", typ)
		}
	}
}
