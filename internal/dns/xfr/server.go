package xfr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Config makes a Server. DB is required.
type Config struct {
	DB  *zone.DB
	Now func() time.Time
	// Total and PerPeer bound how many transfers run at once, in all and to one address; defaults 100 and 20.
	Total, PerPeer int
	// Done hears of every transfer and every refusal, once. It must return at once.
	Done func(Report)
}

// Server answers transfer requests.
type Server struct {
	cfg     Config
	mu      sync.Mutex
	running map[netip.Addr]int
	total   int
	stats   stats
}

// NewServer returns a Server.
func NewServer(cfg Config) *Server {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Total <= 0 {
		cfg.Total = 100
	}
	if cfg.PerPeer <= 0 {
		cfg.PerPeer = 20
	}
	if cfg.Done == nil {
		cfg.Done = func(Report) {}
	}
	return &Server{cfg: cfg, running: map[netip.Addr]int{}}
}

// Request is a transfer request that was parsed and whose signature, if any, was verified.
type Request struct {
	Query   *wire.Query
	Source  netip.AddrPort
	Session *tsig.Server // nil for an unsigned request
	Size    int          // of a datagram, signature included; not used over TCP
}

func (r *Request) key() *tsig.Key {
	if r.Session == nil {
		return nil
	}
	return r.Session.Key()
}

func (r *Request) signer() signer {
	if r.Session == nil {
		return nil
	}
	return r.Session
}

// Kind is the form of an answer.
type Kind string

// The forms of RFC 5936 and RFC 1995.
const (
	AXFR      Kind = "AXFR"
	IXFR      Kind = "IXFR"
	Full      Kind = "AXFR-style IXFR" // RFC 1995 section 4: the whole zone instead of differences
	UpToDate  Kind = "SOA"             // the client has the newest serial
	TooLarge  Kind = "SOA over UDP"    // the answer does not fit a datagram: try TCP
	noAnswer  Kind = ""
	condensed      = 64 << 10 // chains up to this size are condensed
)

// Report is what happened to a request: the facts of its line in the log.
type Report struct {
	Zone, ZoneID string
	Peer         zone.Peer // zero for a client that is allowed by an ACL, or refused
	Source       netip.AddrPort
	Asked        wire.Type
	TCP          bool
	Kind         Kind
	From, To     uint32 // serials; From is what the client has, for IXFR
	Records      int
	Messages     int
	Bytes        int64
	Duration     time.Duration
	Key          string
	Rcode        wire.Rcode
	Reason       string // of a refusal or a failure, in words; empty after success
}

// form is a decided answer.
type form struct {
	kind  Kind
	state *zone.State
	chain []*zone.Delta
}

// choose picks the form of the answer, before its first octet.
func choose(q *wire.Query, st *zone.State) form {
	f := form{kind: AXFR, state: st}
	if q.Type != wire.TypeIXFR {
		return f
	}
	serial := st.Transfer.Serial()
	if q.Serial == serial || wire.SerialNewer(q.Serial, serial) {
		f.kind = UpToDate
		return f
	}
	chain, ok := st.History.Since(q.Serial)
	size := 0
	for _, d := range chain {
		size += d.Size()
	}
	if !ok || size > st.Transfer.Size()+4096 {
		f.kind = Full // no history that far, or more of it than the zone itself
		return f
	}
	f.kind, f.chain = IXFR, chain
	if len(chain) > 1 && size <= condensed {
		if one, err := zone.Condense(chain); err == nil && one.Size() <= size {
			f.chain = []*zone.Delta{one}
		}
	}
	return f
}

// admit does what comes before an answer: it finds the zone, decides on access, then on quota.
func (s *Server) admit(r *Request, rep *Report) (*zone.State, bool) {
	refuse := func(code wire.Rcode, reason string) (*zone.State, bool) {
		rep.Rcode, rep.Reason = code, reason
		return nil, false
	}
	name, err := wire.NameFromWire(r.Query.Name)
	if err != nil {
		return refuse(wire.RcodeFormErr, "the question's name is malformed")
	}
	rep.Zone = name.String()
	z := s.cfg.DB.Get(name)
	if z == nil {
		return refuse(wire.RcodeNotAuth, "no such zone is served here")
	}
	access := z.Access()
	d := Allow(&access, r.Source.Addr(), r.key())
	rep.ZoneID, rep.Peer = z.ID, d.Peer
	switch {
	case d.Rcode != wire.RcodeNoError:
		return refuse(d.Rcode, d.Reason)
	case r.Query.Type == wire.TypeAXFR && !rep.TCP:
		return refuse(wire.RcodeFormErr, "AXFR is for TCP")
	case r.Query.Type == wire.TypeIXFR && (r.Query.BadSOA || !r.Query.HasSerial):
		return refuse(wire.RcodeFormErr, "the IXFR request has no well-formed SOA")
	case !s.enter(r.Source.Addr()):
		return refuse(wire.RcodeRefused, "too many transfers are running")
	}
	return z.State(), true
}

func (s *Server) enter(a netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total >= s.cfg.Total || s.running[a] >= s.cfg.PerPeer {
		return false
	}
	s.total++
	s.running[a]++
	return true
}

func (s *Server) leave(a netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.running[a]--; s.running[a] == 0 {
		delete(s.running, a)
	}
}

func (s *Server) report(r *Request, tcp bool) (*Report, time.Time) {
	return &Report{
		Source: r.Source, Asked: r.Query.Type, TCP: tcp, From: r.Query.Serial, Key: r.key().String(),
	}, s.cfg.Now()
}

