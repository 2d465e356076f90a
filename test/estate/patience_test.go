package estate_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// TestWaitersLeaveTheStoreAlone: 200 who wait for a zone cost the database nothing while they wait: it is asked as often meanwhile as when nobody waits.
func TestWaitersLeaveTheStoreAlone(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t)
	url, talk := counted(t, pg.Database(t))
	n := node.Must(t, "--database", url)
	at, err := peers.Free(peers.NSD)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := newKey(t, n, "patient.example.")
	zone := newZone(t, n, "patient.example", newPeer(t, n, "nobody", at, key))
	// meanwhile is how much is said to the database in some seconds.
	meanwhile := func() int64 {
		before := talk.Load()
		time.Sleep(2 * time.Second)
		return talk.Load() - before
	}
	idle := max(meanwhile(), meanwhile())

	ctx, leave := context.WithCancel(t.Context())
	var asked, gone sync.WaitGroup
	asked.Add(waiters)
	for range waiters {
		gone.Go(func() {
			once := sync.OnceFunc(asked.Done)
			defer once()
			ctx := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { once() }})
			if a, err := n.Do(ctx, http.MethodGet, "/headwater/v1/zones/"+zone+"/live?wait=5m", nil); err == nil {
				t.Errorf("%+v", a)
			}
		})
	}
	asked.Wait()
	// What lets each of them in asks the database; a machine that is busy takes its time for that.
	var waiting []int64
	for range 10 {
		waiting = append(waiting, meanwhile())
		if waiting[len(waiting)-1] <= idle+waiters/4 {
			break
		}
	}
	leave()
	gone.Wait()
	t.Logf("messages to the database in 2 s: %d while nobody waits, %d while %d do", idle, waiting, waiters)
	if waiting[len(waiting)-1] > idle+waiters/4 {
		t.Errorf("it is asked %d times while %d wait, %d times while nobody does", waiting, waiters, idle)
	}
}

// counted puts itself before a database, and counts the pieces that are said to it.
func counted(t *testing.T, url string) (through string, said *atomic.Int64) {
	t.Helper()
	_, rest, _ := strings.Cut(url, "@")
	host, _, _ := strings.Cut(rest, "/")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	said = &atomic.Int64{}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", host)
			if err != nil {
				c.Close()
				continue
			}
			go func() { _, _ = io.Copy(c, up); c.Close() }()
			go func() { _, _ = io.Copy(writes{up, said}, c); up.Close() }()
		}
	}()
	return strings.Replace(url, host, l.Addr().String(), 1), said
}

// writes counts what is written.
type writes struct {
	to   io.Writer
	many *atomic.Int64
}

func (w writes) Write(b []byte) (int, error) {
	w.many.Add(1)
	return w.to.Write(b)
}
