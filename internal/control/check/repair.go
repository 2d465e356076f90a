package check

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Repairer makes damaged zones anew of their rows, by a committer of its own that has nothing in memory. Nodes that run on the same
// database hear of it by the journal, as of any change.
type Repairer struct {
	Source Source
	Begin  func(context.Context) (commit.Tx, error)
	Pool   []netip.Addr // the server's edge addresses
	Clock  func() time.Time
	NewID  func() model.ID
	Log    *slog.Logger
}

// ErrApart is a zone that cannot be made anew without knowing the server's edge addresses.
var ErrApart = errors.New("names of the zone depend on the server's edge addresses, which have to be named: --edge-addresses, or none")

// Repair makes a zone anew under a serial that is newer than any that was seen of it, which it gives.
func (r *Repairer) Repair(ctx context.Context, z *Zone) (uint32, error) {
	if z.Apart > 0 {
		return 0, ErrApart
	}
	c, err := commit.New(commit.Config{
		Begin: r.Begin, DB: zone.NewDB(0), Feed: blank{}, Clock: r.Clock, NewID: r.NewID, Edge: r.Pool, Log: r.Log,
		NameServers: []string{"invalid"}, // of new zones, of which there are none
		Shared:      true,
	})
	if err != nil {
		return 0, err
	}
	run, stop := context.WithCancel(ctx)
	over := make(chan error, 1)
	go func() { over <- c.Run(run) }()
	out, err := c.Rebuild(ctx, &commit.Rebuild{
		Zone: z.ID, Actor: model.Actor{Context: "system", Note: "headwater check --repair"}, AtLeast: z.Newest, Known: z.Known,
		Records: func(ctx context.Context, yield func(*model.Record) error) error {
			return r.Source.InspectZone(ctx, z.ID, true, func(st *model.Stored) error { return st.Records(yield) })
		},
	})
	stop()
	return out.Serial, errors.Join(err, <-over)
}

// blank is a memory that nothing comes into: every zone looks damaged to a committer, and is worked out from its rows.
type blank struct{}

func (blank) Offer([]model.Entry, map[model.ID]face.Versions, map[model.ID]*zone.Ahead) bool {
	return true
}

func (blank) Prepare(_ []model.Entry, known map[model.ID]*zone.Ahead) map[model.ID]*zone.Ahead {
	return known
}
func (blank) Wait(context.Context, model.Seq, ...model.ID) error { return nil }
func (blank) Loading(model.ID) (model.Seq, bool)                 { return 0, false }
