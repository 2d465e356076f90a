package notify_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// quiet fails the test when a NOTIFY came.
func (p *peer) quiet(t testing.TB) {
	t.Helper()
	select {
	case n := <-p.got:
		t.Fatalf("told of %d", n.serial)
	default:
	}
}

// TestTakesOver: a node that gets the duty tells what its predecessor did not, and nothing of what it did.
func TestTakesOver(t *testing.T) {
	t.Parallel()
	knows, lacks := newPeer(t), newPeer(t)
	var duty atomic.Bool
	var loads atomic.Int32
	w := start(t, notify.Config{
		Interval: time.Millisecond, Duty: func(string) bool { return duty.Load() },
		Load: func(_ context.Context, yield func(notify.Ack)) error {
			if loads.Add(1) == 2 {
				return errors.New("no database yet")
			}
			yield(notify.Ack{Zone: "z", Peer: "a", Serial: 3})
			yield(notify.Ack{Zone: "z", Peer: "b", Serial: 2})
			return nil
		},
	}, true, knows, lacks)
	w.publish(t, 2)
	w.publish(t, 3)
	duty.Store(true)
	w.s.Review() // its first try fails
	n := lacks.wait(t)
	if n.serial != 3 {
		t.Errorf("told of %d", n.serial)
	}
	lacks.reply(t, n, wire.RcodeNoError, nil)
	w.waitAnswer(t)
	knows.quiet(t)

	w.publish(t, 4)
	for _, p := range []*peer{knows, lacks} {
		if n := p.wait(t); n.serial != 4 {
			t.Errorf("told of %d", n.serial)
		}
	}
	w.stop()
}

// TestGivesUp: a node that loses the duty sends nothing more, not even what was due again.
func TestGivesUp(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	var duty atomic.Bool
	duty.Store(true)
	w := start(t, notify.Config{Retry: 20 * time.Millisecond, Duty: func(string) bool { return duty.Load() }}, true, p)
	p.wait(t)
	duty.Store(false)
	w.waitIdle(t)
	for len(p.got) > 0 {
		<-p.got // on its way already
	}
	w.publish(t, 2)
	w.stop()
	p.quiet(t)
}

// TestTakesOverForced: a NOTIFY that was asked for is sent by the next node, whether or not the last one had sent it.
func TestTakesOverForced(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	var duty atomic.Bool
	asked := make(chan struct{}, 100)
	w := start(t, notify.Config{
		Interval: time.Millisecond, Duty: func(string) bool { asked <- struct{}{}; return duty.Load() },
		Load: func(_ context.Context, yield func(notify.Ack)) error {
			yield(notify.Ack{Zone: "z", Peer: "a", Serial: 1})
			return nil
		},
	}, true, p)
	<-asked // at the start
	w.s.Force(w.db.ByID("z"))
	<-asked
	duty.Store(true)
	w.s.Review()
	if n := p.wait(t); n.serial != 1 {
		t.Errorf("told of %d", n.serial)
	} else {
		p.reply(t, n, wire.RcodeNoError, nil)
		w.waitAnswer(t)
	}
	w.s.Review()
	w.publish(t, 2)
	if n := p.wait(t); n.serial != 2 {
		t.Errorf("told of %d again", n.serial)
	}
}

// TestAnswerAfterDuty: an answer to what was sent before the duty was lost is kept for the next node, and remembered.
func TestAnswerAfterDuty(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	var duty atomic.Bool
	duty.Store(true)
	loads := make(chan struct{}, 10)
	w := start(t, notify.Config{
		Interval: time.Millisecond, Duty: func(string) bool { return duty.Load() },
		Load: func(context.Context, func(notify.Ack)) error { loads <- struct{}{}; return nil },
	}, true, p)
	<-loads
	n := p.wait(t)
	duty.Store(false)
	w.s.Wake(w.db.ByID("z"))
	w.waitIdle(t)
	p.reply(t, n, wire.RcodeNoError, nil)
	if s := w.waitAnswer(t); s.Acked != 1 || !s.Known {
		t.Errorf("%+v", s)
	}
	duty.Store(true)
	w.s.Review()
	<-loads
	w.publish(t, 2)
	if n := p.wait(t); n.serial != 2 {
		t.Errorf("told of %d again", n.serial)
	}
	w.stop()
	if w.saved["a"] != 1 {
		t.Errorf("saved %v", w.saved)
	}
}

