package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/test/node"
)

// book is what clients know of the records of all zones, by content, which no two changes share.
type book struct {
	mu    sync.Mutex
	there map[string]string // content to zone id: acknowledged
	maybe map[string]bool   // sent, and given up without an answer
	made  int               // changes acknowledged
	again int               // of these, found made when they were sent again
	tries int
}

// record is one that a writer may edit.
type record struct{ id, content string }

// writer changes records through all nodes in turn. Every change has a name and is sent until its outcome is known.
type writer struct {
	t     *testing.T
	n     int
	r     *rand.Rand
	nodes []*node.Node
	zones []string
	book  *book
	mine  map[string][]record // by zone
}

// answerTime bounds one try: a node may have been stopped.
const answerTime = 6 * time.Second

// run writes until stop is closed, and then ends the change under way. ctx ends it without that.
func (w *writer) run(ctx context.Context, stop <-chan struct{}) {
	w.mine = map[string][]record{}
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(2+w.r.IntN(25)) * time.Millisecond): // a client's own pace
		}
		zone := w.zones[w.r.IntN(len(w.zones))]
		name := fmt.Sprintf("w%d-%d", w.n, i)
		mine := w.mine[zone]
		switch pick := w.r.IntN(10); {
		case len(mine) > 60 || len(mine) > 5 && pick < 2:
			w.remove(ctx, zone, name, w.r.IntN(len(mine)))
		case len(mine) > 5 && pick < 5:
			w.edit(ctx, zone, name, w.r.IntN(len(mine)))
		default:
			w.create(ctx, zone, name)
		}
	}
}

func (w *writer) create(ctx context.Context, zone, name string) {
	body := map[string]any{"type": "TXT", "name": fmt.Sprintf("n%d", w.r.IntN(40)), "content": name}
	giveUp := w.r.IntN(8) == 0
	if giveUp {
		w.book.mu.Lock()
		w.book.maybe[name] = true
		w.book.mu.Unlock()
	}
	id, ok := w.send(ctx, http.MethodPost, "/zones/"+zone+"/dns_records", body, name, giveUp)
	if !ok {
		return
	}
	w.book.mu.Lock()
	delete(w.book.maybe, name)
	w.book.there[name] = zone
	w.book.mu.Unlock()
	if id != "" {
		w.mine[zone] = append(w.mine[zone], record{id, name})
	}
}

func (w *writer) edit(ctx context.Context, zone, name string, i int) {
	rec := &w.mine[zone][i]
	_, ok := w.send(ctx, http.MethodPatch, "/zones/"+zone+"/dns_records/"+rec.id, map[string]any{"content": name}, name, false)
	w.book.mu.Lock()
	defer w.book.mu.Unlock()
	delete(w.book.there, rec.content)
	if ok {
		w.book.there[name] = zone
	} else { // the run was ended: either may be there
		w.book.maybe[rec.content], w.book.maybe[name] = true, true
	}
	rec.content = name
}

func (w *writer) remove(ctx context.Context, zone, name string, i int) {
	list := w.mine[zone]
	rec := list[i]
	w.mine[zone] = append(list[:i:i], list[i+1:]...)
	_, ok := w.send(ctx, http.MethodDelete, "/zones/"+zone+"/dns_records/"+rec.id, nil, name, false)
	w.book.mu.Lock()
	defer w.book.mu.Unlock()
	delete(w.book.there, rec.content)
	if !ok {
		w.book.maybe[rec.content] = true
	}
}

// send makes a change, through one node after the other until one knows its outcome. With giveUp it is sent once. ok says
// that it was made; id is that of the record, where an answer told it.
func (w *writer) send(ctx context.Context, method, path string, body any, name string, giveUp bool) (id string, ok bool) {
	for try := 0; ctx.Err() == nil; try++ {
		n := w.nodes[w.r.IntN(len(w.nodes))]
		id, outcome := w.try(ctx, n, method, path, body, name, try > 0)
		switch {
		case outcome != unknown:
			w.book.mu.Lock()
			w.book.made++
			w.book.tries += try
			if outcome == madeBefore {
				w.book.again++
			}
			w.book.mu.Unlock()
			return id, outcome != refused
		case giveUp:
			return "", false
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(10+w.r.IntN(100)) * time.Millisecond):
		}
	}
	return "", false
}

type outcome int

const (
	unknown outcome = iota
	made
	madeBefore
	refused
)

func (w *writer) try(ctx context.Context, n *node.Node, method, path string, body any, name string, again bool) (string, outcome) {
	limit, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	a, err := n.Do(limit, method, path, body, [2]string{"Headwater-Change", name})
	if err != nil {
		return "", unknown // no answer, or half of one
	}
	switch {
	case a.Status == http.StatusOK:
		var got struct{ ID string }
		if err := json.Unmarshal(a.Result, &got); err != nil || got.ID == "" {
			w.t.Errorf("%s %s: %s", method, path, a.Body)
		}
		return got.ID, made
	case a.Status == http.StatusBadRequest && len(a.Errors) == 1 && a.Errors[0].Code == 10409,
		a.Status == http.StatusNotFound && method == http.MethodDelete && again:
		if !again {
			w.t.Errorf("%s %s: made before it was sent: %s", method, path, a.Body)
		}
		return "", madeBefore
	case a.Status == http.StatusServiceUnavailable:
		return "", unknown
	}
	w.t.Errorf("%s %s: status %d: %s", method, path, a.Status, a.Body)
	return "", refused
}
