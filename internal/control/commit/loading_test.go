package commit_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/journal"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// TestChangesWaitForAnImage has another node replace a zone whose image takes its time to come here. Changes of that zone wait
// for it, and it is not taken for damaged; those of other zones do not.
func TestChangesWaitForAnImage(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	big, other := b.zone(t, "big.example"), b.zone(t, "other.example")
	gate := make(chan struct{})
	release := sync.OnceFunc(func() { close(gate) })
	defer release()
	b.store.SetFail(func(op string) error {
		if op == "image" {
			<-gate
		}
		return nil
	})
	state := b.db.ByID(string(big.ID)).State()
	serial := state.Transfer.Serial() + 5
	rdata, _ := state.Transfer.SOA()
	sets := state.Transfer.Sets(big.Name)
	for i := range sets {
		if sets[i].Type == wire.TypeSOA {
			soa := append([]byte{}, rdata...)
			wire.SetSOASerial(soa, serial)
			sets[i].Data = [][]byte{soa}
		}
	}
	v, err := zone.Build(big.Name, sets)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := b.store.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.PutImage(t.Context(), journal.Encode(string(big.ID), string(account), v, v)); err != nil {
		t.Fatal(err)
	}
	seq, err := tx.Commit(t.Context(), []model.Entry{{Kind: model.EntryReset, Zone: big.ID, Account: account, Serial: serial}})
	if err != nil {
		t.Fatal(err)
	}
	loading, deadline := false, time.Now().Add(time.Minute)
	for ; !loading; _, loading = b.feed.Loading(big.ID) {
		if time.Now().After(deadline) {
			t.Fatal("the zone is not being loaded")
		}
		time.Sleep(time.Millisecond)
	}
	changed := make(chan error)
	go func() {
		_, err := b.change(t, model.Change{Zone: big.ID, Edits: []model.Edit{
			model.AddRecord{Record: rec("www.big.example", "A", "192.0.2.1")},
		}})
		changed <- err
	}()
	for i := range 50 {
		b.add(t, other.ID, rec(fmt.Sprintf("r%d.other.example", i), "A", "192.0.2.1"))
	}
	select {
	case err := <-changed:
		t.Errorf("the zone was changed without its image: %v", err)
	default:
	}
	release()
	if err := <-changed; err != nil {
		t.Error(err)
	}
	if err := b.feed.Wait(t.Context(), seq); err != nil {
		t.Fatal(err)
	}
	if got := b.db.ByID(string(big.ID)).State().Transfer.Serial(); got <= serial {
		t.Errorf("serial %d after %d", got, serial)
	}
}
