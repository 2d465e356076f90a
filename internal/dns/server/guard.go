package server

import (
	"context"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/cookie"
	"github.com/headwaterdns/headwater/internal/dns/ratelimit"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// RateLimit bounds answers over UDP, whose sources anybody can forge: to an IPv4 address or an IPv6 /64, and eight times that to a
// /24 or a /48. What is beyond is dropped, but for every Slip-th, which tells a client that is none of the attacker's to come by TCP, or
// with a cookie. Nobody is limited who shows a cookie of ours, nor a linked peer or an address of the account's ACLs that asks for its
// zone's SOA or transfer.
type RateLimit struct {
	PerSecond int // 0: no limit
	Slip      int // 0: none, 1: all
	Exempt    []netip.Prefix
	LogOnly   bool // everything is answered, and counted
	// Tell hears of networks that are limited, some of them each second; nil: nobody.
	Tell func(netip.Prefix)
}

// places is how many addresses and networks each thread counts; they take 512 KiB.
const places = 1 << 16

// guard is what a thread knows of its clients beyond their datagrams.
type guard struct {
	limit  *ratelimit.Table // nil: no limit
	at     [wire.InLine]ratelimit.Source
	from   func(i int) netip.Addr
	now    int64 // of the batch, in nanoseconds; 0 until somebody asks
	slips  int
	cookie [cookie.Len]byte
	good   bool // the client's cookie holds
}

// begin takes up another batch of datagrams.
func (g *guard) begin() { g.now = 0 }

func (h *handler) clock() int64 {
	if h.guard.now == 0 {
		h.guard.now = h.s.cfg.Now().UnixNano()
	}
	return h.guard.now
}

// allowed says whether the client of the i-th datagram may have one more answer, as far as its address goes.
func (h *handler) allowed(i int) bool {
	return h.guard.limit.Allow(h.guard.at[i%wire.InLine], h.clock())
}

// bake makes the cookie that answers the client's; now is in nanoseconds.
func (h *handler) bake(from netip.Addr, now int64) {
	if h.s.cfg.Cookies == nil {
		return
	}
	keys := h.s.cfg.Cookies()
	if keys == nil {
		return
	}
	h.r.Cookie, h.guard.good = keys.Answer(h.guard.cookie[:0], h.r.EDNS.Cookie, from, uint32(now/int64(time.Second)))
	h.count.cookie(len(h.r.EDNS.Cookie), h.guard.good)
}

// limited says whether there is to be no answer for a client that is not allowed one, and gives what there is in its place.
func (h *handler) limited(dst []byte, outcome wire.Outcome, i int) (out []byte, v verdict, yes bool) {
	from := h.guard.from(i)
	if h.guard.good || h.spared(from) {
		return dst, reply, false
	}
	h.count.limitedAt(from)
	l := &h.s.cfg.RateLimit
	if l.LogOnly {
		h.count.passed.Add(1)
		return dst, reply, false
	}
	if h.guard.slips++; l.Slip == 0 || h.guard.slips%l.Slip != 0 || outcome != wire.ParseOK || h.r.Opcode != wire.OpcodeQuery {
		h.count.silenced.Add(1)
		return dst, drop, true
	}
	h.count.slipped.Add(1)
	if h.r.Cookie != nil {
		return h.fail(dst, wire.RcodeBadCookie), reply, true // with a cookie to come again with (RFC 7873 section 5.2.3)
	}
	return h.short(dst, wire.RcodeNoError, wire.FlagTC), reply, true
}

// spared says whether an address is never limited: because the operator says so, or because its zone's access does.
func (h *handler) spared(from netip.Addr) bool {
	if slices.ContainsFunc(h.s.cfg.RateLimit.Exempt, func(p netip.Prefix) bool { return p.Contains(from) }) {
		return true
	}
	if h.s.cfg.DB == nil || h.r.Type != wire.TypeSOA && !h.r.IsTransfer() {
		return false
	}
	z := h.s.cfg.DB.Find(h.r.Name)
	return z != nil && z.Knows(from)
}

// tell tells of networks that are limited, until ctx ends.
func (s *Server) tell(ctx context.Context) {
	if s.cfg.RateLimit.Tell == nil {
		return
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, p := range s.counts.limited() {
			s.cfg.RateLimit.Tell(p)
		}
	}
}

// network is one that answers were limited to: a /24 or a /48. It is written by one thread and read by another, now and then.
type network struct{ bits atomic.Uint64 }

// The forms of a network in 64 bits: those of IPv6 keep their first 48 bits, those of IPv4 their 24 behind a mark, where no
// address of IPv6 that anybody has is all zero.
const mark4 = 1 << 40

func (n *network) set(a netip.Addr) {
	var v uint64
	if a.Is4() {
		b := a.As4()
		v = mark4 | uint64(b[0])<<16 | uint64(b[1])<<8 | uint64(b[2])
	} else {
		b := a.As16()
		for _, octet := range b[:6] {
			v = v<<8 | uint64(octet)
		}
	}
	n.bits.Store(v)
}

// take gives the network and forgets it.
func (n *network) take() (p netip.Prefix, ok bool) {
	v := n.bits.Swap(0)
	switch {
	case v == 0:
		return p, false
	case v>>24 == mark4>>24:
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(v >> 16), byte(v >> 8), byte(v)}), 24), true
	}
	var b [16]byte
	for i := range 6 {
		b[i] = byte(v >> (40 - 8*i))
	}
	return netip.PrefixFrom(netip.AddrFrom16(b), 48), true
}
