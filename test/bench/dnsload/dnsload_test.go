//go:build linux

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// one answers every query with one record, NXDOMAIN for no.test., and not at all for mute.test.
type one struct{ b wire.Builder }

func (r *one) Respond(dst []byte, q *wire.Request) []byte {
	switch wire.Name(q.Name) {
	case wire.MustName("mute.test."):
		return dst
	case wire.MustName("no.test."):
		r.b.Start(dst, q.Size, q.ID, wire.FlagQR|wire.Flags(wire.RcodeNXDomain))
		r.b.Echo(&q.Query)
		return r.b.Finish()
	}
	r.b.Start(dst, q.Size, q.ID, wire.FlagQR)
	r.b.Echo(&q.Query)
	r.b.Append(q.Name, q.Type, q.Class, 1, []byte("abcd"))
	return r.b.Finish()
}

func serve(t *testing.T) string {
	t.Helper()
	s := server.New(server.Config{DNS: []string{"127.0.0.1:0"}, NewResponder: func() server.Responder { return new(one) }})
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s.Addrs().DNS[0].String()
}

func file(t *testing.T, lines string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "queries")
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func measure(t *testing.T, lines string, args ...string) *report {
	t.Helper()
	o, err := parse(append([]string{
		"-server", serve(t), "-queries", file(t, lines), "-duration", "200ms", "-warmup", "20ms", "-timeout", "100ms",
	}, args...))
	if err != nil {
		t.Fatal(err)
	}
	qs, err := readFile(o.file, o.edns, o.do)
	if err != nil {
		t.Fatal(err)
	}
	r, err := load(t.Context(), o, qs)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const good = "# comment\n\nA.test. A noerror 1\nb.test. TXT\nno.test. A NXDOMAIN 0\nc.test. TYPE65280 0\n"

func TestRightAnswers(t *testing.T) {
	for name, args := range map[string][]string{
		"udp":   {"-window", "16"},
		"tcp":   {"-transport", "tcp", "-conns", "2", "-window", "8"},
		"plain": {"-edns", "0", "-threads", "2", "-window", "4", "-pid", "1"},
	} {
		r := measure(t, good, args...)
		if r.Answered == 0 || r.Wrong != 0 || r.Lost != 0 || r.P50 <= 0 || r.Max < r.P50 {
			t.Errorf("%s: %+v", name, r)
		}
		if (r.CPU != nil) != (name == "plain") {
			t.Errorf("%s: CPU %+v", name, r.CPU)
		}
	}
}

func TestRate(t *testing.T) {
	r := measure(t, good, "-rate", "1000", "-threads", "2")
	if r.Sent < 100 || r.Sent > 210 || r.Wrong != 0 {
		t.Errorf("asked for 200: %+v", r)
	}
}

func TestWrongAnswers(t *testing.T) {
	for lines, want := range map[string]string{
		"a.test. A NXDOMAIN":   "NOERROR instead of NXDOMAIN",
		"no.test. A":           "",
		"no.test. A NOERROR":   "NXDOMAIN instead of NOERROR",
		"a.test. A NOERROR 2":  "1 answers instead of 2",
		"a.test. A NOERROR 01": "",
	} {
		r := measure(t, lines, "-window", "2")
		if !strings.HasSuffix(r.FirstWrong, want) || (r.Wrong > 0) != (want != "") {
			t.Errorf("%q: %d wrong, %q", lines, r.Wrong, r.FirstWrong)
		}
	}
}

func TestLost(t *testing.T) {
	r := measure(t, "mute.test. A\n", "-window", "3", "-warmup", "0s", "-timeout", "20ms")
	if r.Answered != 0 || r.Lost < 3 {
		t.Errorf("%+v", r)
	}
}

func TestBadInput(t *testing.T) {
	for _, line := range []string{"", "a.test.", "a.test. NOPE", "a..test. A", "a. A NOPE", "a. A 16", "a. A 0 x", "a. A 0 1 2"} {
		if _, err := readFile(file(t, line), 0, false); err == nil {
			t.Errorf("%q is accepted", line)
		}
	}
	for _, args := range [][]string{
		{},
		{"-queries", "x", "-server", "nope"},
		{"-queries", "x", "-transport", "tls"},
		{"-queries", "x", "-window", "0"},
		{"-queries", "x", "-transport", "tcp", "-rate", "1"},
		{"-queries", "x", "-window", "40000"},
	} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v is accepted", args)
		}
	}
}

func TestHistogram(t *testing.T) {
	var h histogram
	for i := range 1000 {
		h.record(time.Duration(i+1) * time.Microsecond)
	}
	for q, want := range map[float64]int{0.5: 500, 0.99: 990, 1: 1000} {
		got := h.quantile(q)
		if d := float64(got.Microseconds())/float64(want) - 1; d < -0.02 || d > 0.02 {
			t.Errorf("quantile %v = %v, want about %v us", q, got, want)
		}
	}
	for _, d := range []time.Duration{0, 1, 63, 64, 127, 128, 1000, time.Second, time.Hour} {
		var one histogram
		one.record(d)
		if got := one.quantile(0.5); got < d || float64(got) > float64(d)*1.02+1 {
			t.Errorf("%v reads back as %v", d, got)
		}
	}
}

func TestParseStat(t *testing.T) {
	got, err := parseStat([]byte("12 (odd) name) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0"))
	if err != nil || got.user != 2500*time.Millisecond || got.system != 500*time.Millisecond {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := parseStat([]byte("12 (x) S 1")); err == nil {
		t.Error("a short line is accepted")
	}
}