// TestDutyLostForAMoment: what was sent before the duty was lost is not sent again when it comes back before the answer.
func TestDutyLostForAMoment(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	var duty atomic.Bool
	duty.Store(true)
	w := start(t, notify.Config{Interval: time.Nanosecond, Retry: time.Hour, RetryMost: time.Hour, Duty: func(string) bool { return duty.Load() }}, true, p)
	n := p.wait(t)
	duty.Store(false)
	w.s.Wake(w.db.ByID("z"))
	w.waitIdle(t)
	duty.Store(true)
	w.s.Review()
	w.waitPending(t, 1)
	p.quiet(t)
	p.reply(t, n, wire.RcodeNoError, nil)
	w.waitAnswer(t)
	w.publish(t, 2)
	if n := p.wait(t); n.serial != 2 {
		t.Errorf("told of %d again", n.serial)
	}
	w.stop()
}

// TestBehindTheOthers: a node that gets the duty back before it has caught up does not tell of a serial that its peer has
// left behind.
func TestBehindTheOthers(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	loads := make(chan struct{}, 10)
	w := start(t, notify.Config{
		Interval: time.Nanosecond,
		Load: func(_ context.Context, yield func(notify.Ack)) error {
			yield(notify.Ack{Zone: "z", Peer: "a", Serial: 3})
			loads <- struct{}{}
			return nil
		},
	}, true, p)
	<-loads
	w.s.Review()
	<-loads
	w.publish(t, 2)
	w.publish(t, 3)
	w.publish(t, 4)
	if n := p.wait(t); n.serial != 4 {
		t.Errorf("told of %d", n.serial)
	}
	w.stop()
}

// still passes over what is on its way already, and fails the test when NOTIFYs keep coming.
func (p *peer) still(t testing.TB) {
	t.Helper()
	for range 3 {
		select {
		case <-p.got:
		case <-time.After(200 * time.Millisecond): // nothing tells that nothing comes
			return
		}
	}
	t.Fatal("it is told all the same")
}

// TestBack: a node that had no duty for a while, perhaps without noticing, and is behind, tells nobody of what it sees late: the others
// have told of more. What was due when it went is not sent either.
func TestBack(t *testing.T) {
	t.Parallel()
	p, dead := newPeer(t), newPeer(t)
	gate, loading := make(chan struct{}), make(chan struct{}, 10)
	var loads atomic.Int32
	w := start(t, notify.Config{
		Interval: time.Millisecond, Retry: 100 * time.Millisecond, RetryMost: 100 * time.Millisecond,
		Load: func(ctx context.Context, yield func(notify.Ack)) error {
			if loads.Add(1) == 1 {
				return nil
			}
			loading <- struct{}{}
			select {
			case <-gate:
			case <-ctx.Done():
				return ctx.Err()
			}
			yield(notify.Ack{Zone: "z", Peer: "a", Serial: 3})
			yield(notify.Ack{Zone: "z", Peer: "b", Serial: 3})
			return nil
		},
	}, true, p, dead)
	p.reply(t, p.wait(t), wire.RcodeNoError, nil)
	dead.wait(t) // and never answers
	w.s.Back()
	<-loading
	dead.still(t)
	w.publish(t, 2) // it catches up
	p.still(t)
	w.publish(t, 3)
	w.s.Force(w.db.ByID("z"))
	close(gate)
	for _, p := range []*peer{p, dead} {
		if n := p.wait(t); n.serial != 3 {
			t.Errorf("told of %d", n.serial)
		} else {
			p.reply(t, n, wire.RcodeNoError, nil)
		}
	}
	w.stop()
}
