package notify_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func TestMain(m *testing.M) { testkit.VerifyTestMain(m) }

var apex = wire.MustName("example")

func version(t testing.TB, serial uint32) *zone.Version {
	t.Helper()
	data := append([]byte("\x02ns\x00\x01h\x00"), make([]byte, 20)...)
	binary.BigEndian.PutUint32(data[len(data)-20:], serial)
	v, err := zone.Build(apex, []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{data}}})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// peer is a secondary's socket: a test sees each NOTIFY and decides on the answer.
type peer struct {
	c    *net.UDPConn
	key  *tsig.Key
	next *tsig.Key // that follows it
	got  chan note
	addr netip.AddrPort
}

type note struct {
	serial uint32
	msg    []byte
	from   netip.AddrPort
	q      *wire.Query
}

func newPeer(t testing.TB) *peer {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{c: c, got: make(chan note, 1000), addr: c.LocalAddr().(*net.UDPAddr).AddrPort()}
	done := make(chan struct{})
	t.Cleanup(func() { c.Close(); <-done })
	go func() {
		defer close(done)
		for {
			buf := make([]byte, 1500)
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			q := &wire.Query{}
			if q.Parse(buf[:n]) == wire.ParseOK && q.Opcode == wire.OpcodeNotify {
				p.got <- note{serial: q.Serial, msg: buf[:n], from: from, q: q}
			}
		}
	}()
	return p
}

func (p *peer) wait(t testing.TB) note {
	t.Helper()
	select {
	case n := <-p.got:
		return n
	case <-time.After(testkit.Patience):
		t.Fatal("no NOTIFY came")
		return note{}
	}
}

// reply answers a NOTIFY.
func (p *peer) reply(t testing.TB, n note, code wire.Rcode, key *tsig.Key) {
	t.Helper()
	var b wire.Builder
	b.Start(nil, 512, n.q.ID, (wire.FlagQR | wire.FlagAA).WithOpcode(wire.OpcodeNotify))
	b.Echo(n.q)
	b.SetRcode(code)
	msg := b.Finish()
	if key != nil {
		s, _ := tsig.Verify(n.msg, n.q.TSIGAt, []*tsig.Key{key}, time.Now())
		if s == nil {
			t.Fatal("the NOTIFY is not signed")
		}
		msg, _ = s.Sign(msg, 0, time.Now())
	}
	if _, err := p.c.WriteToUDPAddrPort(msg, n.from); err != nil {
		t.Fatal(err)
	}
}

type world struct {
	db     *zone.DB
	s      *notify.Sender
	answer chan notify.Status
	mu     sync.Mutex
	saved  map[string]uint32
	stop   func()
}

func start(t testing.TB, cfg notify.Config, enabled bool, peers ...*peer) *world {
	t.Helper()
	if cfg.Retry == 0 {
		cfg.Retry, cfg.RetryMost = time.Hour, time.Hour // a machine that is busy for a second makes nobody repeat anything
	}
	w := &world{db: zone.NewDB(0), answer: make(chan notify.Status, 1000), saved: map[string]uint32{}}
	acc := &zone.Account{ID: "acc", Peers: map[string]zone.Peer{}}
	links := zone.Links{Enabled: enabled}
	for i, p := range peers {
		id := string(rune('a' + i))
		acc.Peers[id] = zone.Peer{ID: id, Name: id, Addr: p.addr, Key: p.key, Next: p.next}
		links.Peers = append(links.Peers, id)
	}
	w.db.SetAccount(acc)
	v := version(t, 1)
	w.db.Reset("z", "acc", 1, v, v, links, nil)
	cfg.DB = w.db
	cfg.Answered = func(_ string, s notify.Status) { w.answer <- s }
	cfg.Save = func(_ context.Context, acks []notify.Ack) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, a := range acks {
			w.saved[a.Peer] = a.Serial
		}
		return nil
	}
	w.s = notify.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.s.Run(ctx) }()
	var once sync.Once
	w.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(w.stop)
	return w
}

func (w *world) publish(t testing.TB, serial uint32) {
	t.Helper()
	v := version(t, serial)
	st := w.db.ByID("z").State()
	w.s.Wake(w.db.Reset("z", "acc", st.Seq+1, v, v, st.Links, nil))
}

func (w *world) waitAnswer(t testing.TB) notify.Status {
	t.Helper()
	select {
	case s := <-w.answer:
		return s
	case <-time.After(testkit.Patience):
		t.Fatal("no answer was heard")
		return notify.Status{}
	}
}

