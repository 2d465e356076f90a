package told

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/test/node"
)

// Stream is the events of a node, as they come.
type Stream struct {
	tb     testing.TB
	Events chan string // "secondary {…}"; closed at the stream's end
	mu     sync.Mutex
	cursor string
}

// Follow listens to a node, from behind a cursor if there is one, until ctx ends.
func Follow(ctx context.Context, tb testing.TB, n *node.Node, cursor string) *Stream {
	tb.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, n.HTTP+"/headwater/v1/events?cursor="+cursor, http.NoBody)
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+node.Token)
	res, err := http.DefaultClient.Do(r) //nolint:bodyclose // read closes it
	if err != nil {
		tb.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		tb.Fatalf("events: status %d", res.StatusCode)
	}
	s := &Stream{tb: tb, Events: make(chan string, 10_000)}
	go s.read(res)
	return s
}

func (s *Stream) read(res *http.Response) {
	defer res.Body.Close()
	defer close(s.Events)
	name, id := "", ""
	for in := bufio.NewScanner(res.Body); in.Scan(); {
		field, value, _ := strings.Cut(in.Text(), ": ")
		switch field {
		case "id":
			id = value
		case "event":
			name = value
		case "data":
			s.Events <- name + " " + value
		case "": // the end of a frame
			s.mu.Lock()
			s.cursor = id
			s.mu.Unlock()
		}
	}
}

// Cursor is where the stream has come to.
func (s *Stream) Cursor() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursor
}

// Await reads on until an event has all of the words.
func (s *Stream) Await(words ...string) {
	s.tb.Helper()
	end := time.After(2 * time.Minute)
	var seen []string
next:
	for {
		select {
		case e, ok := <-s.Events:
			if !ok {
				s.tb.Fatalf("the stream ended before %q; it had %q", words, seen)
			}
			seen = append(seen, e)
			for _, w := range words {
				if !strings.Contains(e, w) {
					continue next
				}
			}
			return
		case <-end:
			s.tb.Fatalf("no event with %q; there were %q", words, seen)
		}
	}
}
