package peers

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
)

// poll asks done again and again, with pauses that grow from 2 to 100 ms, until it says yes, fails, or ctx ends. The
// pause is the only wait there is for what a foreign process does not announce.
func poll(ctx context.Context, done func() (bool, error)) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for pause := 2 * time.Millisecond; ; pause = min(pause*3/2, 100*time.Millisecond) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		if ok, err := done(); ok || err != nil {
			return err
		}
		timer.Reset(pause)
	}
}

// ErrNotLoaded is the error of a serial asked from a server that has no contents of the zone (yet).
var ErrNotLoaded = errors.New("the zone is not loaded")

// Serial asks a server for a zone's serial, over UDP, as Ask does.
func Serial(ctx context.Context, server netip.AddrPort, zone wire.Name) (uint32, error) {
	msg, err := Ask(ctx, "udp", server, zone, wire.TypeSOA)
	if err != nil {
		return 0, err
	}
	return serialIn(msg)
}

// serialIn reads the serial off an answer.
func serialIn(msg []byte) (uint32, error) {
	soa, err := answerOf(msg, wire.TypeSOA)
	if err != nil {
		return 0, err
	}
	rec, _, err := wire.NextRR(soa)
	if err != nil {
		return 0, fmt.Errorf("%w: %s", ErrNotLoaded, wire.HeaderFlags(msg).Rcode())
	}
	return wire.SOASerial(rec.RData)
}

// Lookup asks the secondary for an RRset over TCP and gives its records in uncompressed wire form.
func (s *Secondary) Lookup(ctx context.Context, name wire.Name, t wire.Type) ([]byte, error) {
	msg, err := Ask(ctx, "tcp", s.Addr(), name, t)
	if err != nil {
		return nil, err
	}
	return answerOf(msg, t)
}

// Ask sends a query to a server, by "udp" or "tcp", and gives the whole response. It asks again when the server drops the
// connection, as NSD does while it changes over to another version, and when no answer comes: a datagram can be lost, and who
// answers can be held up, by a machine that has other things to do. It gives up after half a minute, or when ctx ends.
func Ask(ctx context.Context, network string, server netip.AddrPort, name wire.Name, t wire.Type) (msg []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var last error
	err = poll(ctx, func() (bool, error) {
		var err error
		msg, err = ask(ctx, network, server, name, t)
		for _, passing := range []error{syscall.ECONNRESET, syscall.EPIPE, io.EOF, io.ErrUnexpectedEOF, os.ErrDeadlineExceeded} {
			if errors.Is(err, passing) {
				last = err
				return false, nil
			}
		}
		return true, err
	})
	if err != nil && ctx.Err() != nil {
		err = errors.Join(err, last)
	}
	return msg, err
}

// answerOf reads the records of a type from a message's answer section.
func answerOf(msg []byte, t wire.Type) ([]byte, error) {
	r, err := wire.NewReader(msg)
	if err != nil {
		return nil, err
	}
	var out []byte
	for rec := (wire.Record{}); r.Next(&rec); {
		if rec.Section != wire.SectionAnswer || rec.Type != t {
			continue
		}
		if out, err = r.AppendRR(out, &rec); err != nil {
			return nil, err
		}
	}
	return out, r.Err()
}

// askTime is after how long without an answer it is asked again, answerTime after how long no more.
const (
	askTime    = time.Second
	answerTime = 30 * time.Second
)

