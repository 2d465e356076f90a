package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/cores"
)

// places bounds what reads much at once, exports, long lists and reviews: for each account, and in all. A client that does
// not read what it asked for keeps a place of its own account, and others wait for none of its.
type places struct {
	each, all int
	patience  time.Duration

	mu    sync.Mutex
	taken int
	of    map[model.ID]int
	freed chan struct{} // closed, and made anew, whenever a place is given back
}

// placePatience is how long a request waits for a place before it is told to come again.
const placePatience = time.Second

func newPlaces(each, all int) *places {
	return &places{each: each, all: all, patience: placePatience, of: map[model.ID]int{}, freed: make(chan struct{})}
}

// take waits a moment for a place of the account and gives what gives it back; false: there is none.
func (p *places) take(ctx context.Context, account model.ID) (end func(), ok bool) {
	ctx, cancel := context.WithTimeout(ctx, p.patience)
	defer cancel()
	for {
		freed, ok := p.try(account)
		if ok {
			return sync.OnceFunc(func() { p.give(account) }), true
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, false
		}
	}
}

func (p *places) try(account model.ID) (freed <-chan struct{}, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of[account] >= p.each || p.taken >= p.all {
		return p.freed, false
	}
	p.of[account]++
	p.taken++
	return nil, true
}

func (p *places) give(account model.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.of[account]--; p.of[account] == 0 {
		delete(p.of, account)
	}
	close(p.freed)
	p.freed = make(chan struct{})
}

// Heavily runs a handler in a place of the request's account, or of the one who asks where the request names none.
func (q *Request) Heavily(handle func() error) error {
	account := q.Account
	if account == "" {
		account = q.Who.Home()
	}
	return q.placed(q.API.places, account, handle, "Too many exports, long lists and reviews of this account or server are under way. Please wait and try again.")
}

// Waiting runs a handler that does nothing but wait, in a place among others that wait.
func (q *Request) Waiting(handle func() error) error {
	return q.placed(q.API.waits, q.Account, handle, tooManyWait)
}

const tooManyWait = "Too many requests of this account or server wait for a zone already. Please wait and try again."

// Streaming runs a handler that goes on until its client or this node leaves, in a place among others like it.
func (q *Request) Streaming(handle func() error) error {
	return q.placed(q.API.streams, q.Who.Home(), handle, "Too many streams of events of this account or server are open. Please close one.")
}

func (q *Request) placed(among *places, account model.ID, handle func() error, full string) error {
	end, ok := among.take(q.Ctx(), account)
	if !ok {
		q.retryAfter(2)
		return &Failed{Status: http.StatusTooManyRequests, Code: codeRate, Message: full}
	}
	defer end()
	return handle()
}

// InTurns runs a handler that computes for long before each piece of its answer: in turns with others like it, but for the time
// in which its client takes a piece.
func (q *Request) InTurns(handle func() error) error {
	turn, err := cores.Long(q.Ctx())
	if err != nil {
		return err
	}
	defer turn.End()
	plain := q.W
	q.W = &turnWriter{plain, turn}
	defer func() { q.W = plain }()
	return handle()
}

// turnWriter writes to a client while somebody else has the turn.
type turnWriter struct {
	http.ResponseWriter

	turn *cores.Turn
}

func (w *turnWriter) Write(b []byte) (n int, err error) {
	w.turn.Apart(func() { n, err = w.ResponseWriter.Write(b) })
	return n, err
}

// Unwrap gives what is behind to http.ResponseController.
func (w *turnWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Long runs a handler that reads and computes for long: in a place, and in turns.
func (q *Request) Long(handle func() error) error {
	return q.Heavily(func() error { return q.InTurns(handle) })
}

// Lengthy is a handler that is always run so.
func Lengthy(handle func(*API, *Request) error) func(*API, *Request) error {
	return func(a *API, q *Request) error {
		return q.Long(func() error { return handle(a, q) })
	}
}

// Heavy is a handler that always needs a place.
func Heavy(handle func(*API, *Request) error) func(*API, *Request) error {
	return func(a *API, q *Request) error {
		return q.Heavily(func() error { return handle(a, q) })
	}
}
