package xfr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/cores"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Config makes a Server. DB is required; zero values of limits mean the defaults stated with them.
type Config struct {
	DB  *zone.DB
	Now func() time.Time
	// Total, PerZone and PerPeer bound how many transfers run at once: in all, of one zone, and to one address; defaults
	// 100, 50 and 20. Further ones wait for their turn: up to Waiting of them (default four times Total; negative: none),
	// each for Patience at most (default 10 s), or are told SERVFAIL, which makes a secondary try again later.
	Total, PerZone, PerPeer int
	Waiting                 int
	Patience                time.Duration
	// Packing is how many transfers pack at one moment; default one for each core. If they took all of Go's processors, nobody
	// would look at the network until one was made to stop, and a client that connects would wait for 10 ms.
	Packing int
	// Yield is called by whoever packs, after each message: who waits for the core may have it. Nil: nothing.
	Yield func()
	// Recalled gives what is closed once zones have the history that they had before the program started; nil: they have.
	// Until then, an IXFR from before it waits, for Patience at most.
	Recalled func() <-chan struct{}
	// Done hears of every transfer and every refusal, once. Asked hears of every signed question for a zone's SOA, by which secondaries
	// see whether there is anything to transfer. They must return at once.
	Done  func(Report)
	Asked func(zoneID string, c Client, key wire.Name)
}

func (c *Config) setDefaults() {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Done == nil {
		c.Done = func(Report) {}
	}
	if c.Asked == nil {
		c.Asked = func(string, Client, wire.Name) {}
	}
	if c.Yield == nil {
		c.Yield = func() {}
	}
	if c.Total <= 0 {
		c.Total = 100
	}
	if c.PerZone <= 0 {
		c.PerZone = 50
	}
	if c.PerPeer <= 0 {
		c.PerPeer = 20
	}
	if c.Waiting == 0 {
		c.Waiting = 4 * c.Total
	}
	if c.Packing <= 0 {
		c.Packing = cores.Count()
	}
	if c.Patience <= 0 {
		c.Patience = 10 * time.Second
	}
}

// Server answers transfer requests.
type Server struct {
	cfg     Config
	quota   quota
	packers sync.Pool     // of *packer
	turns   chan struct{} // full when as many transfers pack as may at once
	stats   stats
}

// NewServer returns a Server.
func NewServer(cfg Config) *Server {
	cfg.setDefaults()
	return &Server{cfg: cfg, quota: newQuota(&cfg), turns: make(chan struct{}, cfg.Packing)}
}

// keyOf is what a request's signature was made with; nil for an unsigned request and for one that did not verify.
func keyOf(r *wire.Request) *tsig.Key {
	if s, ok := r.Signer.(*tsig.Server); ok {
		return s.Key()
	}
	return nil
}

// admit does what comes before an answer, quota aside: it finds the zone, decides on access, and looks at the request.
func (s *Server) admit(r *wire.Request, rep *Report) (*zone.Zone, bool) {
	refuse := func(code wire.Rcode, cause Cause) (*zone.Zone, bool) {
		rep.refuse(code, cause)
		return nil, false
	}
	name, err := wire.NameFromWire(r.Name)
	if err != nil {
		return refuse(wire.RcodeFormErr, CauseForm)
	}
	rep.Zone = name.String()
	z := s.cfg.DB.Get(name)
	if z == nil {
		return refuse(wire.RcodeNotAuth, CauseNoZone)
	}
	d := Decide(z, &Asked{
		From: r.Source.Addr(), Type: r.Type, TCP: rep.TCP, TLS: r.TLS, Key: keyOf(r), NoSOA: r.BadSOA || !r.HasSerial,
	})
	rep.ZoneID, rep.Client = z.ID, d.Client
	if d.Cause != "" {
		rep.Reason = d.Reason
		return refuse(d.Rcode, d.Cause)
	}
	return z, true
}

// refuse notes why a request is refused, in its own words where it has some.
func (r *Report) refuse(code wire.Rcode, cause Cause) {
	r.Rcode, r.Cause = code, cause
	if r.Reason == "" {
		r.Reason = reasons[cause]
	}
}