// waitIdle waits until nothing is pending.
func (w *world) waitIdle(t testing.TB) { t.Helper(); w.waitPending(t, 0) }

// waitPending waits until n NOTIFYs are to be sent or answered.
func (w *world) waitPending(t testing.TB, n int) {
	t.Helper()
	deadline := time.Now().Add(testkit.Patience)
	for w.s.Stats().Pending != n {
		if time.Now().After(deadline) {
			t.Fatalf("%d pending, not %d", w.s.Stats().Pending, n)
		}
		runtime.Gosched()
	}
}

func TestToldAtStartAndAtEveryChange(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	w := start(t, notify.Config{Interval: time.Millisecond}, true, p)
	for serial := uint32(1); serial < 5; serial++ {
		if serial > 1 {
			w.publish(t, serial)
		}
		n := p.wait(t)
		if n.serial != serial {
			t.Fatalf("told of %d, want %d", n.serial, serial)
		}
		p.reply(t, n, wire.RcodeNoError, nil)
		if s := w.waitAnswer(t); s.Acked != serial || s.Pending || s.Answer != "NOERROR" {
			t.Fatalf("%+v", s)
		}
	}
	w.stop()
	if w.saved["a"] != 4 {
		t.Errorf("saved %v", w.saved)
	}
}

func TestRetriesUntilAnswered(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	w := start(t, notify.Config{Retry: 5 * time.Millisecond}, true, p)
	first := p.wait(t)
	second := p.wait(t)
	third := p.wait(t)
	if first.q.ID == second.q.ID && second.q.ID == third.q.ID {
		t.Error("retries share their identifier")
	}
	// Only the newest message can be answered.
	last := third
	for {
		p.reply(t, last, wire.RcodeNoError, nil)
		select {
		case last = <-p.got:
			continue
		case s := <-w.answer:
			if s.Answer != "NOERROR" {
				continue
			}
		}
		break
	}
	if st := w.s.Stats(); st.Pending != 0 || st.Retries < 2 {
		t.Errorf("%+v", st)
	}
}

func TestDeadPeerDelaysNoOther(t *testing.T) {
	t.Parallel()
	dead, p := newPeer(t), newPeer(t)
	w := start(t, notify.Config{Interval: time.Millisecond}, true, dead, p)
	for serial := uint32(1); serial < 20; serial++ {
		if serial > 1 {
			w.publish(t, serial)
		}
		n := p.wait(t)
		for n.serial != serial {
			n = p.wait(t)
		}
		p.reply(t, n, wire.RcodeNoError, nil)
	}
}

func TestChangesCoalesce(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	const interval = 300 * time.Millisecond
	w := start(t, notify.Config{Interval: interval}, true, p)
	n := p.wait(t)
	p.reply(t, n, wire.RcodeNoError, nil)
	w.waitAnswer(t)
	begin := time.Now()
	for serial := uint32(2); serial <= 200; serial++ {
		w.publish(t, serial)
	}
	told := 0
	for n.serial != 200 {
		n = p.wait(t)
		p.reply(t, n, wire.RcodeNoError, nil)
		told++
	}
	if took := time.Since(begin); told > 2+int(took/interval) {
		t.Errorf("%d NOTIFYs for 199 changes in %s", told, took)
	}
}

func TestSeenPeerIsLeftAlone(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	w := start(t, notify.Config{Retry: time.Hour, RetryMost: time.Hour}, true, p)
	p.wait(t)
	w.s.Seen("z", "a", 1)
	w.waitIdle(t)
}

func TestRefusalAndBadSignature(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.key, _ = tsig.NewKey("k", "hmac-sha256", "c2VjcmV0c2VjcmV0", false)
	w := start(t, notify.Config{Retry: time.Hour, RetryMost: time.Hour}, true, p)
	n := p.wait(t)
	p.reply(t, n, wire.RcodeNoError, nil)
	if s := w.waitAnswer(t); !s.Pending || s.Known {
		t.Errorf("an unsigned answer counts: %+v", s)
	}
	p.reply(t, n, wire.RcodeRefused, p.key)
	if s := w.waitAnswer(t); s.Answer != "REFUSED" || !s.Pending {
		t.Errorf("%+v", s)
	}
	w.s.Force(w.db.ByID("z"))
	n = p.wait(t)
	p.reply(t, n, wire.RcodeNoError, p.key)
	s := w.waitAnswer(t)
	for s.Answer != "NOERROR" { // the first is that of the message given up
		s = w.waitAnswer(t)
	}
	if s.Answer != "NOERROR" || s.Pending || s.Acked != 1 {
		t.Errorf("%+v", s)
	}
}

