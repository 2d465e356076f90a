package xfr_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// large is a version with n addresses.
func large(t testing.TB, n int, serial uint32) *zone.Version {
	t.Helper()
	sets := []rr.Set{soa(serial)}
	for i := range n {
		owner, _ := apex.Child(fmt.Sprintf("h%d", i))
		sets = append(sets, rr.Set{Owner: owner, Type: wire.TypeA, TTL: 60, Data: [][]byte{{1, byte(i >> 16), byte(i >> 8), byte(i)}}})
	}
	v, err := zone.Build(apex, sets)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// broken fails after some octets, as a peer that goes away.
type broken struct {
	left int
	got  bytes.Buffer
}

func (b *broken) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errors.New("gone")
	}
	return b.got.Write(p)
}

func TestAbortedTransferNeverCloses(t *testing.T) {
	t.Parallel()
	p := serve(t, nil)
	p.put(large(t, 20000, 5), nil)
	var rep xfr.Report
	s := xfr.NewServer(xfr.Config{DB: p.db, Done: func(r xfr.Report) { rep = r }})
	w := &broken{left: 200_000}
	if err := s.Stream(t.Context(), w, request(query(wire.TypeAXFR, nil, false))); err == nil {
		t.Fatal("no error")
	}
	if n := bytes.Count(w.got.Bytes(), soa(5).Data[0]); n != 1 {
		t.Errorf("%d SOAs were sent", n)
	}
	if rep.Reason == "" || rep.Rcode != wire.RcodeServFail {
		t.Errorf("%+v", rep)
	}
	if st := s.Stats(); st.Failed != 1 || st.Running != 0 {
		t.Errorf("%+v", st)
	}
}

func TestQuotaComesAfterAccess(t *testing.T) {
	t.Parallel()
	p := serve(t, nil)
	v, _ := zone.Build(apex, []rr.Set{soa(1)})
	p.put(v, nil)
	var rep xfr.Report
	s := xfr.NewServer(xfr.Config{DB: p.db, Total: 1, Waiting: -1, Done: func(r xfr.Report) { rep = r }})
	gate := make(chan struct{})
	started := make(chan struct{})
	done := make(chan error)
	go func() {
		done <- s.Stream(t.Context(), writerFunc(func(b []byte) (int, error) { close(started); <-gate; return len(b), nil }), request(query(wire.TypeAXFR, nil, false)))
	}()
	<-started
	r := request(query(wire.TypeAXFR, nil, false))
	r.Source = netip.MustParseAddrPort("192.0.2.99:1")
	_ = s.Stream(t.Context(), io.Discard, r)
	if rep.Reason == "" || rep.Reason == "too many transfers are running" {
		t.Errorf("a stranger is told %q", rep.Reason)
	}
	_ = s.Stream(t.Context(), io.Discard, request(query(wire.TypeAXFR, nil, false)))
	if rep.Reason != "too many transfers are running" {
		t.Errorf("reason %q", rep.Reason)
	}
	close(gate)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// What runs over is served when its turn comes, and told to come again when it does not.
func TestTransfersWaitTheirTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := zone.NewDB(0)
		p := &primary{db: db}
		p.account(nil)
		p.put(large(t, 1, 1), nil)
		var mu sync.Mutex
		var reasons []string
		s := xfr.NewServer(xfr.Config{DB: db, PerPeer: 1, Waiting: 2, Patience: time.Minute, Done: func(r xfr.Report) {
			mu.Lock()
			defer mu.Unlock()
			reasons = append(reasons, r.Reason)
		}})
		gate := make(chan struct{})
		slow := writerFunc(func(b []byte) (int, error) { <-gate; return len(b), nil })
		var wg sync.WaitGroup
		start := func(ctx context.Context, w io.Writer) {
			wg.Go(func() { _ = s.Stream(ctx, w, request(query(wire.TypeAXFR, nil, false))) })
			synctest.Wait()
		}
		start(t.Context(), slow)
		start(t.Context(), slow)
		ctx, cancel := context.WithCancel(t.Context())
		start(ctx, io.Discard)
		if st := s.Stats(); st.Running != 1 || st.Waiting != 2 {
			t.Errorf("%+v", st)
		}
		start(t.Context(), io.Discard) // the queue is full
		cancel()
		synctest.Wait()
		start(t.Context(), io.Discard)
		time.Sleep(59 * time.Second)
		close(gate) // in time for the second and the last
		wg.Wait()
		const busy = "too many transfers are running"
		if got := strings.Join(reasons, ","); got != busy+","+busy+",,," {
			t.Errorf("%q", got)
		}
		if st := s.Stats(); st.Running != 0 || st.Waiting != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &primary{db: zone.NewDB(0)}
		p.account(nil)
		p.put(large(t, 1, 1), nil)
		s := xfr.NewServer(xfr.Config{DB: p.db, PerZone: 1, Patience: time.Minute})
		gate := make(chan struct{})
		go func() {
			slow := writerFunc(func(b []byte) (int, error) { <-gate; return len(b), nil })
			_ = s.Stream(t.Context(), slow, request(query(wire.TypeAXFR, nil, false)))
		}()
		synctest.Wait()
		begin := time.Now()
		var out bytes.Buffer
		if err := s.Stream(t.Context(), &out, request(query(wire.TypeAXFR, nil, false))); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(begin); d != time.Minute {
			t.Errorf("it waited %v", d)
		}
		if code := wire.HeaderFlags(out.Bytes()[2:]).Rcode(); code != wire.RcodeServFail {
			t.Errorf("it was told %s", code)
		}
		close(gate)
	})
}

