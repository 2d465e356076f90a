package tap_test

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	framestream "github.com/farsightsec/golang-framestream"

	"github.com/headwaterdns/headwater/internal/dns/tap"
)

func newTap(t *testing.T, to string, percent float64) *tap.Tap {
	t.Helper()
	out, err := tap.New(tap.Config{To: to, Percent: percent, Lanes: 1, Identity: "ns1", Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var client, server = netip.MustParseAddrPort("192.0.2.1:4000"), netip.MustParseAddrPort("192.0.2.2:53")

func TestTargets(t *testing.T) {
	t.Parallel()
	for to, good := range map[string]bool{
		"unix:/run/a.sock": true, "tcp:[::1]:6000": true, "file:/tmp/x": true, "": false, "unix:": false, "tcp:host": false, "udp:host:1": false, "/run/a.sock": false,
	} {
		if _, err := tap.New(tap.Config{To: to, Percent: 1}); (err == nil) != good {
			t.Errorf("%q: %v", to, err)
		}
	}
	for _, p := range []float64{0, -1, 100.5} {
		if _, err := tap.New(tap.Config{To: "file:/tmp/x", Percent: p}); err == nil {
			t.Errorf("%v percent", p)
		}
	}
}

// TestShare: about as many are shown as asked for, and a thread without a tap shows none.
func TestShare(t *testing.T) {
	t.Parallel()
	const answers = 200_000
	for percent, want := range map[float64]int{1: 2000, 10: 20_000, 100: answers} {
		s, hits := newTap(t, "file:/nowhere", percent).Sampler(), 0
		for range answers {
			if s.Hit() {
				hits++
				s.Show(tap.UDP, client, server, nil, nil)
			}
		}
		if hits < want*9/10 || hits > want*11/10 {
			t.Errorf("%v%%: %d of %d", percent, hits, answers)
		}
	}
	if (*tap.Tap)(nil).Sampler().Hit() {
		t.Error("no tap shows something")
	}
}

// TestNothingWaits: without a reader, and with one that takes nothing, samples cost no allocation and are counted when there is no room.
func TestNothingWaits(t *testing.T) {
	to := filepath.Join(t.TempDir(), "tap.sock")
	l, err := net.Listen("unix", to) // which nobody accepts from
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := newTap(t, "unix:"+to, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	s, query, answer := p.Sampler(), make([]byte, 40), make([]byte, 200)
	const shown = 1000
	if n := testing.AllocsPerRun(shown, func() {
		if s.Hit() {
			s.Show(tap.UDP, client, server, query, answer)
		}
	}); n >= 1 {
		t.Errorf("%v allocations for a sample", n)
	}
	s.Show(tap.TCP, client, server, query, make([]byte, 65_000))
	st := p.Stats()
	if st.Sent != 0 || st.Dropped < 2*(shown-300) {
		t.Errorf("%+v", st)
	}
	cancel()
	_ = l.Close()
	<-done
}

// TestReaderComesAndGoes: all that is sampled is taken or counted as dropped.
func TestReaderComesAndGoes(t *testing.T) {
	t.Parallel()
	to := filepath.Join(t.TempDir(), "tap.sock")
	l, err := net.Listen("unix", to)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := newTap(t, "unix:"+to, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	s := p.Sampler()
	const each = 200
	for round := range 2 {
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		r, err := framestream.NewReader(conn, &framestream.ReaderOptions{ContentTypes: [][]byte{[]byte("protobuf:dnstap.Dnstap")}, Bidirectional: true})
		if err != nil {
			t.Fatal(err)
		}
		for range each {
			if s.Hit() {
				s.Show(tap.UDP, client, server, make([]byte, 12), make([]byte, 12))
			}
		}
		buf := make([]byte, 8192)
		for n := range 2 * each {
			if _, err := r.ReadFrame(buf); err != nil {
				t.Fatalf("round %d, frame %d: %v", round, n, err)
			}
		}
		_ = conn.Close()
		for deadline := time.Now().Add(time.Minute); round == 0 && p.Stats().Open; {
			if s.Hit() {
				s.Show(tap.UDP, client, server, make([]byte, 12), make([]byte, 12)) // until it finds that nobody reads
			}
			time.Sleep(time.Millisecond)
			if time.Now().After(deadline) {
				t.Fatal("it never finds out that its reader is gone")
			}
		}
	}
	cancel()
	<-done
	if st := p.Stats(); st.Sent < 4*each {
		t.Errorf("%+v", st)
	}
}
