package zone

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone/page"
)

// Delta leads from one version to the next. Removed and Added are records in uncompressed wire form, one after another:
// owner, type, class, ttl, rdlength, rdata. Where the serial changes (From != To) the first record of Removed is the old
// SOA and the first of Added the new one, so that IXFR (RFC 1995) sends the two in turn as they are. It is immutable.
type Delta struct {
	From, To       uint32
	Removed, Added []byte
}

// Size is the delta's length in memory, about.
func (d *Delta) Size() int { return len(d.Removed) + len(d.Added) + 64 }

// Clone is the delta with octets of its own: the entry that it stands in may be larger.
func (d *Delta) Clone() *Delta {
	own := *d
	own.Removed, own.Added = slices.Clone(d.Removed), slices.Clone(d.Added)
	return &own
}

// Empty says that the delta changes nothing.
func (d *Delta) Empty() bool { return d.From == d.To && len(d.Removed) == 0 && len(d.Added) == 0 }

// Step is what a journal entry does to a zone: a delta for each face. A nil Served means that the served face changes
// just as the transfer face. An empty Transfer leaves the transfer face and the serial alone.
type Step struct {
	Transfer Delta
	Served   *Delta
}

const stepVersion = 1

// Append encodes the step (docs/formats/journal.md).
func (s *Step) Append(dst []byte) []byte {
	deltas := byte(1)
	if s.Served != nil {
		deltas = 2
	}
	dst = append(dst, stepVersion, deltas)
	dst = s.Transfer.append(dst)
	if s.Served != nil {
		dst = s.Served.append(dst)
	}
	return dst
}

func (d *Delta) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, d.From)
	dst = binary.BigEndian.AppendUint32(dst, d.To)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(d.Removed)))
	dst = append(dst, d.Removed...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(d.Added)))
	return append(dst, d.Added...)
}

// DecodeStep reads what Step.Append wrote, checking every record. The result points into b.
func DecodeStep(b []byte) (*Step, error) {
	s, rest, err := NextStep(b)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%w: octets are left over", page.ErrCodec)
	}
	return s, nil
}

// NextStep is DecodeStep where more follows.
func NextStep(b []byte) (s *Step, rest []byte, err error) {
	if len(b) < 2 || b[0] != stepVersion || b[1] < 1 || b[1] > 2 {
		return nil, nil, fmt.Errorf("%w: no step", page.ErrCodec)
	}
	s = &Step{}
	rest, err = s.Transfer.decode(b[2:])
	if err == nil && b[1] == 2 {
		s.Served = &Delta{}
		rest, err = s.Served.decode(rest)
	}
	if err != nil {
		return nil, nil, err
	}
	return s, rest, nil
}

// Apply gives both faces as they are after the step.
func (s *Step) Apply(served, transfer *Version) (*Version, *Version, error) {
	next, err := faces{served: served, transfer: transfer}.step(s)
	return next.served, next.transfer, err
}

func (d *Delta) decode(b []byte) (rest []byte, err error) {
	if len(b) < 8 {
		return nil, fmt.Errorf("%w: it ends early", page.ErrCodec)
	}
	d.From, d.To = binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	b = b[8:]
	for _, part := range []*[]byte{&d.Removed, &d.Added} {
		if len(b) < 4 || uint64(len(b)-4) < uint64(binary.BigEndian.Uint32(b)) {
			return nil, fmt.Errorf("%w: it ends early", page.ErrCodec)
		}
		n := binary.BigEndian.Uint32(b)
		*part, b = b[4:4+n:4+n], b[4+n:]
		if err := d.checkPart(*part); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// checkPart wants whole records, the SOA first where the serial changes.
func (d *Delta) checkPart(part []byte) error {
	first := true
	for len(part) > 0 {
		raw, rest, err := wire.NextRR(part)
		if err != nil {
			return fmt.Errorf("%w: %w", page.ErrCodec, err)
		}
		if first && d.From != d.To && raw.Type != wire.TypeSOA {
			return fmt.Errorf("%w: a delta does not begin with its SOA", page.ErrCodec)
		}
		first, part = false, rest
	}
	if first && d.From != d.To {
		return fmt.Errorf("%w: a delta has no SOA", page.ErrCodec)
	}
	return nil
}

// Condense gives one delta that does what the chain does, oldest first: what comes and goes within it is left out. The
// chain must not be empty and its serials must follow one another.
func Condense(chain []*Delta) (*Delta, error) {
	out := &Delta{From: chain[0].From, To: chain[len(chain)-1].To}
	var gone, came ledger
	var oldSOA, newSOA []byte
	for i, d := range chain {
		if i > 0 && chain[i-1].To != d.From {
			return nil, fmt.Errorf("%w: the chain breaks at serial %d", ErrDelta, d.From)
		}
		soa, rest, err := cutFirst(d.Removed)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			oldSOA = soa
		}
		if err := gone.cancel(rest, &came); err != nil {
			return nil, err
		}
		if newSOA, rest, err = cutFirst(d.Added); err != nil {
			return nil, err
		}
		if err := came.cancel(rest, &gone); err != nil {
			return nil, err
		}
	}
	out.Removed = gone.appendTo(append([]byte(nil), oldSOA...))
	out.Added = came.appendTo(append([]byte(nil), newSOA...))
	return out, nil
}

func cutFirst(part []byte) (first, rest []byte, err error) {
	_, rest, err = wire.NextRR(part)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrDelta, err)
	}
	return part[:len(part)-len(rest)], rest, nil
}

// ledger is a list of records, in order, from which some are struck out again.
type ledger struct {
	list []string
	at   map[string]int
}

// cancel adds records to l, except those that other has: they are struck out there.
func (l *ledger) cancel(part []byte, other *ledger) error {
	for len(part) > 0 {
		first, rest, err := cutFirst(part)
		if err != nil {
			return err
		}
		part = rest
		if i, ok := other.at[string(first)]; ok {
			other.list[i] = ""
			delete(other.at, string(first))
			continue
		}
		if l.at == nil {
			l.at = map[string]int{}
		}
		l.at[string(first)] = len(l.list)
		l.list = append(l.list, string(first))
	}
	return nil
}

func (l *ledger) appendTo(dst []byte) []byte {
	for _, s := range l.list {
		dst = append(dst, s...)
	}
	return dst
}