// An IXFR from before the program started waits for the zone's history.
func TestHistoryIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from, to := large(t, 1000, 2), large(t, 1000, 3)
		p := &primary{db: zone.NewDB(1 << 30), reports: make(chan xfr.Report, 10)}
		p.account(nil)
		p.put(to, nil)
		recalled := make(chan struct{})
		s := xfr.NewServer(xfr.Config{
			DB: p.db, Patience: time.Minute, Recalled: func() <-chan struct{} { return recalled }, Done: func(r xfr.Report) { p.reports <- r },
		})
		ask := func(typ wire.Type, serial uint32) {
			t.Helper()
			if err := s.Stream(t.Context(), io.Discard, request(query(typ, &serial, false))); err != nil {
				t.Error(err)
			}
		}
		took := func(kind xfr.Kind, want time.Duration) {
			t.Helper()
			if r := p.last(); r.Kind != kind || r.Duration != want {
				t.Errorf("%s after %v, want %s after %v", r.Kind, r.Duration, kind, want)
			}
		}
		ask(wire.TypeAXFR, 1)
		took(xfr.AXFR, 0)
		ask(wire.TypeIXFR, 3)
		took(xfr.UpToDate, 0)
		ask(wire.TypeIXFR, 2) // it does not wait for ever
		took(xfr.Full, time.Minute)
		go ask(wire.TypeIXFR, 2)
		time.Sleep(time.Second)
		p.db.Remember("z", []*zone.Delta{zone.Diff(from, to)})
		close(recalled)
		took(xfr.IXFR, time.Second)
		ask(wire.TypeIXFR, 7) // newer than ours
		took(xfr.UpToDate, 0)
	})
}

// A transfer ends when the client may not have it any longer, whatever took its right away.
func TestAccessIsWithdrawn(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		withdraw func(p *primary)
	}{
		{"switched off", func(p *primary) { p.db.SetLinks("z", 2, zone.Links{Peers: []string{"p"}}) }},
		{"unlinked", func(p *primary) { p.db.SetLinks("z", 2, zone.Links{Enabled: true}) }},
		{"key demanded", func(p *primary) { p.account(key) }},
		{"zone gone", func(p *primary) { p.db.Remove("z") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := &primary{db: zone.NewDB(0)}
			p.account(nil)
			p.put(large(t, 20000, 5), nil)
			var rep xfr.Report
			s := xfr.NewServer(xfr.Config{DB: p.db, Done: func(r xfr.Report) { rep = r }})
			var got bytes.Buffer
			w := writerFunc(func(b []byte) (int, error) {
				if got.Len() == 0 {
					tt.withdraw(p)
				}
				return got.Write(b)
			})
			err := s.Stream(t.Context(), w, request(query(wire.TypeAXFR, nil, false)))
			if !errors.Is(err, xfr.ErrRevoked) || rep.Reason == "" {
				t.Errorf("%v, %+v", err, rep)
			}
			if n := bytes.Count(got.Bytes(), soa(5).Data[0]); n != 1 {
				t.Errorf("%d SOAs were sent", n)
			}
		})
	}
}

