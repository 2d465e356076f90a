package xfr

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// ErrAnswer is the error of an answer that is no transfer.
var ErrAnswer = errors.New("not a transfer")

// RcodeError is a server's refusal.
type RcodeError struct{ Code wire.Rcode }

func (e *RcodeError) Error() string { return "the server answered " + e.Code.String() }

// Source is where and how to fetch a zone.
type Source struct {
	Server netip.AddrPort
	Local  netip.Addr // source address; invalid: the system's choice
	Zone   wire.Name
	Key    *tsig.Key // nil: unsigned
	// Serial, when not nil, asks by IXFR for what came after it.
	Serial *uint32
	Now    func() time.Time
	// Timeout bounds each message; default 30 s.
	Timeout time.Duration
	Most    int64 // octets of all messages; 0: no bound
}

// Result is a fetched zone, or what changed in it.
type Result struct {
	Kind   Kind // AXFR, IXFR, Full or UpToDate
	Serial uint32
	// Records holds the whole zone for AXFR and Full: records in uncompressed wire form, the SOA first and once.
	Records []byte
	Deltas  []*zone.Delta // for IXFR, oldest first
	// Messages is how many messages the answer had; Bytes their length.
	Messages int
	Bytes    int64
}

// Fetch transfers a zone over TCP and verifies every signature. What it returns is whole.
func Fetch(ctx context.Context, src Source) (*Result, error) {
	if src.Now == nil {
		src.Now = time.Now
	}
	if src.Timeout <= 0 {
		src.Timeout = 30 * time.Second
	}
	d := net.Dialer{Timeout: src.Timeout}
	if src.Local.IsValid() {
		d.LocalAddr = &net.TCPAddr{IP: src.Local.AsSlice()}
	}
	c, err := d.DialContext(ctx, "tcp", src.Server.String())
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", src.Zone, err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	r, err := fetch(c, &src)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", src.Zone, err)
	}
	return r, nil
}

func fetch(c net.Conn, src *Source) (*Result, error) {
	var client *tsig.Client
	msg := request(src)
	if src.Key != nil {
		client = tsig.NewClient(src.Key)
		msg = client.Sign(msg, 0, src.Now())
	}
	if err := c.SetDeadline(src.Now().Add(src.Timeout)); err != nil {
		return nil, err
	}
	if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)); err != nil {
		return nil, err
	}
	a := assembler{src: src, id: wire.ID(msg), out: &Result{}}
	buf := make([]byte, 2, wire.MaxMessage)
	for !a.over {
		if err := c.SetDeadline(src.Now().Add(src.Timeout)); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(c, buf[:2]); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
		}
		n := int(binary.BigEndian.Uint16(buf))
		if _, err := io.ReadFull(c, buf[:n:wire.MaxMessage]); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
		}
		a.out.Messages++
		if a.out.Bytes += int64(n) + 2; src.Most > 0 && a.out.Bytes > src.Most {
			return nil, fmt.Errorf("%w: it is larger than the %d octets that are wanted", ErrAnswer, src.Most)
		}
		if err := a.message(buf[:n:n], client); err != nil {
			return nil, err
		}
	}
	return a.out, nil
}

// request makes the query.
func request(src *Source) []byte {
	typ := wire.TypeAXFR
	if src.Serial != nil {
		typ = wire.TypeIXFR
	}
	var b wire.Builder
	b.Start(nil, wire.MaxMessage, uint16(rand.Uint32()), 0)
	b.Question([]byte(src.Zone), typ, wire.ClassIN)
	if src.Serial != nil {
		b.Section(wire.SectionAuthority)
		soa := make([]byte, 22)
		binary.BigEndian.PutUint32(soa[2:], *src.Serial)
		b.Append([]byte(src.Zone), wire.TypeSOA, wire.ClassIN, 0, soa)
	}
	return b.Finish()
}

// assembler puts messages together. Where it is: before the closing SOA of a zone, or in one half of a delta.
type assembler struct {
	src   *Source
	id    uint16
	out   *Result
	over  bool
	n     int    // records so far
	first []byte // the first SOA
	delta *zone.Delta
	added bool
	soas  int
}

