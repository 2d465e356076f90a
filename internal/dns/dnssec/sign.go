package dnssec

import (
	"bytes"
	"errors"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Errors of signing.
var (
	// ErrWhole says that a change cannot be followed step by step: all of the chain is other than before.
	ErrWhole = errors.New("the zone is to be signed as a whole")
	// ErrNoNSEC3 says that a version cannot hold NSEC3 records.
	ErrNoNSEC3 = errors.New("the version cannot hold NSEC3 records")
)

// Denial is how the absence of names is proven.
type Denial uint8

// The kinds of denial.
const (
	NSEC  Denial = iota // RFC 4034 section 4
	NSEC3               // RFC 5155 with the parameters of RFC 9276
)

// Signers are the keys that sign. Without any there is nothing signed: what signatures and chains there are go.
type Signers struct {
	// Keys sign the RRsets DNSKEY, CDS and CDNSKEY at the apex (RFC 7344 section 4.1), Zone all others. A key may be among both.
	Keys, Zone []*Key
	// Retired are keys that sign no more, whose signatures may stay until they are due.
	Retired []*DNSKEY
}

func (s *Signers) none() bool { return len(s.Keys)+len(s.Zone) == 0 }

// Job is a version that is to be signed. All of it is read only.
type Job struct {
	// New is the version with its contents as they shall be, and with whatever signatures and chain it has.
	New View
	// Old is the version before it, whose signatures stay where nothing has changed; it may be New itself, or nil.
	Old View
	// Other is the zone's other face, nil for none: an RRset that it has too takes its signatures from there.
	Other View

	Signers
	Denial Denial
	Timing Timing
	// Yield is called after each signature, for others who wait for a core; nil: nobody is let through.
	Yield func()
}

// Delta is what signing adds and removes: records in uncompressed wire form, one after another, as zone.Delta has them. They
// are of types RRSIG, NSEC, NSEC3 and NSEC3PARAM.
type Delta struct {
	Removed, Added []byte
	Signatures     int // how many were made
}

func (d *Delta) join(o *Delta) {
	d.Removed, d.Added = append(d.Removed, o.Removed...), append(d.Added, o.Added...)
	d.Signatures += o.Signatures
}

// worker signs names of a job one after another.
type worker struct {
	*Job

	out        Delta
	expiration uint32
	ttl        uint32 // of the chain
	apex       wire.Name

	seen    map[seen]entry // what was read of names that a change has touched, each of which is asked for several times; nil: nothing is kept
	batch   batch
	waiting []change // of names whose signatures are still to be made
	room    []byte
}

// seen is a name of one of the two versions.
type seen struct {
	now   bool
	owner wire.Name
}

// at reads a name of New or Old, which may be nil.
func (w *worker) at(v View, owner wire.Name) entry {
	if w.seen == nil || v == nil {
		return at(v, owner)
	}
	k := seen{v == w.New, owner}
	e, known := w.seen[k]
	if !known {
		e = at(v, owner)
		w.seen[k] = e
	}
	return e
}

// change is what stands at a name, and what shall.
type change struct {
	owner      wire.Name
	have, want []rr.Set
}

func (j *Job) worker(known map[seen]entry) *worker {
	w := &worker{Job: j, expiration: j.Timing.Expiration, apex: j.New.Apex(), seen: known}
	w.ttl = w.negativeTTL(j.New)
	if w.batch.yield = j.Yield; j.Yield == nil {
		w.batch.yield = func() {}
	}
	return w
}

// negativeTTL is the TTL of NSEC and NSEC3 records (RFC 9077 section 3): that of negative answers.
func (w *worker) negativeTTL(v View) uint32 {
	e := w.at(v, w.apex)
	soa := e.set(wire.TypeSOA)
	if soa == nil || len(soa.Data) == 0 || len(soa.Data[0]) < 4 {
		return 0
	}
	d := soa.Data[0]
	m := d[len(d)-4:]
	return min(soa.TTL, uint32(m[0])<<24|uint32(m[1])<<16|uint32(m[2])<<8|uint32(m[3]))
}

// name brings signatures and NSEC record of a name to what they shall be.
func (w *worker) name(owner wire.Name) error {
	e := w.at(w.New, owner)
	if w.none() || !e.visible(w.New) {
		w.clear(&e)
		return nil
	}
	return w.entry(&e, w.next(&e))
}

// entry is that for a name that is in the chain, with next behind it.
func (w *worker) entry(now *entry, next wire.Name) error {
	chain := w.chain(now, next)
	was := now
	if w.Old != w.New && len(now.sigs) > 0 { // or there is nothing that could stay
		old := w.at(w.Old, now.owner)
		was = &old
	}
	other := func() entry { return at(w.Other, now.owner) }
	sigs, err := w.signatures(was, other, append(w.signed(now), chain...))
	if err != nil {
		return err
	}
	w.change(now.owner, now.made(), append(chain, rr.Set{Owner: now.owner, Type: wire.TypeRRSIG, Data: sigs}))
	return nil
}

// change notes what is to be done at a name when its signatures are made.
func (w *worker) change(owner wire.Name, have, want []rr.Set) {
	w.waiting = append(w.waiting, change{owner, have, want})
}

// finish makes the signatures that are still to be made.
func (w *worker) finish() (*Delta, error) {
	if err := w.batch.sign(); err != nil {
		return nil, err
	}
	for i := range w.waiting {
		c := &w.waiting[i]
		w.emit(c.owner, c.have, c.want)
	}
	w.waiting = nil
	return &w.out, nil
}

// clear takes away what signing has added to a name.
func (w *worker) clear(e *entry) { w.change(e.owner, e.made(), nil) }

// made is what signing has added.
func (e *entry) made() []rr.Set {
	if len(e.sigs) == 0 {
		return e.chain
	}
	return append(slices.Clip(e.chain), rr.Set{Owner: e.owner, Type: wire.TypeRRSIG, Data: e.sigs})
}

// signed gives those of a name's RRsets that are the zone's own. The pseudo type of names that are looked up elsewhere is
// none.
func (w *worker) signed(e *entry) []rr.Set {
	if e.delegates(w.apex) {
		if ds := e.set(wire.TypeDS); ds != nil {
			return []rr.Set{*ds}
		}
		return nil
	}
	return slices.DeleteFunc(slices.Clone(e.data), func(s rr.Set) bool { return s.Type == pseudo })
}

// chain gives the RRsets that signing adds to a name: NSEC, which tells the next one, or at the apex NSEC3PARAM.
func (w *worker) chain(e *entry, next wire.Name) []rr.Set {
	switch {
	case w.Denial == NSEC:
		data := append([]byte(next), bitmap(w.types(e, wire.TypeNSEC, wire.TypeRRSIG))...)
		return []rr.Set{{Owner: e.owner, Type: wire.TypeNSEC, TTL: w.ttl, Data: [][]byte{data}}}
	case e.owner == w.apex:
		return []rr.Set{{Owner: e.owner, Type: wire.TypeNSEC3PARAM, Data: [][]byte{{1, 0, 0, 0, 0}}}} // SHA-1, no iterations, no salt
	}
	return nil
}

// signers are the keys that sign an RRset.
func (w *worker) signers(owner wire.Name, t wire.Type) []*Key {
	if owner == w.apex && (t == wire.TypeDNSKEY || t == wire.TypeCDS || t == wire.TypeCDNSKEY) {
		return w.Keys
	}
	return w.Zone
}

// signatures gives the RRSIG records of sets. Those of the other face stay where the RRset is the same there, so that the faces
// share what they agree in, and then those of old.
func (w *worker) signatures(old *entry, other func() entry, sets []rr.Set) ([][]byte, error) {
	var out [][]byte
	var face entry
	if w.Other != nil {
		face = other()
	}
	for i := range sets {
		s := &sets[i]
		for _, k := range w.signers(s.Owner, s.Type) {
			sig := w.kept(&face, s, k)
			if sig == nil {
				sig = w.kept(old, s, k)
			}
			if sig == nil {
				var err error
				if sig, w.room, err = signSet(w.apex, s, k, w.Timing.Inception, w.expiration, &w.batch, w.room); err != nil {
					return nil, err
				}
				if !k.batches {
					w.batch.yield()
				}
				w.out.Signatures++
			}
			out = append(out, sig)
		}
	}
	return out, nil
}

// kept gives the signature of a set by a key, or by a retired key in its place, that old has and that is not due, nil for
// none.
func (w *worker) kept(old *entry, s *rr.Set, k *Key) (sig []byte) {
	if !old.has(s) {
		return nil
	}
	for _, rdata := range old.sigs {
		r, err := ParseRRSIG(rdata)
		if err != nil || r.Covers() != s.Type || r.Algorithm() != k.Algorithm || r.TTL() != s.TTL || w.Timing.Due(r) {
			continue
		}
		if r.by(k) {
			return rdata
		}
		if slices.ContainsFunc(w.Retired, func(o *DNSKEY) bool { return o.Algorithm == k.Algorithm && o.Tag() == r.Tag() }) {
			sig = rdata
		}
	}
	return sig
}

// has says whether the entry holds just this RRset.
func (e *entry) has(s *rr.Set) bool {
	o := e.set(s.Type)
	for i := range e.chain {
		if e.chain[i].Type == s.Type {
			o = &e.chain[i]
		}
	}
	return o != nil && o.TTL == s.TTL && slices.EqualFunc(o.Data, s.Data, bytes.Equal)
}

// emit notes what leads from the RRsets that are there to those that are wanted.
func (w *worker) emit(owner wire.Name, have, want []rr.Set) {
	w.out.Removed = appendLacking(w.out.Removed, owner, have, want)
	w.out.Added = appendLacking(w.out.Added, owner, want, have)
}

// appendLacking appends the records of sets that others lack.
func appendLacking(dst []byte, owner wire.Name, sets, others []rr.Set) []byte {
	for i := range sets {
		s := &sets[i]
		for _, d := range s.Data {
			if !slices.ContainsFunc(others, func(o rr.Set) bool {
				return o.Type == s.Type && (o.TTL == s.TTL || s.Type == wire.TypeRRSIG) && slices.ContainsFunc(o.Data, func(b []byte) bool { return bytes.Equal(b, d) })
			}) {
				dst = wire.AppendRR(dst, owner, s.Type, wire.ClassIN, ttlOf(s, d), d)
			}
		}
	}
	return dst
}

// ttlOf is a record's TTL: that of a signature stands in it.
func ttlOf(s *rr.Set, rdata []byte) uint32 {
	if s.Type != wire.TypeRRSIG {
		return s.TTL
	}
	if r, err := ParseRRSIG(rdata); err == nil {
		return r.TTL()
	}
	return s.TTL
}