// The first piece is short, so that the client can begin; later ones are long.
func TestPiecesGrow(t *testing.T) {
	t.Parallel()
	p := &primary{db: zone.NewDB(0)}
	p.account(nil)
	p.put(large(t, 60000, 1), nil)
	s := xfr.NewServer(xfr.Config{DB: p.db})
	var sizes []int
	w := writerFunc(func(b []byte) (int, error) { sizes = append(sizes, len(b)); return len(b), nil })
	if err := s.Stream(t.Context(), w, request(query(wire.TypeAXFR, nil, false))); err != nil {
		t.Fatal(err)
	}
	if len(sizes) < 6 || sizes[0] > 20<<10 || sizes[4] < 128<<10 || sizes[4] > 160<<10 {
		t.Errorf("pieces of %v octets", sizes)
	}
}

// A running transfer holds less than 256 KiB, and a hundred thousand records more take no more of it.
func TestTransferMemory(t *testing.T) {
	p := &primary{db: zone.NewDB(0)}
	p.account(key)
	p.put(large(t, 100_000, 1), nil)
	s := xfr.NewServer(xfr.Config{DB: p.db})
	signed := tsig.NewClient(key).Sign(query(wire.TypeAXFR, nil, false), 0, time.Now())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := s.Stream(t.Context(), io.Discard, request(signed)); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 256<<10 {
		t.Errorf("%d octets were allocated", n)
	}
	r := request(signed)
	if n := testing.AllocsPerRun(5, func() { _ = s.Stream(t.Context(), io.Discard, r) }); n > 40 {
		t.Errorf("%.0f allocations a transfer", n)
	}
}

// A signed datagram verifies, also the one sent in place of an answer that turned out too long.
func TestSignedDatagrams(t *testing.T) {
	t.Parallel()
	p := &primary{db: zone.NewDB(0)}
	p.account(key)
	old, _ := zone.Build(apex, []rr.Set{soa(1)})
	a, b := soa(1), soa(2)
	d := &zone.Delta{From: 1, To: 2, Removed: a.AppendWire(nil), Added: b.AppendWire(nil)}
	for i := range 40 {
		owner, _ := apex.Child(fmt.Sprintf("name%d", i))
		d.Added = wire.AppendRR(d.Added, owner, wire.TypeA, wire.ClassIN, 60, []byte{1, 2, 3, byte(i)})
	}
	v, err := old.Apply(d)
	if err != nil {
		t.Fatal(err)
	}
	p.put(v, []*zone.Delta{d})
	s := xfr.NewServer(xfr.Config{DB: p.db})
	one := uint32(1)
	for _, size := range []int{4096, 900} {
		c := tsig.NewClient(key)
		r := request(c.Sign(query(wire.TypeIXFR, &one, false), 0, time.Now()))
		r.Size = size
		r.TCP = false
		out := s.Datagram(nil, r)
		var last wire.Record
		read, err := wire.NewReader(out)
		if err != nil {
			t.Fatal(err)
		}
		for rec := (wire.Record{}); read.Next(&rec); {
			last = rec
		}
		if err := c.Verify(out, last.At, true, time.Now()); err != nil {
			t.Errorf("size %d: %v", size, err)
		}
		if want := map[int]int{4096: 44, 900: 1}[size]; read.Count(wire.SectionAnswer) != want {
			t.Errorf("size %d: %d records in %d octets", size, read.Count(wire.SectionAnswer), len(out))
		}
	}
}

// Many edits of one record are one small delta, even where the zone is smaller than its history.
func TestHistoryIsCondensedBeforeItIsJudged(t *testing.T) {
	t.Parallel()
	p := serve(t, nil)
	h := &history{}
	for serial := range uint32(100) {
		set := rr.Set{Owner: apex, Type: wire.TypeTXT, TTL: 60, Data: [][]byte{append([]byte{100}, bytes.Repeat([]byte{byte(serial)}, 100)...)}}
		v, err := zone.Build(apex, []rr.Set{soa(serial + 1), set})
		if err != nil {
			t.Fatal(err)
		}
		if serial > 0 {
			h.deltas = append(h.deltas, zone.Diff(h.versions[serial-1], v))
		}
		h.versions = append(h.versions, v)
	}
	p.put(h.versions[99], h.deltas)
	one := uint32(1)
	got, err := xfr.Fetch(t.Context(), xfr.Source{Server: p.addr, Zone: apex, Serial: &one})
	if err != nil {
		t.Fatal(err)
	}
	if got.Kind != xfr.IXFR || len(got.Deltas) != 1 {
		t.Fatalf("%s with %d deltas", got.Kind, len(got.Deltas))
	}
	checkIncrement(t, h.versions[0], h.versions[99], got, false)
}