// TestClosedKey: a node that cannot open a peer's secret tells it nothing, and says so; another peer is told.
func TestClosedKey(t *testing.T) {
	t.Parallel()
	p, other := newPeer(t), newPeer(t)
	p.key = &tsig.Key{Name: wire.MustName("k"), Algorithm: tsig.HMACSHA256}
	w := start(t, notify.Config{Retry: time.Hour, RetryMost: time.Hour}, true, p, other)
	other.reply(t, other.wait(t), wire.RcodeNoError, nil)
	for range 2 { // in some order
		s := w.waitAnswer(t)
		if s.Peer == "a" && (s.Outcome != notify.Unsent || !s.Pending || !strings.Contains(s.Answer, "no secret key")) || s.Peer == "b" && s.Answer != "NOERROR" {
			t.Errorf("%+v", s)
		}
	}
	if len(p.got) > 0 {
		t.Error("it was told with a signature that is none")
	}
}

func TestForceAndLoadAndDisable(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	w := start(t, notify.Config{Interval: time.Millisecond, Load: func(_ context.Context, yield func(notify.Ack)) error {
		yield(notify.Ack{Zone: "z", Peer: "a", Serial: 1})
		return nil
	}}, true, p)
	// The peer is known to have serial 1: what comes is what was forced.
	w.s.Force(w.db.ByID("z"))
	n := p.wait(t)
	p.reply(t, n, wire.RcodeNoError, nil)
	w.waitAnswer(t)
	w.db.SetLinks("z", 9, zone.Links{Enabled: false, Peers: []string{"a"}})
	w.publish(t, 2)
	w.db.SetLinks("z", 10, zone.Links{Enabled: true, Peers: []string{"a"}})
	w.publish(t, 3)
	for n.serial != 3 {
		n = p.wait(t)
	}
}

// Switching transfers on tells every peer, also one that had the serial before a restart.
func TestSwitchingOnTells(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	w := start(t, notify.Config{Load: func(_ context.Context, yield func(notify.Ack)) error {
		yield(notify.Ack{Zone: "z", Peer: "a", Serial: 1})
		return nil
	}}, false, p)
	// A NOTIFY for another zone shows that the start is over.
	other := wire.MustName("other")
	v, err := zone.Build(other, []rr.Set{{Owner: other, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{make([]byte, 22)}}})
	if err != nil {
		t.Fatal(err)
	}
	links := zone.Links{Enabled: true, Peers: []string{"a"}}
	w.s.Wake(w.db.Reset("y", "acc", 2, v, v, links, nil))
	p.reply(t, p.wait(t), wire.RcodeNoError, nil)
	w.waitAnswer(t)
	w.s.Wake(w.db.SetLinks("z", 3, links))
	if n := p.wait(t); string(n.q.Name) != string(apex) || n.serial != 1 {
		t.Errorf("told of %q, serial %d", n.q.Name, n.serial)
	}
}

// A peer that gets another address is told there at once.
func TestMovedPeerIsToldAnew(t *testing.T) {
	t.Parallel()
	before, after := newPeer(t), newPeer(t)
	w := start(t, notify.Config{Retry: time.Hour, RetryMost: time.Hour, Interval: time.Millisecond}, true, before)
	before.wait(t)
	w.db.SetAccount(&zone.Account{ID: "acc", Peers: map[string]zone.Peer{"a": {ID: "a", Name: "a", Addr: after.addr}}})
	w.s.Wake(w.db.ByID("z"))
	n := after.wait(t)
	after.reply(t, n, wire.RcodeNoError, nil)
	if s := w.waitAnswer(t); s.Answer != "no answer yet" {
		t.Errorf("%+v", s)
	}
	if s := w.waitAnswer(t); s.Pending || s.Acked != 1 {
		t.Errorf("%+v", s)
	}
}

