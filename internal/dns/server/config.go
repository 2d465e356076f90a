package server

import (
	"crypto/tls"
	"log/slog"
	"math"
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/cores"
	"github.com/headwaterdns/headwater/internal/dns/cookie"
	"github.com/headwaterdns/headwater/internal/dns/tap"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Config is what a Server needs. Zero values of limits mean the defaults stated with them.
type Config struct {
	// DNS lists addresses (host:port) that answer everything, over UDP and TCP. Transfer lists those that answer SOA,
	// AXFR and IXFR only. An empty host listens on IPv4 and IPv6 at once, 0.0.0.0 and [::] on one of them each; port 0
	// takes a free one, the same for both transports.
	DNS, Transfer []string
	// TLS lists addresses that answer everything over TLS (RFC 7858, RFC 9103), with the certificate that Certificate gives for a
	// handshake. A connection that is there keeps the one that it began with.
	TLS         []string
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Handshake hears of every handshake that failed. It must return at once; nil: nobody is told.
	Handshake func(source netip.AddrPort, err error)

	// Sockets is where sockets come from and go to; nil: they are opened here, and closed in the end.
	Sockets Sockets

	// Tap is shown samples of what was answered; nil: nothing is.
	Tap *tap.Tap

	DB *zone.DB
	// NewResponder makes one Responder for each thread: it may keep scratch space.
	NewResponder func() Responder
	Transfers    Transfers    // nil: transfers are refused
	Updates      Updates      // nil: updates are refused
	Log          *slog.Logger // nil: silent
	Now          func() time.Time
	// MaxUDP bounds answers over UDP and is announced by EDNS; default 1232 (DNS flag day 2020).
	MaxUDP int

	// Threads is the number of UDP sockets per address; default one for each core.
	Threads int
	// Portable makes UDP go through package net where a faster way exists.
	Portable bool
	// ReceiveBuffer asks the kernel for so many octets per UDP socket; default 4 MiB, which the kernel may lower.
	ReceiveBuffer int
	// SlowWorkers and SlowQueue bound the work that is taken off the UDP threads; defaults two for each core and 256. What
	// finds the queue full is dropped, as the network might have done.
	SlowWorkers, SlowQueue int

	// Cookies gives the secrets of DNS cookies as they are now; nil, or what it gives is nil: clients' cookies are ignored.
	Cookies   func() *cookie.Keys
	RateLimit RateLimit
	// Reports takes what resolvers report of errors (RFC 9567); nil: nobody does. Questions that are reports are answered like others,
	// but over UDP to those alone whose cookie holds: others are sent to TCP, so that nobody reports in another's name.
	Reports Reports

	// Proxies are networks whose connections begin with the PROXY protocol, over TCP and over TLS, and are those of whom it names.
	Proxies []netip.Prefix

	TCP TCPLimits
	// Drain is how long Run lets transfers go on after it was told to stop; default 5 s.
	Drain time.Duration
}

// Reports is who takes reports. Takes is on the hot path.
type Reports interface {
	Takes(name []byte, t wire.Type) bool
	Take(name []byte, from netip.Addr)
}

// TCPLimits bound what clients can hold (RFC 7766 section 6.2), over TCP and TLS together.
type TCPLimits struct {
	Conns       int           // connections at once; default 2,048
	PerSource   int           // of them from one IPv4 address or one IPv6 /64; default 128
	Idle        time.Duration // without a request; default 20 s, less while more than half of Conns are in use
	Read        time.Duration // from a request's first octet to its last, and for a handshake; default 5 s
	Write       time.Duration // for a batch of answers to leave; default 10 s
	Lifetime    time.Duration // of a connection, after which it closes between requests; default 1 h
	MaxRequests int           // per connection; default: no limit
}

func (c *Config) setDefaults() {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Sockets == nil {
		c.Sockets = fresh{}
	}
	if c.Handshake == nil {
		c.Handshake = func(netip.AddrPort, error) {}
	}
	setDefault(&c.MaxUDP, 1232)
	c.MaxUDP = min(max(c.MaxUDP, 512), maxRequest)
	setDefault(&c.Threads, cores.Count())
	setDefault(&c.ReceiveBuffer, 4<<20)
	setDefault(&c.SlowWorkers, 2*cores.Count())
	setDefault(&c.SlowQueue, 256)
	setDefault(&c.Drain, 5*time.Second)
	t := &c.TCP
	setDefault(&t.Conns, 2048)
	setDefault(&t.PerSource, 128)
	setDefault(&t.Idle, 20*time.Second)
	setDefault(&t.Read, 5*time.Second)
	setDefault(&t.Write, 10*time.Second)
	setDefault(&t.Lifetime, time.Hour)
	setDefault(&t.MaxRequests, math.MaxInt)
}

func setDefault[T ~int | ~int64](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// Responder answers queries by a look into the zones.
type Responder interface {
	// Respond appends the response to r, a well-formed query of EDNS version 0 (or without EDNS), to dst. What it
	// appends is at most r.Size octets; nothing means that no answer is due. It is on the hot path.
	Respond(dst []byte, r *wire.Request) []byte
}

// Foresighted is a Responder that may be told of requests before they are answered, wire.InLine of them at most, each at its Place.
type Foresighted interface {
	Responder
	// Begin has what the answer needs fetched from memory, and Near, some time later, what can be known from that.
	Begin(r *wire.Request)
	Near(r *wire.Request)
	// Leave forgets a request that was begun and is not answered.
	Leave(r *wire.Request)
}