// Denied takes note of a query whose signature did not verify, with the error of its TSIG (RFC 8945 section 5.2), or with
// FORMERR for one that cannot be read. Whatever the query asks for: a secondary with a wrong secret fails when it
// asks for the SOA, and never gets as far as a transfer.
func (s *Server) Denied(r *wire.Request, code wire.Rcode) {
	rep, start := s.report(r)
	if name, err := wire.NameFromWire(r.Name); err == nil {
		rep.Zone = name.String()
	}
	if r.Signer != nil {
		rep.Key = r.Signer.KeyName().String()
	}
	if z := s.cfg.DB.Find(r.Name); z != nil {
		access := z.Access()
		rep.ZoneID, rep.Client = z.ID, clientOf(&access, r.Source.Addr(), nil, r.TLS)
	}
	rep.refuse(wire.RcodeNotAuth, causeOf(code))
	s.done(rep, start)
}

// May says whether who asks may transfer the zone that the name is in.
func (s *Server) May(r *wire.Request) bool {
	z := s.cfg.DB.Find(r.Name)
	return z != nil && Decide(z, &Asked{From: r.Source.Addr(), Type: wire.TypeSOA, TCP: r.TCP, TLS: r.TLS, Key: keyOf(r)}).Cause == ""
}

// Verified takes note of a query that is no transfer, and whose signature verified.
func (s *Server) Verified(r *wire.Request) {
	name, err := wire.NameFromWire(r.Name)
	if key := keyOf(r); err == nil && key != nil && r.Type == wire.TypeSOA {
		if z := s.cfg.DB.Get(name); z != nil {
			access := z.Access()
			s.cfg.Asked(z.ID, clientOf(&access, r.Source.Addr(), key, r.TLS), key.Name)
		}
	}
}

func (s *Server) report(r *wire.Request) (*Report, time.Time) {
	return &Report{
		Source: r.Source, Asked: r.Type, TCP: r.TCP, TLS: r.TLS, From: r.Serial, Key: keyOf(r).String(),
	}, s.cfg.Now()
}

func (s *Server) done(rep *Report, start time.Time) {
	rep.Duration = s.cfg.Now().Sub(start)
	s.stats.count(rep)
	s.cfg.Done(*rep)
}

// Stream answers over TCP: it writes whole messages behind their lengths to w, in large pieces. An error means that the
// answer is not whole and the connection must be closed. ctx ends a transfer between two pieces, and so does whatever
// takes the client's access away.
func (s *Server) Stream(ctx context.Context, w io.Writer, r *wire.Request) error {
	rep, start := s.report(r)
	defer func() { s.done(rep, start) }()
	z, ok := s.admit(r, rep)
	if !ok {
		return s.refuse(w, r, rep.Rcode)
	}
	leave, ok := s.quota.enter(ctx, z.ID, r.Source.Addr())
	if !ok {
		rep.refuse(wire.RcodeServFail, CauseBusy)
		return s.refuse(w, r, rep.Rcode)
	}
	defer leave()
	f := choose(&r.Query, z.State())
	if f.kind == Full && s.recall(ctx) {
		f = choose(&r.Query, z.State())
	}
	rep.Kind, rep.To = f.kind, f.state.Transfer.Serial()
	p := s.newPacker(&guard{ctx: ctx, w: w, s: s, z: z, r: r}, r, f.state.Transfer, r.Signer, rep.Client.stripped())
	defer s.free(p)
	s.turns <- struct{}{}
	err := f.pack(p)
	<-s.turns
	rep.Records, rep.Messages, rep.Bytes = p.records, p.messages, p.bytes
	if err != nil {
		rep.Rcode, rep.Reason = wire.RcodeServFail, "aborted: "+err.Error()
		return fmt.Errorf("transfer of %s: %w", rep.Zone, err)
	}
	return nil
}