func (s *Server) done(rep *Report, start time.Time) {
	rep.Duration = s.cfg.Now().Sub(start)
	s.stats.count(rep)
	s.cfg.Done(*rep)
}

// Stream answers over TCP: it writes whole messages behind their lengths to w, in large pieces. An error means that the
// answer is not whole and the connection must be closed. ctx ends a transfer between two pieces.
func (s *Server) Stream(ctx context.Context, w io.Writer, r *Request) error {
	rep, start := s.report(r, true)
	defer func() { s.done(rep, start) }()
	st, ok := s.admit(r, rep)
	if !ok {
		return s.refuse(w, r, rep.Rcode)
	}
	defer s.leave(r.Source.Addr())
	f := choose(r.Query, st)
	rep.Kind, rep.To = f.kind, st.Transfer.Serial()
	p := newPacker(&cancelable{ctx, w}, r.Query, st.Transfer.Apex(), r.signer(), s.cfg.Now)
	err := f.pack(p)
	rep.Records, rep.Messages, rep.Bytes = p.records, p.messages, p.bytes
	if err != nil {
		rep.Rcode, rep.Reason = wire.RcodeServFail, "aborted: "+err.Error()
		return fmt.Errorf("transfer of %s: %w", rep.Zone, err)
	}
	return nil
}

// cancelable ends a stream of writes with its context.
type cancelable struct {
	ctx context.Context //nolint:containedctx // lives as long as the one call that makes it
	w   io.Writer
}

func (c *cancelable) Write(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(b)
}

// pack writes the whole answer. The closing SOA comes last, so that nothing that fails before looks whole.
func (f *form) pack(p *packer) error {
	v := f.state.Transfer
	apex := []byte(v.Apex())
	if err := p.set(apex, v.SOASet()); err != nil {
		return err
	}
	switch f.kind {
	case UpToDate, TooLarge:
		return p.finish()
	case IXFR:
		for _, d := range f.chain {
			if err := p.part(d.Removed); err != nil {
				return err
			}
			if err := p.part(d.Added); err != nil {
				return err
			}
		}
	default:
		var err error
		v.Walk(func(owner []byte, s zone.RRset) bool {
			if s.Type == zone.TypeFail || s.Type == wire.TypeSOA && len(owner) == len(apex) {
				return true
			}
			err = p.set(owner, s)
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	if err := p.set(apex, v.SOASet()); err != nil {
		return err
	}
	return p.finish()
}

// part packs one half of a delta.
func (p *packer) part(b []byte) error {
	for len(b) > 0 {
		raw, rest, err := wire.NextRR(b)
		if err != nil {
			return err
		}
		if err := p.raw(raw); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// errDatagram ends packing that goes beyond one datagram.
var errDatagram = errors.New("the answer does not fit a datagram")

// Datagram answers over UDP: an IXFR if it fits one datagram, else the SOA alone, which sends the client to TCP (RFC 1995
// section 2). It appends the response to dst.
func (s *Server) Datagram(dst []byte, r *Request) []byte {
	rep, start := s.report(r, false)
	defer func() { s.done(rep, start) }()
	st, ok := s.admit(r, rep)
	if !ok {
		return s.appendRefusal(dst, r, rep.Rcode)
	}
	defer s.leave(r.Source.Addr())
	f := choose(r.Query, st)
	rep.To = st.Transfer.Serial()
	if f.kind == Full {
		f.kind = TooLarge
	}
	out, p, err := f.one(r, s.cfg.Now)
	if err != nil && f.kind != TooLarge {
		f.kind = TooLarge
		out, p, err = f.one(r, s.cfg.Now)
	}
	rep.Kind = f.kind
	if err != nil {
		rep.Rcode, rep.Reason = wire.RcodeServFail, err.Error()
		return dst
	}
	rep.Records, rep.Messages, rep.Bytes = p.records, p.messages, int64(len(out))
	return append(dst, out...)
}

// one packs the answer into a single message of the request's size.
func (f *form) one(r *Request, now func() time.Time) ([]byte, *packer, error) {
	size := 0
	for _, d := range f.chain {
		size += len(d.Removed) + len(d.Added)
	}
	if f.kind == IXFR && size > 2*r.Size {
		return nil, nil, errDatagram
	}
	var whole collector
	p := newPacker(&whole, r.Query, f.state.Transfer.Apex(), r.signer(), now)
	if err := f.pack(p); err != nil {
		return nil, nil, err
	}
	if len(whole) < 2 || p.messages != 1 || len(whole)-2 > r.Size {
		return nil, nil, errDatagram
	}
	return whole[2:], p, nil
}

type collector []byte

func (c *collector) Write(b []byte) (int, error) {
	*c = append(*c, b...)
	return len(b), nil
}

// refuse sends a response code alone.
func (s *Server) refuse(w io.Writer, r *Request, code wire.Rcode) error {
	out := s.appendRefusal([]byte{0, 0}, r, code)
	out[0], out[1] = byte((len(out)-2)>>8), byte(len(out)-2)
	_, err := w.Write(out)
	return err
}

func (s *Server) appendRefusal(dst []byte, r *Request, code wire.Rcode) []byte {
	at := len(dst)
	var b wire.Builder
	b.Start(dst, wire.MaxMessage, r.Query.ID, wire.FlagQR|r.Query.Flags&wire.FlagRD)
	b.Echo(r.Query)
	b.SetRcode(code)
	if r.Query.EDNS.Present {
		b.OPT(&wire.OPT{UDPSize: 1232})
	}
	out := b.Finish()
	if r.Session != nil {
		if signed, err := r.Session.Sign(out, at, s.cfg.Now()); err == nil {
			return signed
		}
	}
	return out
}
