package watch

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/ask"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// What keeps an answer from us. The words hold no addresses and no ports of ours, so that the same reads the same.
//
//nolint:gochecknoglobals // tables
var (
	silent      = trouble{State: Unreachable, Text: "no answer in time"}
	nobody      = trouble{State: Unreachable, Text: "nothing listens there"}
	untold      = trouble{State: Unreachable, Text: "no answer"}
	notAsked    = trouble{State: Unreachable, Text: "this server asks nobody at that address"}
	garbled     = trouble{State: Unreachable, Text: "the answer is malformed"}
	noAuthority = trouble{State: NoZone, Text: "it answers, but is no authority for the zone"}
	noSOA       = trouble{State: NoZone, Text: "it answers, but knows no such zone"}
)

// ask asks a server for a zone's serial. Where tenants must not find out what listens, one word covers all that is no answer.
func (w *Watcher) ask(ctx context.Context, name wire.Name, at netip.AddrPort) (uint32, trouble) {
	serial, t := w.question(ctx, name, at)
	return serial, w.tellable(t, at.Addr())
}

func (w *Watcher) tellable(t trouble, at netip.Addr) trouble {
	if t.State == Unreachable && !w.cfg.Tells(at) {
		return untold
	}
	return t
}

// overBoth asks over UDP, and over TCP where that got nothing or was cut short.
func (w *Watcher) overBoth(ctx context.Context, name wire.Name, at netip.AddrPort) (uint32, trouble) {
	msg, t := w.exchange(ctx, "udp", at, name)
	if t.none() && wire.HeaderFlags(msg)&wire.FlagTC == 0 {
		return serialOf(msg, name)
	}
	msg, tcp := w.exchange(ctx, "tcp", at, name)
	switch {
	case tcp.none():
		return serialOf(msg, name)
	case t.none():
		return 0, tcp
	}
	return 0, t
}

func (w *Watcher) exchange(ctx context.Context, network string, to netip.AddrPort, name wire.Name) ([]byte, trouble) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, network, to.String())
	if err != nil {
		return nil, inWords(err)
	}
	defer c.Close()
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return nil, inWords(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) }) // a question may be given up before its time is over
	defer stop()
	question := soaQuestion(name)
	msg := question
	if network == "tcp" {
		msg = append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)
	}
	if _, err := c.Write(msg); err != nil {
		return nil, inWords(err)
	}
	if network == "udp" && ctx.Value(pressing{}) != nil {
		go repeat(ctx, c, msg)
	}
	buf := make([]byte, wire.MaxMessage)
	for {
		n, err := read(c, network, buf)
		if err != nil {
			return nil, inWords(err)
		}
		if belongs(buf[:n], question) {
			return buf[:n], trouble{}
		}
	}
}

// soaQuestion is the one that is put to secondaries: without EDNS, which none needs for an SOA.
func soaQuestion(name wire.Name) []byte {
	var b wire.Builder
	b.Start(nil, 512, uint16(rand.Uint32()), 0)
	b.Question([]byte(name), wire.TypeSOA, wire.ClassIN)
	return b.Finish()
}

// belongs says whether a message answers a question. An error may come without it, as from servers that have not read so far.
func belongs(msg, question []byte) bool {
	if len(msg) < wire.HeaderLen || wire.ID(msg) != wire.ID(question) || wire.HeaderFlags(msg)&wire.FlagQR == 0 {
		return false
	}
	bare := wire.Count(msg, wire.SectionQuestion) == 0 && msg[3]&0xf != 0
	return bare || ask.Answers(msg, question, false)
}

// pressing marks the context of a question that somebody waits for.
type pressing struct{}

// repeat sends a question again until it is over, first soon and then more and more seldom: servers that start, or change over to what they have
// just fetched, lose what came meanwhile.
func repeat(ctx context.Context, c net.Conn, msg []byte) {
	begin := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(soonest, time.Since(begin)/4)):
			if _, err := c.Write(msg); err != nil {
				return // the reader hears of it
			}
		}
	}
}

func read(c net.Conn, network string, buf []byte) (int, error) {
	if network == "udp" {
		return c.Read(buf)
	}
	if _, err := io.ReadFull(c, buf[:2]); err != nil {
		return 0, err
	}
	return io.ReadFull(c, buf[:binary.BigEndian.Uint16(buf)])
}

// inWords says why there was no answer.
func inWords(err error) trouble {
	no, isErrno := errors.AsType[syscall.Errno](err)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		return silent
	case no == syscall.ECONNREFUSED:
		return nobody
	case isErrno:
		return trouble{State: Unreachable, Text: no.Error()}
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return trouble{State: Unreachable, Text: "it closes the connection"}
	}
	if silence, ok := errors.AsType[net.Error](err); ok && silence.Timeout() {
		return silent
	}
	return trouble{State: Unreachable, Text: "the connection fails"}
}

// serialOf takes the zone's serial from an authoritative answer.
func serialOf(msg []byte, name wire.Name) (uint32, trouble) {
	r, err := wire.NewReader(msg)
	if err != nil {
		return 0, garbled
	}
	switch code := r.Rcode(); {
	case code == wire.RcodeNXDomain || code == wire.RcodeNotAuth:
		return 0, trouble{NoZone, "it answers " + code.String() + ": it does not have the zone", code}
	case code == wire.RcodeServFail:
		return 0, trouble{Refuses, "it answers SERVFAIL: it has no contents of the zone, or they have expired", code}
	case code != wire.RcodeNoError:
		return 0, trouble{Refuses, "it answers " + code.String(), code}
	case r.Flags()&wire.FlagAA == 0:
		return 0, noAuthority
	}
	for rec := (wire.Record{}); r.Next(&rec); {
		if rec.Section != wire.SectionAnswer || rec.Type != wire.TypeSOA || rec.Owner != name {
			continue
		}
		data, err := r.Expand(nil, &rec)
		if err != nil {
			return 0, garbled
		}
		serial, err := wire.SOASerial(data)
		if err != nil {
			return 0, garbled
		}
		return serial, trouble{}
	}
	return 0, noSOA
}
