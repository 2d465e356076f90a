package peers_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/peers"
)

// TestSecondariesThatSign has BIND and Knot sign a zone by themselves that is signed here, too. They get it without our signatures, whole
// and by IXFR, through changes and through new signatures of what has not changed; and what they serve is well signed, by nobody but
// them.
func TestSecondariesThatSign(t *testing.T) {
	t.Parallel()
	s := seedOr(t, 1)
	apex := wire.MustName("twice.example")
	key, err := dnssec.Generate(dnssec.ECDSAP256SHA256, 257, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &stepped{follower: follower{p: startPrimary(t), apex: apex, w: peers.NewWorkload(s, apex)}}
	f.lacks = wire.TypeDNSKEY // below the apex BIND leaves them out when it signs, and Knot signs none of them
	f.keys = dnssec.Signers{Keys: []*dnssec.Key{key}, Zone: []*dnssec.Key{key}}
	programs := []peers.Program{peers.BIND, peers.Knot}
	listen := map[peers.Program]netip.AddrPort{}
	for _, prog := range programs {
		if listen[prog], err = peers.Free(prog); err != nil {
			t.Fatal(err)
		}
		f.p.link(string(prog), listen[prog], nil)
		p := f.p.acc.Peers[string(prog)]
		p.Stripped = true
		f.p.acc.Peers[string(prog)] = p
		f.p.linked[apex.String()] = append(f.p.linked[apex.String()], string(prog))
	}
	for range 25 {
		f.w.Next()
	}
	f.begin(t)
	for _, prog := range programs {
		f.peers = append(f.peers, peers.Run(t, peers.Config{
			Program: prog, Listen: listen[prog], Primary: f.p.addr, Zones: []wire.Name{apex}, Refresh: 5 * time.Second, Sign: true,
		}))
	}
	for i := range 8 {
		if i > 0 {
			if i%3 != 0 { // else the serial moves, and nothing but signatures
				f.w.Next()
			}
			f.step(t)
		}
		for _, sec := range f.peers {
			f.signsItself(t, sec)
		}
	}
	for _, prog := range programs {
		if kinds := f.p.kinds(apex, listen[prog].Addr()); kinds[xfr.IXFR] < 4 {
			t.Errorf("%s: %v", prog, kinds)
		}
	}
}

// signsItself waits until a secondary has our data, signed by keys that are not ours, and has BIND verify it.
func (s *stepped) signsItself(t *testing.T, sec *peers.Secondary) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	want, file := plainly(s.p.fetch(t, s.apex, nil).Records), filepath.Join(t.TempDir(), "zone")
	var diff, verdict string
	for ctx.Err() == nil {
		got, err := sec.Transfer(ctx, s.apex)
		if err != nil {
			verdict = err.Error()
			continue
		}
		if diff = cmp.Diff(want, plainly(got.Records)); diff != "" {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if bytes.Contains(got.Records, s.keys.Keys[0].Public) {
			t.Fatalf("%s has our key", sec.Program())
		}
		out, err := exec.CommandContext(ctx, "dig", "@"+sec.Addr().Addr().String(), "-p", fmt.Sprint(sec.Addr().Port()), "AXFR", s.apex.String(), "+onesoa").CombinedOutput()
		if err == nil {
			err = os.WriteFile(file, out, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		args := []string{"-o", s.apex.String(), file}
		if sec.Program() == peers.BIND {
			args = append([]string{"-z"}, args...) // one key signs all
		}
		if out, err = exec.CommandContext(t.Context(), "dnssec-verify", args...).CombinedOutput(); err == nil {
			return
		}
		verdict = fmt.Sprintf("%v %s", err, out) // it may be at work yet
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s at serial %d: %s\n%s", sec.Program(), s.serial, verdict, diff)
}

// plainly are a zone's records less its SOA and what signing makes.
func plainly(b []byte) map[string]int {
	out := map[string]int{}
	for len(b) > 0 {
		raw, rest, err := wire.NextRR(b)
		if err != nil {
			return nil
		}
		text := string(b[:len(b)-len(rest)])
		b = rest
		switch raw.Type {
		case wire.TypeSOA, wire.TypeRRSIG, wire.TypeNSEC, wire.TypeNSEC3, wire.TypeNSEC3PARAM, 65534:
		case wire.TypeDNSKEY, wire.TypeCDS, wire.TypeCDNSKEY:
		default:
			out[text]++
		}
	}
	return out
}