// ask sends one query and waits for its answer.
func ask(ctx context.Context, network string, server netip.AddrPort, name wire.Name, t wire.Type) ([]byte, error) {
	var b wire.Builder
	id := uint16(rand.Uint32())
	var length []byte
	if network == "tcp" {
		length = []byte{0, 0}
	}
	b.Start(length, wire.MaxMessage, id, 0)
	b.Question([]byte(name), t, wire.ClassIN)
	msg := b.Finish()
	if network == "tcp" {
		binary.BigEndian.PutUint16(msg, uint16(len(msg)-2))
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if err := c.SetDeadline(time.Now().Add(askTime)); err != nil {
		return nil, err
	}
	if _, err := c.Write(msg); err != nil {
		return nil, err
	}
	return receive(c, network, id)
}

func receive(c net.Conn, network string, id uint16) ([]byte, error) {
	buf := make([]byte, wire.MaxMessage)
	for {
		n, err := receiveOne(c, network, buf)
		if err != nil {
			return nil, err
		}
		if n >= wire.HeaderLen && wire.ID(buf) == id && wire.HeaderFlags(buf)&wire.FlagQR != 0 {
			return buf[:n], nil
		}
	}
}

func receiveOne(c net.Conn, network string, buf []byte) (int, error) {
	if network == "udp" {
		return c.Read(buf)
	}
	if _, err := io.ReadFull(c, buf[:2]); err != nil {
		return 0, err
	}
	return io.ReadFull(c, buf[:binary.BigEndian.Uint16(buf)])
}

// answers says whether the secondary answers anything at all.
func (s *Secondary) answers(ctx context.Context) bool {
	_, err := ask(ctx, "udp", s.Addr(), wire.Root, wire.TypeSOA)
	return err == nil
}

// Serial is the serial that the secondary has of a zone.
func (s *Secondary) Serial(ctx context.Context, zone wire.Name) (uint32, error) {
	return Serial(ctx, s.Addr(), zone)
}

// WaitSerial waits until the secondary has a serial or a newer one (RFC 1982), or ctx ends.
func (s *Secondary) WaitSerial(ctx context.Context, zone wire.Name, serial uint32) error {
	var have uint32
	var last error
	err := poll(ctx, func() (bool, error) {
		if !s.proc.running() {
			return false, fmt.Errorf("it ended: %w", s.proc.err)
		}
		msg, err := ask(ctx, "udp", s.Addr(), zone, wire.TypeSOA)
		if err == nil {
			have, err = serialIn(msg)
		}
		if err != nil {
			if ctx.Err() == nil {
				last = err
			}
			return false, nil
		}
		last = nil
		return have == serial || wire.SerialNewer(have, serial), nil
	})
	if err == nil {
		return nil
	}
	if last != nil {
		err = fmt.Errorf("%w; its last answer: %w", err, last)
	}
	return fmt.Errorf("%s waits for %s serial %d, has %d: %w", s.cfg.Program, zone, serial, have, err)
}

// Transfer fetches a zone from the secondary by AXFR. What PowerDNS holds and answers but does not hand on is added.
func (s *Secondary) Transfer(ctx context.Context, zone wire.Name) (*xfr.Result, error) {
	r, err := xfr.Fetch(ctx, xfr.Source{Server: s.Addr(), Zone: zone})
	if err == nil && s.cfg.Program == PowerDNS {
		r.Records, err = s.appendWithheld(ctx, r.Records, zone)
	}
	if err != nil {
		return nil, fmt.Errorf("from %s: %w", s.cfg.Program, err)
	}
	return r, nil
}

// TransferAt is Transfer for a serial that WaitSerial has seen: while a server changes over (NSD's children, for one), a new
// connection may still reach what it served before, or be reset; neither is an answer to the question what it holds now.
func (s *Secondary) TransferAt(ctx context.Context, zone wire.Name, serial uint32) (*xfr.Result, error) {
	var got *xfr.Result
	var last error
	err := poll(ctx, func() (bool, error) {
		r, err := s.Transfer(ctx, zone)
		if err != nil {
			if ctx.Err() == nil {
				last = err
			}
			return false, nil
		}
		got, last = r, nil
		return got.Serial == serial || wire.SerialNewer(got.Serial, serial), nil
	})
	if err != nil {
		return nil, fmt.Errorf("transfer at serial %d: %w", serial, errors.Join(err, last))
	}
	return got, nil
}
