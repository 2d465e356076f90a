package compare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/dns/ask"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// samples asks for some RRsets between two looks at the serial; false: that led to nothing.
func (c *Comparer) samples(ctx context.Context, j *job, v *zone.Version) (diff string, n int, ok bool) {
	client := &ask.Client{Addr: j.f.Peer.Addr.String(), Timeout: c.cfg.Timeout}
	if !c.serves(ctx, client, v) {
		return "", 0, false
	}
	for _, s := range pick(v, c.cfg.Samples, j.f.Peer.Stripped) {
		got, err := c.ask(ctx, client, s.Owner, s.Type)
		if err != nil {
			return "", 0, false
		}
		n++
		if diff = differs(&s, got); diff != "" {
			break
		}
	}
	// Only between two answers with the same serial, ours still the same, a difference is one.
	if !c.serves(ctx, client, v) || j.z.State().Transfer != v {
		return "", 0, false
	}
	return diff, n, n > 0
}

// serves says whether a server answers with a version's serial.
func (c *Comparer) serves(ctx context.Context, client *ask.Client, v *zone.Version) bool {
	got, err := c.ask(ctx, client, v.Apex(), wire.TypeSOA)
	if err != nil || got.code != wire.RcodeNoError || len(got.data) != 1 {
		return false
	}
	serial, err := wire.SOASerial(got.data[0])
	return err == nil && serial == v.Serial()
}

// answered is an RRset as a server answers with it.
type answered struct {
	code wire.Rcode
	ttl  uint32
	data [][]byte
}

// ask puts a question within the budget.
func (c *Comparer) ask(ctx context.Context, client *ask.Client, owner wire.Name, t wire.Type) (out answered, err error) {
	if err := c.budget.Wait(ctx); err != nil {
		return out, err
	}
	msg, err := client.Exchange(ctx, owner, t)
	if err != nil {
		return out, err
	}
	r, err := wire.NewReader(msg)
	if err != nil {
		return out, err
	}
	out.code = r.Rcode()
	if r.Flags()&wire.FlagAA == 0 && out.code == wire.RcodeNoError {
		return out, errLame
	}
	for rec := (wire.Record{}); r.Next(&rec); {
		if rec.Section != wire.SectionAnswer || rec.Type != t || rec.Owner != owner {
			continue
		}
		data, err := r.Expand(nil, &rec)
		if err != nil {
			return out, err
		}
		out.ttl, out.data = rec.TTL, append(out.data, data)
	}
	return out, r.Err()
}

var errLame = errors.New("it is no authority")

// pick chooses RRsets at random that a server answers with as they stand: above delegations, and of types that anybody may ask for.
func pick(v *zone.Version, most int, stripped bool) (out []rr.Set) {
	taken := map[wire.Name]bool{}
	for try := 0; try < 4*most && len(out) < most; try++ {
		owner, ok := v.After(somewhere(v.Apex()), false)
		if !ok || try == 0 {
			owner = v.Apex()
		}
		for step := rand.IntN(8); step > 0 && try > 0; step-- { // names whose neighbours are far away are not to be preferred
			if next, ok := v.After(owner, false); ok {
				owner = next
			}
		}
		if _, below := v.Cut(owner); below || taken[owner] {
			continue
		}
		taken[owner] = true
		sets := slices.DeleteFunc(slices.Clone(v.Sets(owner)), func(s rr.Set) bool { return !asked(v, &s, stripped) })
		if len(sets) > 0 {
			out = append(out, sets[rand.IntN(len(sets))])
		}
	}
	return out
}

// asked says whether a set can be asked for.
func asked(v *zone.Version, s *rr.Set, stripped bool) bool {
	switch s.Type {
	case wire.TypeSOA, wire.TypeRRSIG, wire.TypeNSEC, wire.TypeNSEC3, wire.TypeNSEC3PARAM:
		return false
	case wire.TypeNS:
		return s.Owner == v.Apex() // else it is a referral, and no answer
	case wire.TypeDNSKEY, wire.TypeCDS, wire.TypeCDNSKEY:
		return !stripped
	}
	return !rr.IsMeta(s.Type) && len(s.Data) > 0
}

// somewhere is a name at random below an apex.
func somewhere(apex wire.Name) wire.Name {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789_"
	label := []byte{3, letters[rand.IntN(len(letters))], letters[rand.IntN(len(letters))], letters[rand.IntN(len(letters))]}
	if len(apex)+len(label) > wire.MaxName {
		return apex
	}
	return wire.Name(label) + apex
}

// differs says how an answer differs from our set, in words; empty: it does not.
func differs(ours *rr.Set, got answered) string {
	at := ours.Owner.String() + " " + ours.Type.String()
	if got.code != wire.RcodeNoError {
		return fmt.Sprintf("%s: it answers %s, ours is %s", at, got.code, texts(ours.Type, ours.Data))
	}
	want, have := canonical(ours.Type, ours.Data), canonical(ours.Type, got.data)
	if !slices.EqualFunc(want, have, bytes.Equal) {
		if len(have) == 0 {
			return fmt.Sprintf("%s: it has none, ours is %s", at, texts(ours.Type, ours.Data))
		}
		return fmt.Sprintf("%s: it answers %s, ours is %s", at, texts(ours.Type, got.data), texts(ours.Type, ours.Data))
	}
	if got.ttl != ours.TTL {
		return fmt.Sprintf("%s: it answers with TTL %d, ours is %d", at, got.ttl, ours.TTL)
	}
	return ""
}

// canonical is data in the order and form in which it is compared.
func canonical(t wire.Type, data [][]byte) [][]byte {
	out := make([][]byte, len(data))
	for i, d := range data {
		out[i] = bytes.Clone(d)
		_ = rr.Canonical(t, out[i]) // what has not the shape of its type is compared as it is
	}
	slices.SortFunc(out, rr.Compare)
	return slices.CompactFunc(out, bytes.Equal)
}

// textMost is how many octets of data in words are shown.
const textMost = 120

func texts(t wire.Type, data [][]byte) string {
	parts := make([]string, 0, len(data))
	for _, d := range canonical(t, data) {
		parts = append(parts, rr.FormatData(t, d))
	}
	return shortened(strings.Join(parts, ", "))
}

func shortened(s string) string {
	if len(s) > textMost {
		return strings.ToValidUTF8(s[:textMost], "") + "…"
	}
	return s
}