// The messages of a small zone, octet by octet: names end in pointers to the question's and to those before.
func TestPacking(t *testing.T) {
	t.Parallel()
	p := &primary{db: zone.NewDB(0)}
	p.account(nil)
	www, _ := apex.Child("www")
	deep, _ := www.Child("deep")
	v, err := zone.Build(apex, []rr.Set{
		soa(7),
		{Owner: www, Type: wire.TypeA, TTL: 60, Data: [][]byte{{1, 2, 3, 4}, {5, 6, 7, 8}}},
		{Owner: deep, Type: wire.TypeMX, TTL: 60, Data: [][]byte{append([]byte{0, 9}, www...)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.put(v, nil)
	var got bytes.Buffer
	if err := xfr.NewServer(xfr.Config{DB: p.db}).Stream(t.Context(), &got, request(query(wire.TypeAXFR, nil, false))); err != nil {
		t.Fatal(err)
	}
	data := string(soa(7).Data[0]) // not compressed: that would save little, and cost a look at every name
	soaRR := "\xc0\x0c\x00\x06\x00\x01\x00\x00\x0e\x10\x00" + string([]byte{byte(len(data))}) + data
	msg := "\x00\x4d\x84\x00\x00\x01\x00\x05\x00\x00\x00\x00" + // header: our id, QR and AA, five answers
		"\x07example\x03org\x00\x00\xfc\x00\x01" + soaRR
	at := len(msg)
	msg += "\x03www\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x01\x02\x03\x04" +
		"\xc0" + string([]byte{byte(at)}) + "\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x05\x06\x07\x08" +
		"\x04deep\xc0" + string([]byte{byte(at)}) + "\x00\x0f\x00\x01\x00\x00\x00\x3c\x00\x08\x00\x09\x03www\xc0\x0c" + soaRR
	want := string(binary.BigEndian.AppendUint16(nil, uint16(len(msg)))) + msg
	if got.String() != want {
		t.Errorf("got\n%q, want\n%q", got.String(), want)
	}
}

// The first message of an answer has the question, the others have none, and no name in them points to one.
func TestQuestionOnce(t *testing.T) {
	t.Parallel()
	for _, name := range []wire.Name{apex, "\x00"} {
		soa := soa(7)
		soa.Owner = name
		sets := []rr.Set{soa}
		for i := range 3000 {
			owner, err := name.Child(fmt.Sprintf("h%d", i))
			if err != nil {
				t.Fatal(err)
			}
			sets = append(sets, rr.Set{Owner: owner, Type: wire.TypeCNAME, TTL: 60, Data: [][]byte{append([]byte("\x01x"), name...)}})
		}
		v, err := zone.Build(name, sets)
		if err != nil {
			t.Fatal(err)
		}
		p := &primary{db: zone.NewDB(0)}
		p.account(nil)
		p.put(v, nil)
		var ask wire.Builder
		ask.Start(nil, 512, 77, 0)
		ask.Question([]byte(name), wire.TypeIXFR, wire.ClassIN)
		ask.Section(wire.SectionAuthority)
		ask.Append([]byte(name), wire.TypeSOA, wire.ClassIN, 0, append([]byte{0, 0, 0, 0, 0, 1}, make([]byte, 16)...))
		var got bytes.Buffer
		if err := xfr.NewServer(xfr.Config{DB: p.db}).Stream(t.Context(), &got, request(ask.Finish())); err != nil {
			t.Fatal(err)
		}
		messages, records := 0, map[wire.Name]bool{}
		for b := got.Bytes(); len(b) > 0; messages++ {
			n := int(binary.BigEndian.Uint16(b))
			r, err := wire.NewReader(b[2 : 2+n])
			if err != nil {
				t.Fatal(err)
			}
			if want := 1 - min(messages, 1); r.Count(wire.SectionQuestion) != want {
				t.Errorf("message %d of %s has %d questions", messages, name, r.Count(wire.SectionQuestion))
			}
			for rec := (wire.Record{}); r.Next(&rec); {
				if rec.Type == wire.TypeOPT {
					continue
				}
				records[rec.Owner] = true
				if data, err := r.Expand(nil, &rec); err != nil || rec.Type == wire.TypeCNAME && string(data) != "\x01x"+string(name) {
					t.Fatalf("%s: %q, %v", rec.Owner, data, err)
				}
			}
			if r.Err() != nil {
				t.Fatal(r.Err())
			}
			b = b[2+n:]
		}
		if messages < 3 || len(records) != 3001 {
			t.Errorf("%d messages with %d owners", messages, len(records))
		}
	}
}