// An answer that comes after the peer was seen with the serial is still heard, and changes nothing else.
func TestLateAnswerIsHeard(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	w := start(t, notify.Config{Retry: time.Hour, RetryMost: time.Hour}, true, p)
	n := p.wait(t)
	w.s.Seen("z", "a", 1)
	w.waitIdle(t)
	p.reply(t, n, wire.RcodeRefused, nil)
	if s := w.waitAnswer(t); s.Answer != "REFUSED" || s.Pending || s.Acked != 1 {
		t.Errorf("%+v", s)
	}
	w.s.Seen("z", "a", 0) // late news
	w.s.Seen("z", "b", 7) // of nobody
	w.publish(t, 2)
	n = p.wait(t)
	p.reply(t, n, wire.RcodeNoError, nil)
	if s := w.waitAnswer(t); s.Acked != 2 {
		t.Errorf("%+v", s)
	}
	if st := w.s.Status("z"); len(st) != 1 || st[0].Acked != 2 || st[0].Answered.IsZero() {
		t.Errorf("%+v", st)
	}
}

// A peer is told after the last change though something at its address was seen with it; what was seen ends repetitions.
func TestSeenEndsRepetitionsOnly(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	w := start(t, notify.Config{Interval: 300 * time.Millisecond, Retry: time.Hour, RetryMost: time.Hour}, true, p)
	p.reply(t, p.wait(t), wire.RcodeNoError, nil)
	w.waitAnswer(t)
	w.publish(t, 2)
	w.s.Seen("z", "a", 2) // by a script that transferred from the peer's address, before the NOTIFY leaves
	if n := p.wait(t); n.serial != 2 {
		t.Errorf("told of %d", n.serial)
	}
	w.s.Seen("z", "a", 1)
	w.waitPending(t, 1)
	w.s.Seen("z", "a", 2)
	w.waitIdle(t)
	w.stop()
	if w.saved["a"] != 2 {
		t.Errorf("saved %v", w.saved)
	}
}

// A peer that claims a serial ahead of ours is told of ours nevertheless.
func TestPeersAheadAreTold(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	w := start(t, notify.Config{Interval: time.Millisecond, Load: func(_ context.Context, yield func(notify.Ack)) error {
		yield(notify.Ack{Zone: "z", Peer: "a", Serial: 2026112801})
		return nil
	}}, true, p)
	for serial := uint32(1); serial < 4; serial++ {
		n := p.wait(t)
		if n.serial != serial {
			t.Errorf("told of %d, want %d", n.serial, serial)
		}
		p.reply(t, n, wire.RcodeNoError, nil)
		w.s.Seen("z", "a", 2026112801)
		w.waitAnswer(t)
		w.publish(t, serial+1)
	}
}

// Ten thousand zones of a dead peer delay no NOTIFY to a living one, and leave nothing behind.
func TestManyZones(t *testing.T) {
	t.Parallel()
	const zones = 10_000
	dead, p := newPeer(t), newPeer(t)
	dead.c.Close()
	db := zone.NewDB(0)
	db.SetAccount(&zone.Account{ID: "acc", Peers: map[string]zone.Peer{
		"dead": {ID: "dead", Addr: dead.addr}, "p": {ID: "p", Addr: p.addr},
	}})
	for i := range zones {
		name := wire.MustName(fmt.Sprintf("z%d.example", i))
		v, err := zone.Build(name, []rr.Set{{Owner: name, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{make([]byte, 22)}}})
		if err != nil {
			t.Fatal(err)
		}
		db.Reset(fmt.Sprint(i), "acc", 1, v, v, zone.Links{Enabled: true, Peers: []string{"dead"}}, nil)
	}
	s := notify.New(notify.Config{DB: db, Rate: 50_000})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	deadline := time.Now().Add(testkit.Patience)
	for s.Stats().Sent < zones {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", s.Stats())
		}
		runtime.Gosched()
	}
	db.SetLinks("77", 2, zone.Links{Enabled: true, Peers: []string{"dead", "p"}})
	s.Wake(db.ByID("77"))
	p.wait(t)
	if st := s.Stats(); st.Pending != zones+1 {
		t.Errorf("%+v", st)
	}
	for i := range zones {
		s.Remove(fmt.Sprint(i))
	}
	for s.Stats().Pending != 0 {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", s.Stats())
		}
		runtime.Gosched()
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestFirstNotifyLeavesAtOnce(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	w := start(t, notify.Config{Interval: time.Millisecond}, true, p)
	n := p.wait(t)
	p.reply(t, n, wire.RcodeNoError, nil)
	w.waitAnswer(t)
	begin := time.Now()
	w.publish(t, 2)
	p.wait(t)
	t.Logf("NOTIFY seen %v after the publication", time.Since(begin))
}
