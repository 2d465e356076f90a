package check

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Kinds of faults.
const (
	Image      = "image"      // it is not there, or cannot be read
	Journal    = "journal"    // an entry cannot be read or does not lead on from where the one before it ends
	Links      = "links"      // the journal does not go together with itself, or with the zone's row
	Serial     = "serial"     // image and journal end at another serial than the zone's row
	Position   = "position"   // image and journal end at another position than the zone's row
	Contents   = "contents"   // rows come to something else than image and journal
	Count      = "count"      // the zone's row tells other numbers than there are
	Signatures = "signatures" // a signed zone lacks some, an unsigned one has some
	History    = "history"
	Access     = "access" // who may transfer is not told
	Orphans    = "orphans"
	Index      = "index"
)

// Fault is something that is not as it must be.
type Fault struct{ Kind, Detail string }

// Zone is what was found of a zone.
type Zone struct {
	ID      model.ID
	Name    string
	Serial  uint32
	Records int64 // rows
	// Apart is how many names were not compared, because they depend on edge addresses that are not known here.
	Apart  int
	Faults []Fault
	Known  face.Versions // how far image and journal could be read
	Newest uint32        // the newest serial that anything tells of
}

// NeedsRepair says that a fault is of what is made of rows: to make it anew mends it.
func (z *Zone) NeedsRepair() bool {
	return slices.ContainsFunc(z.Faults, func(f Fault) bool { return f.Kind != History && f.Kind != Orphans && f.Kind != Index })
}

// Source is where zones are read; the store.
type Source interface {
	InspectZones(ctx context.Context, names []string, yield func(id model.ID, name string) error) error
	InspectZone(ctx context.Context, zone model.ID, linked bool, look func(*model.Stored) error) error
	ZoneHistory(ctx context.Context, account, zone model.ID, from model.Place, yield func(e *model.Audit, before model.Place) (bool, error)) error
	Orphans(ctx context.Context, yield func(what string, rows int64)) error
	Links(ctx context.Context, yield func(zone model.ID, what string)) error
	Indexes(ctx context.Context, yield func(what string)) (checked bool, err error)
}

// Config is what a check needs.
type Config struct {
	Source Source
	// Pool are the server's edge addresses, and Pooled says that they are known; accounts may have their own.
	Pool   []netip.Addr
	Pooled bool
	// Names are the zones to look at; none: all, and the store as a whole.
	Names []string
	// Shallow leaves out indexes and pages of tables, which takes as long as reading all of the database.
	Shallow bool
}

// Whole is what was found of the store as a whole.
type Whole struct {
	Faults  []Fault
	Indexes bool // they were checked
	Missing []string
}

// Run checks zone after zone, each as one state of the store has it, so that a server may go on beside it. What it holds is a zone at a
// time, as the server does.
func Run(ctx context.Context, c *Config, yield func(*Zone) error) (*Whole, error) {
	out := &Whole{}
	loose := map[model.ID][]Fault{}
	if err := c.Source.Links(ctx, func(zone model.ID, what string) { loose[zone] = append(loose[zone], Fault{Links, what}) }); err != nil {
		return nil, err
	}
	met := map[string]bool{}
	err := c.Source.InspectZones(ctx, c.Names, func(id model.ID, name string) error {
		z, err := c.zone(ctx, id, name, loose[id])
		delete(loose, id)
		met[name] = true
		if errors.Is(err, model.ErrNotFound) {
			return nil // it was deleted meanwhile
		}
		if err != nil {
			return err
		}
		return yield(z)
	})
	if err != nil {
		return nil, err
	}
	for _, n := range c.Names {
		if !met[n] {
			out.Missing = append(out.Missing, n)
		}
	}
	if len(c.Names) > 0 {
		return out, nil
	}
	return out, c.whole(ctx, out, loose)
}

// whole looks at what is no zone's.
func (c *Config) whole(ctx context.Context, out *Whole, loose map[model.ID][]Fault) error {
	for id, faults := range loose {
		err := c.Source.InspectZone(ctx, id, true, func(*model.Stored) error { return nil })
		if err == nil {
			continue // it was made while this ran
		}
		if !errors.Is(err, model.ErrNotFound) {
			return err
		}
		for _, f := range faults {
			out.Faults = append(out.Faults, Fault{f.Kind, fmt.Sprintf("zone %s: %s", id, f.Detail)})
		}
	}
	err := c.Source.Orphans(ctx, func(what string, rows int64) {
		out.Faults = append(out.Faults, Fault{Orphans, fmt.Sprintf("%d rows belong to nothing: %s", rows, what)})
	})
	if err != nil || c.Shallow {
		return err
	}
	out.Indexes, err = c.Source.Indexes(ctx, func(what string) { out.Faults = append(out.Faults, Fault{Index, what}) })
	return err
}

// zone checks one zone.
func (c *Config) zone(ctx context.Context, id model.ID, name string, faults []Fault) (*Zone, error) {
	z := &Zone{ID: id, Name: name}
	var told model.Zone
	err := c.Source.InspectZone(ctx, id, len(faults) == 0, func(st *model.Stored) error {
		// What Links has found was true a moment before: only what is so still, counts.
		l := look{cfg: c, st: st, z: z}
		z.Faults, z.Serial, z.Newest, told = nil, st.Zone.Serial, st.Zone.Serial, st.Zone
		if len(faults) > 0 && st.Zone.Seq != 0 {
			z.Faults = append(z.Faults, faults...)
		}
		return l.all()
	})
	if err != nil {
		return nil, err
	}
	return z, c.history(ctx, &told, z)
}

// history follows a zone's history to its beginning: each entry can be read, and leads to no newer serial than the one behind it.
func (c *Config) history(ctx context.Context, told *model.Zone, z *Zone) error {
	newest, at := told.Serial, time.Time{}
	err := c.Source.ZoneHistory(ctx, told.Account, told.ID, told.Told, func(e *model.Audit, _ model.Place) (bool, error) {
		if at = e.When; e.To != 0 && wire.SerialNewer(e.To, newest) {
			z.fault(History, "the entry of %s leads to serial %d, past the %d of what came after it", at.UTC().Format(time.RFC3339), e.To, newest)
			return false, nil
		}
		if e.To != 0 {
			newest = e.To
		}
		return true, nil
	})
	if err != nil && !errors.Is(err, model.ErrUnavailable) && ctx.Err() == nil {
		z.fault(History, "behind the entry of %s: %v", at.UTC().Format(time.RFC3339), err)
		return nil
	}
	return err
}

// faultsMost is how many faults are told of a zone, so that one with a million of them costs no memory.
const faultsMost = 20

func (z *Zone) fault(kind, text string, args ...any) {
	if len(z.Faults) < faultsMost {
		z.Faults = append(z.Faults, Fault{kind, fmt.Sprintf(text, args...)})
	}
}
