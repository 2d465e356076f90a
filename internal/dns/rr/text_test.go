package rr_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

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

// isOurs says whether the other library reads and writes such a record as it is. It does not know some types and the names of
// some in bit maps, nor ohttp by its number; it loses a relay, rounds locations, and masks prefixes.
func isOurs(s sample) bool {
	switch s.t {
	case wire.TypeLOC, wire.TypeAPL, typeNULL, typeX25, typeISDN, typeGPOS, typeNXT, typeAMTRELAY, typeA6:
		return false
	case wire.TypeRRSIG, wire.TypeSIG:
		return s.data[0] != 0 || s.data[1] != 0
	}
	_, known := dns.StringToType[s.t.String()]
	return known && rr.HasText(s.t) && !strings.Contains(s.text, "key8=") && !strings.Contains(s.text, "::ffff:") &&
		!slices.ContainsFunc(strings.Fields(s.text), func(f string) bool { return f == "WKS" || f == "NSAP" || f == "A6" })
}

// A DNS library of others reads what we write, and we what it writes.
func TestTextsOfAnotherLibrary(t *testing.T) {
	t.Parallel()
	for _, s := range randomSamples(t, 4, 100) {
		if !isOurs(s) {
			continue
		}
		record, err := dns.NewRR(". 1 IN " + s.t.String() + " " + s.text)
		if err != nil {
			t.Errorf("%s: %v: %s", s.t, err, s.text)
			continue
		}
		buf := make([]byte, 1<<17)
		end, err := dns.PackRR(record, buf, 0, nil, false)
		if err != nil || !bytes.Equal(buf[11:end], s.data) {
			t.Errorf("%s %s: it reads %x, not %x, %v", s.t, s.text, buf[11:max(end, 11)], s.data, err)
			continue
		}
		text := strings.TrimPrefix(record.String(), record.Header().String())
		if data, err := rr.ParseData(s.t, text, wire.Root); err != nil || !bytes.Equal(data, s.data) {
			t.Errorf("%s: it writes %s, which we read as %x, not %x, %v", s.t, text, data, s.data, err)
		}
	}
}
