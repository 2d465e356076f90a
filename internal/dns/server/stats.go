package server

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/headwaterdns/headwater/internal/dns/cookie"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Transport is how a request came.
type Transport uint8

// The transports.
const (
	UDP Transport = iota
	TCP
	TLS
	transports
)

// String is the transport's name in lower case.
func (t Transport) String() string {
	return [transports]string{"udp", "tcp", "tls"}[t]
}

// Rcodes is how many response codes are counted apart: those of the header, and BADVERS.
const Rcodes = 17

// Stats is a sum of all threads' counters at one moment.
type Stats struct {
	Answers [transports][Rcodes]uint64 // by response code; transfers, which are xfr's to count, not among them
	Ignored [transports]uint64         // requests that deserve no answer: too short, or responses
	Slow    uint64                     // datagrams given to the slow pool
	Dropped uint64                     // of them dropped because it was full
	Errors  uint64                     // answers that the kernel refused to send

	Slipped  uint64 // answers cut for the rate limit, to be asked for by TCP or with a cookie
	Silenced uint64 // answers dropped for it
	Passed   uint64 // answers that would have been, if it did not only count

	Unsigned uint64 // updates that nobody has signed
	Crowded  uint64 // updates dropped, or put off, because too many were under way

	Cookies [3]uint64 // requests with a client's cookie alone, with one that holds, and with one that does not

	TCPOpen     int    // connections at this moment, those with TLS among them
	TCPAccepted uint64 // connections since the start
	TCPRefused  uint64 // of them closed at once for a limit
	TLSFailed   uint64 // handshakes that failed
}

// counters belong to one thread or connection family; the padding keeps two of them off one cache line.
type counters struct {
	answers [Rcodes]atomic.Uint64
	ignored atomic.Uint64
	slow    atomic.Uint64
	dropped atomic.Uint64
	errors  atomic.Uint64

	slipped, silenced, passed atomic.Uint64
	unsigned, crowded         atomic.Uint64
	cookies                   [3]atomic.Uint64
	network                   network

	_ [64]byte
}

// done is how many requests have come to an end, of whatever kind.
func (c *counters) done() (n uint64) {
	for i := range c.answers {
		n += c.answers[i].Load()
	}
	return n + c.ignored.Load() + c.slow.Load() + c.dropped.Load() + c.silenced.Load()
}

// cookie counts a cookie of n octets.
func (c *counters) cookie(n int, good bool) {
	switch {
	case n == cookie.ClientLen:
		c.cookies[0].Add(1)
	case good:
		c.cookies[1].Add(1)
	default:
		c.cookies[2].Add(1)
	}
}

// limitedAt notes whom answers are limited to.
func (c *counters) limitedAt(a netip.Addr) { c.network.set(a) }

// answered counts a response; codes beyond those counted apart cannot come from here.
func (c *counters) answered(code wire.Rcode) {
	if code < Rcodes {
		c.answers[code].Add(1)
	}
}

// registry holds every counters value that was handed out.
type registry struct {
	mu  sync.Mutex
	all [transports][]*counters
}

func (r *registry) add(t Transport) *counters {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := new(counters)
	r.all[t] = append(r.all[t], c)
	return c
}

func (r *registry) sum(st *Stats) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for t, all := range r.all {
		for _, c := range all {
			for code := range c.answers {
				st.Answers[t][code] += c.answers[code].Load()
			}
			st.Ignored[t] += c.ignored.Load()
			st.Slow += c.slow.Load()
			st.Dropped += c.dropped.Load()
			st.Errors += c.errors.Load()
			st.Slipped += c.slipped.Load()
			st.Silenced += c.silenced.Load()
			st.Passed += c.passed.Load()
			st.Unsigned += c.unsigned.Load()
			st.Crowded += c.crowded.Load()
			for i := range c.cookies {
				st.Cookies[i] += c.cookies[i].Load()
			}
		}
	}
}

// limited gives networks that answers are limited to, of each thread one.
func (r *registry) limited() (out []netip.Prefix) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.all[UDP] {
		if p, ok := c.network.take(); ok {
			out = append(out, p)
		}
	}
	return out
}