// recall waits for histories, and says whether there was anything to wait for.
func (s *Server) recall(ctx context.Context) bool {
	if s.cfg.Recalled == nil {
		return false
	}
	recalled := s.cfg.Recalled()
	select {
	case <-recalled:
		return false
	default:
	}
	timer := time.NewTimer(s.cfg.Patience)
	defer timer.Stop()
	select {
	case <-recalled:
	case <-timer.C:
	case <-ctx.Done():
	}
	return true
}

// ErrRevoked is the error of a transfer whose client lost its access meanwhile.
var ErrRevoked = errors.New("access was withdrawn")

// guard lets writes through as long as nobody wants the transfer to end. Others have the transfer's turn meanwhile.
type guard struct {
	ctx context.Context //nolint:containedctx // lives as long as the one call that makes it
	w   io.Writer
	s   *Server
	z   *zone.Zone
	r   *wire.Request
}

func (g *guard) Write(b []byte) (int, error) {
	if err := g.ctx.Err(); err != nil {
		return 0, err
	}
	if g.s.cfg.DB.ByID(g.z.ID) != g.z {
		return 0, fmt.Errorf("%w: the zone is gone", ErrRevoked)
	}
	access := g.z.Access()
	if cause, _ := refusal(&access, g.r.Source.Addr(), keyOf(g.r), g.r.TLS); cause != "" {
		return 0, fmt.Errorf("%w: %s", ErrRevoked, reasons[cause])
	}
	<-g.s.turns
	n, err := g.w.Write(b)
	g.s.turns <- struct{}{}
	return n, err
}

// Datagram answers over UDP: an IXFR if it fits one datagram, else the SOA alone, which sends the client to TCP (RFC 1995
// section 2). It appends the response to dst. No quota: what it costs is bounded by a datagram.
func (s *Server) Datagram(dst []byte, r *wire.Request) []byte {
	rep, start := s.report(r)
	defer func() { s.done(rep, start) }()
	z, ok := s.admit(r, rep)
	if !ok {
		return s.appendRefusal(dst, r, rep.Rcode)
	}
	f := choose(&r.Query, z.State())
	rep.To = f.state.Transfer.Serial()
	if f.kind == Full {
		f.kind = TooLarge
	}
	out, err := s.pack(&f, r, rep)
	if errors.Is(err, errDatagram) && f.kind == IXFR {
		f.kind = TooLarge
		out, err = s.pack(&f, r, rep)
	}
	rep.Kind = f.kind
	at := len(dst)
	dst = append(dst, out...)
	if err == nil && r.Signer != nil {
		dst, err = r.Signer.Sign(dst, at, s.cfg.Now())
	}
	if err != nil {
		rep.Rcode, rep.Reason = wire.RcodeServFail, "failed: "+err.Error()
		return dst[:at]
	}
	rep.Bytes = int64(len(dst) - at)
	return dst
}

// pack packs one datagram.
func (s *Server) pack(f *form, r *wire.Request, rep *Report) ([]byte, error) {
	p := s.newPacker(nil, r, f.state.Transfer, nil, rep.Client.stripped())
	defer s.free(p)
	out, err := f.one(p, r.Size)
	rep.Records, rep.Messages = p.records, p.messages
	return out, err
}

// refuse sends a response code alone.
func (s *Server) refuse(w io.Writer, r *wire.Request, code wire.Rcode) error {
	out := s.appendRefusal([]byte{0, 0}, r, code)
	out[0], out[1] = byte((len(out)-2)>>8), byte(len(out)-2)
	_, err := w.Write(out)
	return err
}

func (s *Server) appendRefusal(dst []byte, r *wire.Request, code wire.Rcode) []byte {
	at := len(dst)
	var b wire.Builder
	b.Start(dst, wire.MaxMessage, r.ID, wire.FlagQR|r.Flags&wire.FlagRD)
	b.Echo(&r.Query)
	b.SetRcode(code)
	if r.EDNS.Present {
		b.OPT(&wire.OPT{UDPSize: 1232, Cookie: r.Cookie})
	}
	out := b.Finish()
	if r.Signer != nil {
		if signed, err := r.Signer.Sign(out, at, s.cfg.Now()); err == nil {
			return signed
		}
	}
	return out
}
