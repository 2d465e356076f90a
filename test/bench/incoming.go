//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// transferred tells of some transfers that began at once: when the last of them ended, and when the last of them had its
// first message.
type transferred struct{ took, first time.Duration }

// transfers fetches the zone n times at once and reads it to its end, looking at no more than message headers.
func (b *bench) transfers(ctx context.Context, c *contestant, n int) (transferred, error) {
	all := make([]*incoming, n)
	for i := range all {
		all[i] = &incoming{}
	}
	return b.drain(ctx, c, all)
}

// incoming is a transfer that is being read.
type incoming struct {
	sign *tsig.Client // nil: not signed
	keep *stream      // nil: messages are not kept

	fd    int
	buf   []byte // what was read, from the start of a message
	n     int    // octets in it
	got   int    // records
	first time.Duration
	ended bool
}

// drain reads transfers that begin at once, each in turn as much as is there. It is one thread, which waits for all
// sockets: a goroutine for each would be woken when another has nothing to read, and charge the server with that.
func (b *bench) drain(ctx context.Context, c *contestant, all []*incoming) (transferred, error) {
	for _, d := range all {
		d.buf = make([]byte, 256<<10)
		clear(d.buf) // the kernel gives the memory before the time runs
	}
	var t transferred
	begin := time.Now()
	defer func() {
		for _, d := range all {
			d.close()
		}
	}()
	for _, d := range all {
		if err := d.open(c); err != nil {
			return t, err
		}
	}
	for open := len(all); open > 0; {
		ready, err := wait(ctx, all, begin.Add(2*time.Minute))
		if err != nil {
			return t, err
		}
		for _, d := range ready {
			if err := b.read(d, c, begin); err != nil {
				return t, fmt.Errorf("after %d records: %w", d.got, err)
			}
			if d.ended {
				t.took, t.first = time.Since(begin), max(t.first, d.first)
				open--
				d.close()
			}
		}
	}
	return t, nil
}

// open connects and sends the request.
func (d *incoming) open(c *contestant) (err error) {
	if d.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(d.fd, &unix.SockaddrInet4{Port: int(c.addr.Port()), Addr: c.addr.Addr().As4()}); err != nil {
		return os.NewSyscallError("connect", err)
	}
	_, err = unix.Write(d.fd, requestAXFR(d.sign))
	return os.NewSyscallError("write", err)
}

func (d *incoming) close() {
	if d.fd > 0 {
		_ = unix.Close(d.fd)
		d.fd = 0
	}
}

// wait returns the transfers that have something to read.
func wait(ctx context.Context, all []*incoming, until time.Time) (ready []*incoming, err error) {
	var fds []unix.PollFd
	var of []*incoming
	for _, d := range all {
		if d.fd > 0 {
			fds, of = append(fds, unix.PollFd{Fd: int32(d.fd), Events: unix.POLLIN}), append(of, d)
		}
	}
	for {
		n, err := unix.Poll(fds, 100)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil && err != unix.EINTR:
			return nil, os.NewSyscallError("poll", err)
		case time.Now().After(until):
			return nil, errSilent
		case n <= 0:
			continue
		}
		for i := range fds {
			if fds[i].Revents != 0 {
				ready = append(ready, of[i])
			}
		}
		return ready, nil
	}
}

// read takes what is there, once, and looks at the messages that are whole.
func (b *bench) read(d *incoming, c *contestant, begin time.Time) error {
	n, err := unix.Read(d.fd, d.buf[d.n:])
	if err != nil {
		return os.NewSyscallError("read", err)
	}
	if n == 0 {
		return io.ErrUnexpectedEOF
	}
	d.n += n
	at := 0
	for d.n-at >= 2 && !d.ended {
		end := at + 2 + int(binary.BigEndian.Uint16(d.buf[at:]))
		if end > d.n {
			break
		}
		m := d.buf[at+2 : end]
		if d.first == 0 {
			d.first = time.Since(begin)
		}
		if d.keep != nil {
			d.keep.buf = append(d.keep.buf, d.buf[at:end]...)
		}
		if err := b.message(d, c, m); err != nil {
			return err
		}
		at = end
	}
	d.n = copy(d.buf, d.buf[at:d.n])
	return nil
}

// message looks at a message. It counts records by the messages' headers: the zone's, those that were added, and the closing SOA.
func (b *bench) message(d *incoming, c *contestant, m []byte) error {
	if code := wire.HeaderFlags(m).Rcode(); code != wire.RcodeNoError {
		return fmt.Errorf("%w: %s", errRefused, code)
	}
	want := max(b.records, b.signed) + 1
	d.got += wire.Count(m, wire.SectionAnswer)
	if d.got > want && !c.grown {
		return fmt.Errorf("%w: %d records instead of %d", errSilent, d.got, want)
	}
	d.ended = d.got >= want && closes(m)
	return nil
}

func requestAXFR(sign *tsig.Client) []byte {
	var q wire.Builder
	q.Start(nil, wire.MaxMessage, 7, 0)
	q.Question([]byte(wire.MustName(zoneName)), wire.TypeAXFR, wire.ClassIN)
	msg := q.Finish()
	if sign != nil {
		msg = sign.Sign(msg, 0, time.Now())
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)
}

// closes says whether the last answer in a message is a SOA.
func closes(msg []byte) bool {
	r, err := wire.NewReader(msg)
	if err != nil {
		return false
	}
	var last wire.Type
	for rec := (wire.Record{}); r.Next(&rec); {
		if rec.Section == wire.SectionAnswer {
			last = rec.Type
		}
	}
	return r.Err() == nil && last == wire.TypeSOA
}
