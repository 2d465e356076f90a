package commit_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/audit"
	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/controltest"
	"github.com/headwaterdns/headwater/internal/control/feed"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// discarding is a store that keeps no record and no audit entry, but packs these as the store does.
type discarding struct{ *controltest.Tx }

func (discarding) AddRecords(context.Context, []*model.Record) error { return nil }

func (discarding) Audit(_ context.Context, list []model.Audit) error {
	for i := range list {
		if _, err := audit.Append(nil, &list[i]); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkBatch is what a record of a batch of a hundred costs but for JSON and the database: rules, plan, audit entry, rendering,
// the new version.
func BenchmarkBatch(b *testing.B) {
	const size = 100
	st, db := controltest.NewStore(), zone.NewDB(0)
	f := feed.New(feed.Config{Source: st, DB: db})
	c, err := commit.New(commit.Config{
		Begin: func(ctx context.Context) (commit.Tx, error) {
			tx, err := st.Begin(ctx)
			return discarding{tx}, err
		},
		DB: db, Feed: f, Clock: time.Now, NewID: newID, Flattened: newTargets(), NameServers: []string{"ns1.hw.test"},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	for _, run := range []func(context.Context) error{f.Run, c.Run} {
		done := make(chan error)
		go func() { done <- run(ctx) }()
		defer func() { cancel(); <-done }()
	}
	<-f.Loaded()
	must := func(ch model.Change) model.Result {
		res, err := c.Change(ctx, ch)
		if err != nil {
			b.Fatal(err)
		}
		return res
	}
	must(model.Change{Edits: []model.Edit{model.CreateAccount{Account: model.Account{ID: account}}}})
	z := must(model.Change{Account: account, Edits: []model.Edit{model.CreateZone{Zone: model.Zone{Name: wire.MustName("example")}}}}).Outcomes[0].Zone
	at := 0
	b.ReportAllocs()
	for b.Loop() {
		edits := make([]model.Edit, size)
		for n := range edits {
			at++
			edits[n] = model.AddRecord{Record: model.Record{
				Name: wire.MustName(fmt.Sprintf("host%d.example", at)), Type: wire.TypeA, TTL: 300, Content: fmt.Sprintf("10.%d.%d.%d", at>>16, at>>8&255, at&255),
				RData: []byte{10, byte(at >> 16), byte(at >> 8), byte(at)},
			}}
		}
		must(model.Change{Account: account, Zone: z.ID, Edits: edits})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(at), "ns/record")
}
