package update

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// TestOnce: of the same message at once one is done, and the others get its answer; a failure of ours is tried again.
func TestOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r recent
		var done atomic.Int32
		work := func() outcome {
			done.Add(1)
			time.Sleep(time.Second)
			return outcome{code: wire.RcodeYXDomain}
		}
		answers := make(chan outcome, 8)
		for range cap(answers) {
			go func() {
				out, _ := r.once(t.Context(), "one", time.Now(), work)
				answers <- out
			}()
		}
		for range cap(answers) {
			if out := <-answers; out.code != wire.RcodeYXDomain {
				t.Errorf("%s", out.code)
			}
		}
		if done.Load() != 1 {
			t.Errorf("it was done %d times", done.Load())
		}
		if _, repeated := r.once(t.Context(), "one", time.Now(), work); !repeated {
			t.Error("it was done again")
		}
		time.Sleep(remembered + time.Second)
		r.once(t.Context(), "other", time.Now(), work) // by which what is old is forgotten
		if _, repeated := r.once(t.Context(), "one", time.Now(), work); repeated {
			t.Error("it is remembered for ever")
		}
		fails := func() outcome { return outcome{code: wire.RcodeServFail} }
		for range 2 {
			if _, repeated := r.once(t.Context(), "failing", time.Now(), fails); repeated {
				t.Error("a failure of ours was not tried again")
			}
		}
	})
}

// TestOnceGivenUp: who has no time left is not kept by one that is being done.
func TestOnceGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r recent
		go r.once(t.Context(), "slow", time.Now(), func() outcome {
			time.Sleep(time.Hour)
			return outcome{}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if out, _ := r.once(ctx, "slow", time.Now(), func() outcome { return outcome{} }); out.code != wire.RcodeServFail {
			t.Errorf("%s", out.code)
		}
		time.Sleep(2 * time.Hour)
	})
}

// TestRemembersSome: however many messages come, so many are remembered.
func TestRemembersSome(t *testing.T) {
	t.Parallel()
	var r recent
	now := time.Now()
	for i := range 2 * rememberedMost {
		r.once(t.Context(), model.ID(fmt.Sprint(i)), now, func() outcome { return outcome{} })
	}
	if len(r.of) > rememberedMost || len(r.order) > 2*rememberedMost+1 {
		t.Errorf("%d and %d", len(r.of), len(r.order))
	}
}

// TestKeyBounds: a key has its rate and its share of what is under way, and no other is hindered by it.
func TestKeyBounds(t *testing.T) {
	t.Parallel()
	k := keyBounds{perSecond: 10}
	now := time.Unix(1_800_000_000, 0)
	take := func(key string) bool {
		leave, ok := k.enter(key, "", now)
		if ok {
			defer leave()
		}
		return ok && k.pay(key, "", now)
	}
	n := 0
	for take("one") {
		n++
	}
	if n != 20 || !take("two") {
		t.Errorf("%d came at once", n)
	}
	now = now.Add(time.Second)
	for n = 0; take("one"); n++ {
	}
	if n != 10 {
		t.Errorf("%d came a second later", n)
	}
	k = keyBounds{}
	for n = 0; ; n++ {
		if _, ok := k.enter("one", "", now); !ok {
			break
		}
	}
	if n != keyRunning || !take("two") {
		t.Errorf("%d are under way", n)
	}
	// Ten keys of an account take half of the room, and four keys' rate.
	busy := keyBounds{}
	for n = range 1000 {
		if _, ok := busy.enter("a", fmt.Sprint(n%10), now); !ok {
			break
		}
	}
	if _, ok := busy.enter("b", "0", now); n != accountRunning || !ok {
		t.Errorf("%d of one account are under way", n)
	}
	busy = keyBounds{perSecond: 10}
	n = 0
	for i := range 1000 {
		if busy.pay("a", fmt.Sprint(i%10), now) {
			n++
		}
	}
	if ok := busy.pay("b", "0", now); n != 2*accountKeys*10 || !ok {
		t.Errorf("%d of one account at once", n)
	}
	for i := range 3 * keysMost {
		now = now.Add(10 * time.Millisecond)
		take(fmt.Sprint(i))
	}
	if len(k.of) > keysMost {
		t.Errorf("%d keys are remembered", len(k.of))
	}
}

// TestCopiesTakeNoPlaces: however often a message comes again while it is being done, it takes no more of the places of all than its key may
// have; and copies use up nothing of what the key may ask for.
func TestCopiesTakeNoPlaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := zone.NewDB(0)
		db.SetAccount(&zone.Account{ID: "acc"})
		apex := wire.MustName("example.com")
		soa := append([]byte("\x02ns\x00\x01h\x00"), make([]byte, 20)...)
		v, err := zone.Build(apex, []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{soa}}})
		if err != nil {
			t.Fatal(err)
		}
		db.Reset("z", "acc", 1, v, v, zone.Links{}, nil)
		goOn := make(chan struct{})
		s := New(Config{
			DB: db, Clock: time.Now, PerSecond: 1,
			Zone: func(ctx context.Context, _ model.ID) (model.Zone, error) {
				select {
				case <-goOn:
				case <-ctx.Done():
				}
				return model.Zone{}, model.ErrNotFound
			},
		})
		request := signed(t, apex)
		answered := make(chan wire.Rcode, 1000)
		for range cap(answered) {
			go func() {
				code, _ := s.Update(t.Context(), request())
				answered <- code
			}()
		}
		synctest.Wait()
		if n := cap(answered) - len(answered); n != keyRunning {
			t.Errorf("%d copies of one message are under way, want %d", n, keyRunning)
		}
		close(goOn)
		done := 0
		for range cap(answered) {
			if <-answered == wire.RcodeNotAuth {
				done++
			}
		}
		if done != keyRunning || s.keys.of["acc "+string(wire.MustName("key"))].left != 1 {
			t.Errorf("%d were answered as the first", done)
		}
	})
}

// signed makes requests that are the same message of one key.
func signed(t *testing.T, apex wire.Name) func() *wire.Request {
	t.Helper()
	k := &tsig.Key{Name: wire.MustName("key"), Algorithm: tsig.HMACSHA256, Secret: []byte("0123456789abcdef0123456789abcdef")}
	var b wire.Builder
	b.Start(nil, 512, 7, 0)
	b.Question([]byte(apex), wire.TypeSOA, wire.ClassIN)
	plain := b.Finish()
	plain[2] = byte(wire.OpcodeUpdate) << 3
	at := len(plain)
	msg := tsig.NewClient(k).Sign(plain, 0, time.Now())
	return func() *wire.Request {
		signer, code := tsig.Verify(msg, at, []*tsig.Key{k}, time.Now())
		if code != wire.RcodeNoError {
			t.Error(code)
		}
		r := &wire.Request{Signer: signer}
		if r.Parse(msg) != wire.ParseOK {
			t.Error("the message cannot be read")
		}
		return r
	}
}