func (a *assembler) message(msg []byte, client *tsig.Client) error {
	r, err := wire.NewReader(msg)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	if r.ID() != a.id || r.Flags()&wire.FlagQR == 0 {
		return fmt.Errorf("%w: it is no response to the request", ErrAnswer)
	}
	tsigAt := 0
	for rec := (wire.Record{}); r.Next(&rec); {
		switch {
		case rec.Type == wire.TypeTSIG && rec.Section == wire.SectionAdditional:
			tsigAt = rec.At
		case rec.Section == wire.SectionAnswer && r.Rcode() == wire.RcodeNoError:
			raw, err := r.AppendRR(nil, &rec)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrAnswer, err)
			}
			if err := a.record(raw, rec.Type); err != nil {
				return err
			}
		}
	}
	if r.Err() != nil {
		return fmt.Errorf("%w: %w", ErrAnswer, r.Err())
	}
	if a.onlySOA() {
		a.over, a.out.Kind = true, UpToDate
	}
	if client != nil {
		err := client.Verify(msg, tsigAt, a.over, a.src.Now())
		var peer *tsig.PeerError
		if err != nil && (r.Rcode() == wire.RcodeNoError || errors.As(err, &peer)) {
			return err
		}
	}
	if r.Rcode() != wire.RcodeNoError {
		return &RcodeError{r.Rcode()}
	}
	return nil
}

// onlySOA says that the answer is a single SOA, as an IXFR server sends to a client that has the newest serial.
func (a *assembler) onlySOA() bool {
	return a.src.Serial != nil && a.n == 1 && !a.over &&
		(a.out.Serial == *a.src.Serial || wire.SerialNewer(*a.src.Serial, a.out.Serial))
}

func (a *assembler) record(raw []byte, t wire.Type) error {
	if a.over {
		return fmt.Errorf("%w: records after the closing SOA", ErrAnswer)
	}
	rr, _, err := wire.NextRR(raw)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	a.n++
	if a.n == 1 {
		return a.open(raw, rr)
	}
	var serial uint32
	soa := t == wire.TypeSOA && string(rr.Owner) == string(a.src.Zone)
	if soa {
		if serial, err = wire.SOASerial(rr.RData); err != nil {
			return fmt.Errorf("%w: %w", ErrAnswer, err)
		}
	}
	if a.n == 2 {
		a.decide(soa, serial)
	}
	if a.out.Kind == IXFR {
		return a.incremental(raw, soa, serial)
	}
	if soa {
		if serial != a.out.Serial {
			return fmt.Errorf("%w: it closes with serial %d and began with %d", ErrAnswer, serial, a.out.Serial)
		}
		a.over = true
		return nil
	}
	a.out.Records = append(a.out.Records, raw...)
	return nil
}

func (a *assembler) open(raw []byte, rr wire.RawRR) error {
	serial, err := wire.SOASerial(rr.RData)
	if rr.Type != wire.TypeSOA || err != nil || string(rr.Owner) != string(a.src.Zone) {
		return fmt.Errorf("%w: it does not begin with the zone's SOA", ErrAnswer)
	}
	a.first, a.out.Serial, a.out.Kind = raw, serial, AXFR
	return nil
}

// decide tells, at the second record, an incremental answer from a whole zone (RFC 1995 section 4).
func (a *assembler) decide(soa bool, serial uint32) {
	switch {
	case a.src.Serial == nil:
	case soa && serial == *a.src.Serial:
		a.out.Kind = IXFR
		return
	default:
		a.out.Kind = Full
	}
	a.out.Records = append(a.out.Records, a.first...)
}

// incremental sorts a record into removed and added: each SOA turns the page, the last one closes.
func (a *assembler) incremental(raw []byte, soa bool, serial uint32) error {
	if soa {
		a.soas++
		if a.soas%2 == 1 {
			if n := len(a.out.Deltas); serial == a.out.Serial && n > 0 && a.out.Deltas[n-1].To == serial {
				a.over = true
				return nil
			}
			a.delta, a.added = &zone.Delta{From: serial}, false
			a.out.Deltas = append(a.out.Deltas, a.delta)
		} else {
			a.delta.To, a.added = serial, true
		}
	}
	if a.added {
		a.delta.Added = append(a.delta.Added, raw...)
	} else {
		a.delta.Removed = append(a.delta.Removed, raw...)
	}
	return nil
}
