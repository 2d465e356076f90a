package check

import (
	"errors"
	"fmt"
	"hash/maphash"
	"net/netip"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/journal"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// look is one zone, looked at.
type look struct {
	cfg *Config
	st  *model.Stored
	z   *Zone
}

// all looks at everything. An error is the store's.
func (l *look) all() error {
	if err := l.fold(); err != nil {
		return err
	}
	if err := l.rows(); err != nil {
		return err
	}
	if l.st.HistoryLost {
		l.z.fault(History, "the newest entry of the zone's history is not there")
	}
	if l.st.Zone.Outgoing != nil && !l.st.Access {
		l.z.fault(Access, "the zone has peers, and nothing tells who may transfer it")
	}
	return nil
}

// fold reads the image and what the journal says after it, as far as that goes.
func (l *look) fold() error {
	row, z := &l.st.Zone, l.z
	img, err := l.st.Image()
	switch {
	case errors.Is(err, model.ErrNotFound):
		z.fault(Image, "there is none")
	case errors.Is(err, model.ErrDamaged):
		z.fault(Image, "its pieces do not go together")
	case err != nil:
		return err
	default:
		z.Known.Served, z.Known.Transfer, err = journal.Decode(&img)
		if err != nil {
			z.Known = face.Versions{}
			z.fault(Image, "it cannot be read: %v", err)
		} else {
			z.newer(z.Known.Transfer.Serial())
		}
	}
	f := folding{look: l, img: img, last: img.Seq, usable: z.Known.Transfer != nil, serial: img.Serial}
	if err := l.st.Entries(f.entry); err != nil {
		return err
	}
	if !f.usable {
		return nil
	}
	if serial := z.Known.Transfer.Serial(); serial != row.Serial {
		z.fault(Serial, "image and journal lead to %d, the zone's row says %d", serial, row.Serial)
	}
	if f.last != row.Seq {
		z.fault(Position, "image and journal end at %d, the zone's row says %d", f.last, row.Seq)
	}
	return nil
}

func (z *Zone) newer(serial uint32) {
	if wire.SerialNewer(serial, z.Newest) {
		z.Newest = serial
	}
}

// folding is a journal as it is folded into an image.
type folding struct {
	*look
	img    model.Image
	last   model.Seq // what is folded
	usable bool
	serial uint32 // of the image; history leads there
	past   uint32 // where history ends so far
	before bool   // there is history
}

// entry takes the next entry. What stands before the image is history: it leads from version to version, too.
func (f *folding) entry(e model.Entry) error {
	if e.Kind == model.EntryReset {
		f.z.newer(e.Serial)
		f.before = false
		if e.Seq > f.img.Seq && f.usable {
			f.z.fault(Image, "it is of position %d, and the journal replaces it at %d", f.img.Seq, e.Seq)
			f.usable = false
		}
	}
	if e.Kind == model.EntryDelta {
		f.z.newer(e.Serial)
		f.delta(&e)
	}
	if e.Seq > f.last && f.usable {
		f.last = e.Seq
	}
	return nil
}

func (f *folding) delta(e *model.Entry) {
	step, err := zone.DecodeStep(e.Body)
	if err != nil {
		f.z.fault(Journal, "entry %d cannot be read: %v", e.Seq, err)
		f.usable, f.before = f.usable && e.Seq <= f.img.Seq, false
		return
	}
	if e.Seq <= f.img.Seq {
		if f.before && step.Transfer.From != f.past {
			f.z.fault(Journal, "entry %d goes on from serial %d, and the one before it ends at %d", e.Seq, step.Transfer.From, f.past)
		}
		f.past, f.before = step.Transfer.To, true
		return
	}
	if !f.usable {
		return
	}
	if from := f.z.Known.Transfer.Serial(); step.Transfer.From != from {
		f.z.fault(Journal, "entry %d goes on from serial %d, and what is before it ends at %d", e.Seq, step.Transfer.From, from)
		f.usable = false
		return
	}
	next, err := f.z.Known.Apply(step)
	if err != nil {
		f.z.fault(Journal, "entry %d does not fit: %v", e.Seq, err)
		f.usable = false
		return
	}
	f.z.Known = next
}

// comparing is what rows come to, held against versions.
type comparing struct {
	*look
	face  *face.Context
	v     face.Versions
	seen  map[uint64]struct{} // hashes of names with rows, in 8 octets each
	seed  maphash.Seed
	holds model.Usage
	rows  []*model.Record
	apex  bool
}

// rows counts rows, and holds what they come to against what image and journal came to, if they did.
func (l *look) rows() error {
	keys, err := l.st.Keys()
	if err != nil {
		return err
	}
	row := &l.st.Zone
	c := comparing{look: l, v: l.z.Known, seen: map[uint64]struct{}{}, seed: maphash.MakeSeed()}
	c.face = &face.Context{
		Zone: row, Keys: keys, DNSOnly: row.Paused || row.Settings.ZoneMode == "dns_only" || l.st.Account.EnforceDNSOnly,
		Pool:   l.pool(),
		Lookup: func(wire.Name) model.Flattened { return model.Flattened{} },
		Want:   func(wire.Name, wire.Name) {},
	}
	if err := l.st.Records(c.record); err != nil {
		return err
	}
	c.name()
	if !c.apex {
		c.compare(row.Name, nil)
	}
	if l.z.Records = c.holds.Records; c.holds != (model.Usage{Records: l.st.Holds.Records, Octets: l.st.Holds.Octets}) {
		l.z.fault(Count, "there are %d records of %d octets, the zone's row says %d of %d", c.holds.Records, c.holds.Octets, l.st.Holds.Records, l.st.Holds.Octets)
	}
	if c.v.Transfer == nil {
		return nil
	}
	c.soa()
	c.others(c.v.Transfer)
	if c.v.Served != c.v.Transfer {
		c.others(c.v.Served)
	}
	return nil
}

// pool is the account's edge addresses, or the server's.
func (l *look) pool() (out []netip.Addr) {
	if own := l.st.Account.EdgeAddresses; len(own) > 0 {
		return own
	}
	return l.cfg.Pool
}

func (c *comparing) record(r *model.Record) error {
	c.holds.Records, c.holds.Octets = c.holds.Records+1, c.holds.Octets+r.Size()
	if len(c.rows) > 0 && c.rows[0].Name != r.Name {
		c.name()
	}
	one := r.Clone()
	c.rows = append(c.rows, &one)
	return nil
}

// name compares the name whose rows are complete.
func (c *comparing) name() {
	if len(c.rows) == 0 {
		return
	}
	c.compare(c.rows[0].Name, c.rows)
	c.rows = c.rows[:0]
}

func (c *comparing) compare(owner wire.Name, rows []*model.Record) {
	c.seen[maphash.String(c.seed, string(owner))] = struct{}{}
	c.apex = c.apex || owner == c.st.Zone.Name
	if c.v.Transfer == nil {
		return
	}
	if !c.cfg.Pooled && len(c.face.Pool) == 0 && !c.face.DNSOnly && slices.ContainsFunc(rows, func(r *model.Record) bool { return r.Proxied }) {
		c.z.Apart++
		return
	}
	d := face.DiffOf(c.v)
	if d.Render(c.face, owner, rows, true); d.Records() > 0 {
		c.z.fault(Contents, "%s: its rows come to something else than image and journal, in %d records", owner.Host(), d.Records())
	}
}

func (c *comparing) soa() {
	have, err := c.v.SOA()
	if err != nil {
		c.z.fault(Contents, "%v", err)
		return
	}
	want, err := face.SOA(&c.st.Zone, c.v.Transfer.Serial())
	if err != nil || have.TTL != want.TTL || !face.SameSOA(have.Data[0], want.Data[0]) {
		c.z.fault(Contents, "the SOA is not that of the zone's settings")
	}
}

// others looks for names that no row tells of, and for signatures.
func (c *comparing) others(v *zone.Version) {
	signed := v.Signed()
	if signed != c.st.Zone.DNSSEC.Signed {
		c.z.fault(Signatures, "the zone's row says signed: %v, and the contents say %v", c.st.Zone.DNSSEC.Signed, signed)
	}
	v.Scan(v.Apex(), func(owner wire.Name, sets []rr.Set, hidden bool) bool {
		if _, met := c.seen[maphash.String(c.seed, string(owner))]; !met && slices.ContainsFunc(sets, func(s rr.Set) bool { return !s.Type.IsDNSSEC() }) {
			c.z.fault(Contents, "%s: image and journal have it, and no row does", owner.Host())
		}
		if signed && !hidden {
			c.covered(owner, sets)
		}
		return len(c.z.Faults) < faultsMost
	})
}

// covered says whether each RRset of a name that has to be signed is (RFC 4035 section 2.2): at a delegation that is DS and NSEC alone.
func (c *comparing) covered(owner wire.Name, sets []rr.Set) {
	covers := map[wire.Type]bool{}
	cut := false
	for _, s := range sets {
		cut = cut || s.Type == wire.TypeNS && owner != c.st.Zone.Name
		if s.Type == wire.TypeRRSIG {
			for _, d := range s.Data {
				if len(d) > 1 {
					covers[wire.Type(d[0])<<8|wire.Type(d[1])] = true
				}
			}
		}
	}
	var lacks []string
	for _, s := range sets {
		if s.Type == wire.TypeRRSIG || s.Type == zone.TypeMark || cut && s.Type != wire.TypeDS && s.Type != wire.TypeNSEC {
			continue
		}
		if !covers[s.Type] {
			lacks = append(lacks, fmt.Sprint(s.Type))
		}
	}
	if len(lacks) > 0 {
		c.z.fault(Signatures, "%s has no signature of %s", owner.Host(), strings.Join(lacks, ", "))
	}
}
