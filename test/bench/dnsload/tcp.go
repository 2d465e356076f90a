//go:build linux

package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// tcpClient pipelines on one connection: it fills the window with one write and reads what comes until half of the
// window is free. Answers may come in any order (RFC 7766 section 6.2.1.1).
type tcpClient struct {
	o    options
	qs   *queries
	next int
	conn net.Conn
}

func newTCP(o options, qs *queries, first int) (*tcpClient, error) {
	conn, err := net.DialTimeout("tcp", o.server.String(), 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &tcpClient{o: o, qs: qs, next: first, conn: conn}, nil
}

func (c *tcpClient) run(p *phase) (*tally, error) {
	defer func() { _ = c.conn.Close() }()
	t := new(tally)
	slots := newSlots(c.o.window)
	r := bufio.NewReaderSize(c.conn, 256<<10)
	msg := make([]byte, wire.MaxMessage)
	var out []byte
	for now := p.now(); !p.over(now); now = p.now() {
		out = out[:0]
		for slots.free() > 0 {
			q := c.next
			c.next = (q + 1) % c.qs.len()
			m := c.qs.message(q)
			out = binary.BigEndian.AppendUint16(out, uint16(len(m)))
			out = append(out, m...)
			wire.SetID(out[len(out)-len(m):], slots.take(q, now, now))
			if now >= p.from {
				t.sent++
			}
		}
		if err := c.conn.SetDeadline(time.Now().Add(c.o.timeout)); err != nil {
			return nil, err
		}
		if _, err := c.conn.Write(out); err != nil {
			return nil, err
		}
		for 2*slots.free() < c.o.window {
			n, err := readMessage(r, msg)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.lost += uint64(c.o.window - slots.free())
				return nil, fmt.Errorf("no answer within %v: %w", c.o.timeout, err)
			}
			if err != nil {
				return nil, err
			}
			slots.answer(t, p, c.qs, msg[:n], p.now())
		}
	}
	return t, nil
}

func readMessage(r io.Reader, b []byte) (int, error) {
	if _, err := io.ReadFull(r, b[:2]); err != nil {
		return 0, err
	}
	n := int(binary.BigEndian.Uint16(b))
	_, err := io.ReadFull(r, b[:n])
	return n, err
}
