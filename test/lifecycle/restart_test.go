package lifecycle

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/test/bench/fill"
	"github.com/headwaterdns/headwater/test/node"
)

// load asks a node while processes follow each other, each question once, and counts.
type load struct {
	t       *testing.T
	n       *node.Node
	zones   int
	over    atomic.Bool
	clients sync.WaitGroup

	udp, tcp, transfers, changes atomic.Int64
	// moved are questions over a connection that the server had closed between two of them. They are asked again, once, over
	// another, as every client has to (RFC 7766 section 6.2.4).
	moved atomic.Int64
	// again are changes that met the end of their connection and were answered that nobody has read them (RFC 9110 section 15.5.9).
	again atomic.Int64
}

// question is one for an address that the i-th zone has, behind its length.
func question(i int) []byte {
	name, _ := fill.Probe(i)
	msg := append([]byte{byte(i >> 8), byte(i), 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, name...)
	msg = append(msg, 0, byte(wire.TypeA), 0, byte(wire.ClassIN))
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)
}

// right says whether msg answers the question about the i-th zone.
func right(i int, msg []byte) error {
	_, address := fill.Probe(i)
	if len(msg) < wire.HeaderLen || wire.ID(msg) != uint16(i) || wire.HeaderFlags(msg).Rcode() != wire.RcodeNoError || !strings.Contains(string(msg), string(address)) {
		return fmt.Errorf("not the answer about %s: %x", fill.Name(i), msg)
	}
	return nil
}

// answerTime is how long a busy machine may take; a datagram that is lost is never answered.
const answerTime = 30 * time.Second

func (l *load) run(count *atomic.Int64, what string, once func(i int) error) {
	l.clients.Go(func() {
		for i := int(count.Add(1)); !l.over.Load(); i = int(count.Add(1)) {
			if err := once(i % l.zones); err != nil {
				l.t.Errorf("%s: %v", what, err)
				return
			}
		}
	})
}

func (l *load) datagrams() {
	c, err := net.Dial("udp", l.n.DNS.String())
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
	b := make([]byte, 1232)
	l.run(&l.udp, "a query over UDP", func(i int) error {
		_ = c.SetDeadline(time.Now().Add(answerTime))
		if _, err := c.Write(question(i)[2:]); err != nil {
			return err
		}
		n, err := c.Read(b)
		if err != nil {
			return err
		}
		return right(i, b[:n])
	})
}

// streams asks so many questions by a connection, one after the other.
func (l *load) streams(each int) {
	var c net.Conn
	used := 0
	l.run(&l.tcp, "a query over TCP", func(i int) error {
		for {
			if c == nil || used == each {
				if c != nil {
					c.Close()
				}
				var err error
				if c, err = net.Dial("tcp", l.n.DNS.String()); err != nil {
					return err
				}
				used = 0
			}
			msg, err := overTCP(c, question(i))
			if err != nil && used > 0 {
				c.Close()
				c = nil
				l.moved.Add(1)
				continue
			}
			used++
			if err != nil {
				return err
			}
			return right(i, msg)
		}
	})
}

func overTCP(c net.Conn, framed []byte) ([]byte, error) {
	_ = c.SetDeadline(time.Now().Add(answerTime))
	if _, err := c.Write(framed); err != nil {
		return nil, err
	}
	return message(c)
}

func message(c io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(c, b)
	return b, err
}

func (l *load) fetches() {
	l.run(&l.transfers, "a transfer", func(i int) error {
		_, err := xfr.Fetch(l.t.Context(), xfr.Source{Server: l.n.DNS, Zone: wire.MustName(fill.Name(i)), Timeout: answerTime})
		return err
	})
}

// writes makes a record and another; each has to succeed, at the first try, unless its connection ends as it is sent: then the answer
// says that nobody has read it, and it is sent again.
func (l *load) writes(zone string) {
	l.run(&l.changes, "a change", func(i int) error {
		record := map[string]any{"type": "TXT", "name": fmt.Sprintf("c%d", i), "content": fmt.Sprint(i, time.Now().UnixNano())}
		for {
			a, err := l.n.Do(l.t.Context(), http.MethodPost, "/zones/"+zone+"/dns_records", record)
			if err == nil && a.Status == http.StatusRequestTimeout {
				l.again.Add(1)
				continue
			}
			if err == nil && a.Status != http.StatusOK {
				err = fmt.Errorf("status %d: %s", a.Status, a.Body)
			}
			return err
		}
	})
}

