//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/test/node"
)

// add makes a record on a node and returns when the node has said yes.
func add(ctx context.Context, n *node.Node, zone, name string) error {
	a, err := n.Do(ctx, http.MethodPost, "/zones/"+zone+"/dns_records", map[string]any{"type": "A", "name": name, "content": "192.0.2.1"})
	if err != nil {
		return err
	}
	if !a.Success {
		return fmt.Errorf("add record: %d %s", a.Status, a.Body)
	}
	return nil
}

func id(a *node.Answer) (string, error) {
	var made struct{ ID string }
	if err := json.Unmarshal(a.Result, &made); err != nil {
		return "", err
	}
	return made.ID, nil
}

// question is a query that is ready to be sent, again and again.
type question struct {
	conn *net.UDPConn
	msg  []byte
}

func newQuestion(server netip.AddrPort, name string) (*question, error) {
	msg, err := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeA).Pack()
	if err != nil {
		return nil, err
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		return nil, err
	}
	return &question{conn: conn, msg: msg}, nil
}

func (q *question) close() { _ = q.conn.Close() }

// askPause lies between an answer and the next query: the server shall have the processor for other things.
const askPause = 100 * time.Microsecond

var errLate = errors.New("not there after ten seconds")

// await asks until the name is there, and says how long that took.
func (q *question) await(ctx context.Context) (time.Duration, error) {
	begin := time.Now()
	buf := make([]byte, 1500)
	for ctx.Err() == nil {
		if _, err := q.conn.Write(q.msg); err != nil {
			return 0, err
		}
		_ = q.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, err := q.conn.Read(buf)
		took := time.Since(begin)
		if err == nil {
			var m dns.Msg
			if err := m.Unpack(buf[:n]); err != nil {
				return 0, err
			}
			if m.Rcode == dns.RcodeSuccess && len(m.Answer) == 1 {
				return took, nil
			}
		} else if !errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, err
		}
		if took > 10*time.Second {
			return 0, errLate
		}
		time.Sleep(askPause) // a server does not announce what it knows
	}
	return 0, ctx.Err()
}
