package flatten

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Bounds of what is followed: aliases in all, and questions to the resolver.
const (
	maxAliases   = 16
	maxQuestions = 8
)

// Errors of answers.
var (
	errLoop  = errors.New("chain of aliases loops or is too long")
	errRcode = errors.New("resolver answers with an error")
)

// found is what one message says of a name.
type found struct {
	addrs   []netip.Addr
	end     wire.Name   // where the aliases lead
	through []wire.Name // the names that they led to
	ttl     uint32      // the least on the way
	aliases int
	final   bool // nothing more to ask: addresses, or a proof that there are none
}

// read follows the aliases from name through the answer section of a response. Only records on that way count: whatever
// else a resolver puts into its message is not looked at.
func read(msg []byte, name wire.Name, t wire.Type) (found, error) {
	r, err := wire.NewReader(msg)
	if err != nil {
		return found{}, fmt.Errorf("read response: %w", err)
	}
	if code := r.Rcode(); code != wire.RcodeNoError && code != wire.RcodeNXDomain {
		return found{}, fmt.Errorf("%w: %s", errRcode, code)
	}
	var answers []wire.Record
	negative, isNegative := uint32(0), false
	for rec := (wire.Record{}); r.Next(&rec); {
		switch {
		case rec.Class != wire.ClassIN:
		case rec.Section == wire.SectionAnswer:
			answers = append(answers, rec)
		case rec.Section == wire.SectionAuthority && rec.Type == wire.TypeSOA:
			if data, err := r.Expand(nil, &rec); err == nil {
				negative, isNegative = min(rec.TTL, minimum(data)), true // RFC 2308 section 5
			}
		}
	}
	if err := r.Err(); err != nil {
		return found{}, fmt.Errorf("read response: %w", err)
	}
	f := found{end: name, ttl: ^uint32(0)}
	for {
		if f.addrs = f.addresses(answers, t); len(f.addrs) > 0 {
			f.final = true
			return f, nil
		}
		next, ok, err := f.step(r, answers)
		if err != nil {
			return found{}, err
		}
		if !ok {
			break
		}
		f.end, f.through = next, append(f.through, next)
		if f.aliases++; f.aliases > maxAliases {
			return found{}, errLoop
		}
	}
	f.final = isNegative || r.Rcode() == wire.RcodeNXDomain || f.aliases == 0
	if isNegative {
		f.ttl = min(f.ttl, negative)
	}
	return f, nil
}

// addresses are the records of the wanted type where the chain stands.
func (f *found) addresses(answers []wire.Record, t wire.Type) []netip.Addr {
	var out []netip.Addr
	for i := range answers {
		rec := &answers[i]
		if rec.Type != t || rec.Owner != f.end {
			continue
		}
		if a, ok := netip.AddrFromSlice(rec.RData); ok && a.Is4() == (t == wire.TypeA) {
			out = append(out, a)
			f.ttl = min(f.ttl, rec.TTL)
		}
	}
	return out
}

// step is the next name of the chain: by a CNAME here, or a DNAME above (RFC 6672 section 2.2).
func (f *found) step(r *wire.Reader, answers []wire.Record) (next wire.Name, ok bool, err error) {
	for i := range answers {
		rec := &answers[i]
		above := rec.Type == wire.TypeDNAME && f.end != rec.Owner && f.end.Within(rec.Owner)
		if !above && (rec.Type != wire.TypeCNAME || rec.Owner != f.end) {
			continue
		}
		data, err := r.Expand(nil, rec)
		if err != nil {
			return "", false, fmt.Errorf("read alias: %w", err)
		}
		f.ttl = min(f.ttl, rec.TTL)
		if !above {
			return wire.Name(data), true, nil
		}
		name := f.end[:len(f.end)-len(rec.Owner)] + wire.Name(data)
		if len(name) > wire.MaxName {
			return "", false, wire.ErrNameTooLong
		}
		return name, true, nil
	}
	return "", false, nil
}

// minimum is the last member of an SOA.
func minimum(soa []byte) uint32 {
	if len(soa) < 4 {
		return 0
	}
	b := soa[len(soa)-4:]
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// noProof is how long an empty answer without an SOA is believed.
const noProof = 30 * time.Second

// lifetime is the time that a finding holds.
func (f *found) lifetime() time.Duration {
	if f.ttl == ^uint32(0) {
		return noProof
	}
	return time.Duration(f.ttl) * time.Second
}