// slow begins a transfer of the large zone and reads it little by little until hurry ends, the less the longer it takes: it shall not
// be over before that. It returns when all is there.
func slow(ctx context.Context, at netip.AddrPort, zone wire.Name, hurry <-chan struct{}) (octets int, err error) {
	c, err := net.Dial("tcp", at.String())
	if err != nil {
		return 0, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	_ = c.(*net.TCPConn).SetReadBuffer(128 << 10)
	msg := append([]byte{1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, zone...)
	msg = append(msg, 0, byte(wire.TypeAXFR), 0, byte(wire.ClassIN))
	if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)); err != nil {
		return 0, err
	}
	for soas, pause := 0, 50*time.Millisecond; soas < 2; pause = min(pause*11/10, 2*time.Second) {
		b, err := message(c)
		if err != nil {
			return octets, fmt.Errorf("cut after %d octets: %w", octets, err)
		}
		octets += len(b)
		r, err := wire.NewReader(b)
		if err != nil {
			return octets, err
		}
		for rec := (wire.Record{}); r.Next(&rec); {
			if rec.Section == wire.SectionAnswer && rec.Type == wire.TypeSOA {
				soas++
			}
		}
		select {
		case <-hurry:
		case <-time.After(pause):
		}
	}
	return octets, nil
}

// TestRestartUnderLoad has processes follow each other under queries, transfers and changes. No query is lost, no transfer is broken
// off, not even one that takes longer than the process that began it, and every change succeeds. HEADWATER_RESTART is the number of zones.
func TestRestartUnderLoad(t *testing.T) {
	zones := 300
	if s := os.Getenv("HEADWATER_RESTART"); s != "" {
		var err error
		if zones, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	} else {
		t.Parallel()
	}
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			dir, cfg, flags := t.TempDir(), fill.Config{Zones: zones, Records: 5, Token: node.Token, Transfers: true}, []string(nil)
			if cfg.Data = dir; engine == "postgres" {
				cfg.Database = pgtest.Start(t).Database(t)
				flags = []string{"--database", cfg.Database}
			}
			if err := fill.Fill(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			n, err := node.Start(dir, flags...)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(n.Kill)
			restartUnderLoad(t, n, zones)
		})
	}
}

func restartUnderLoad(t *testing.T, n *node.Node, zones int) {
	var z zone
	n.Call(t, http.MethodPost, "/accounts/"+n.Account+"/secondary_dns/acls", map[string]any{"name": "here", "ip_range": "127.0.0.0/24"}, nil)
	n.Call(t, http.MethodPost, "/zones", `{"name":"large.example"}`, &z)
	var posts []map[string]any
	for i := range 4000 {
		posts = append(posts, map[string]any{"type": "TXT", "name": fmt.Sprintf("t%d", i), "content": strings.Repeat("x", 2000)})
	}
	n.Call(t, http.MethodPost, "/zones/"+z.ID+"/dns_records/batch", map[string]any{"posts": posts}, nil)
	n.Call(t, http.MethodPost, "/zones/"+z.ID+"/secondary_dns/outgoing", map[string]any{"name": "large.example", "peers": []string{}}, nil)
	n.Call(t, http.MethodPost, "/zones/"+z.ID+"/secondary_dns/outgoing/enable", map[string]any{}, nil)

	l := &load{t: t, n: n, zones: zones}
	for range 4 {
		l.datagrams()
	}
	l.streams(1)
	l.streams(100)
	l.fetches()
	l.writes(z.ID)
	defer func() {
		if t.Failed() {
			t.Log(n.Log())
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for range 2 {
		old, before := n.Pid(), [3]int64{l.udp.Load(), l.tcp.Load(), l.transfers.Load()}
		hurry, whole := make(chan struct{}), make(chan error, 1)
		go func() {
			octets, err := slow(ctx, n.DNS, wire.MustName("large.example"), hurry)
			t.Logf("a transfer of %d octets, %v", octets, err)
			whole <- err
		}()
		until(t, "load", func() bool {
			return t.Failed() || l.udp.Load() > before[0]+100 && l.tcp.Load() > before[1]+20 && l.transfers.Load() > before[2]+5
		})
		began := time.Now()
		if err := n.HandOver(ctx); err != nil {
			t.Fatal(err)
		}
		t.Logf("taken over after %s", time.Since(began).Round(time.Millisecond))
		select {
		case err := <-whole:
			t.Errorf("the transfer ended before there was a hurry: %v", err)
			whole <- err
		default:
		}
		close(hurry)
		if err := <-whole; err != nil {
			t.Errorf("a transfer that outlives its process: %v", err)
		}
		if err := node.Gone(ctx, old); err != nil {
			t.Fatal(err)
		}
	}
	l.over.Store(true)
	l.clients.Wait()
	t.Logf("%d queries over UDP, %d over TCP (%d asked again on another connection), %d transfers, %d changes (%d sent again)",
		l.udp.Load(), l.tcp.Load(), l.moved.Load(), l.transfers.Load(), l.changes.Load(), l.again.Load())
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
}
