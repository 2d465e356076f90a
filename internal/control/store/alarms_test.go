package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
)

func change(account, zone model.ID, raised bool, second int) model.AlarmChange {
	return model.AlarmChange{
		AlarmKey: model.AlarmKey{Account: account, Rule: model.AlarmSilent, Zone: zone, Object: "000000000000000000000000000000aa"}, Raised: raised,
		Severity: model.AlarmCritical, ZoneName: "a.test", Subject: "one", Text: "does not answer", At: at(second),
	}
}

// TestAlarms: an alarm is raised once though several raise it at the same time, told once in each state, with what comes and goes between
// two messages told to nobody; people's words stay through it; and the log has all of it in one order.
func TestAlarms(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx, account, zone := t.Context(), newAccount(), newID()
		hooks := map[string]model.ID{}
		must(t, w.EditAlarms(ctx, account, func(tx model.AlarmTx) error {
			for name, severities := range map[string][]string{"all": {"critical", "warning"}, "warnings": {"warning"}} {
				hooks[name] = newID()
				must(t, tx.PutWebhook(ctx, model.Webhook{ID: hooks[name], Kind: model.WebhookHTTPS, Name: name, Enabled: true, Severities: severities, Secret: "s3cret " + name}))
			}
			return nil
		}))
		if list, err := w.Webhooks(ctx, account); err != nil || len(list) != 2 || list[0].Secret != "s3cret "+list[0].Name {
			t.Errorf("%+v, %v", list, err)
		}
		raise := func(raised bool, second, want int) {
			t.Helper()
			var all sync.WaitGroup
			var mu sync.Mutex
			n := 0
			for range 4 {
				all.Go(func() {
					out, err := w.ChangeAlarms(context.Background(), []model.AlarmChange{change(account, zone, raised, second)}, newID)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					n += len(out)
				})
			}
			if all.Wait(); n != want {
				t.Errorf("changed %d times, want %d", n, want)
			}
		}
		told := func(second, want int) {
			t.Helper()
			n := 0
			var mu sync.Mutex
			var all sync.WaitGroup
			for range 3 {
				all.Go(func() {
					k, err := w.TellAlarms(context.Background(), account, at(second), newID)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					n += k
				})
			}
			if all.Wait(); n != want {
				t.Errorf("%d messages, want %d", n, want)
			}
		}
		raise(false, 1, 0) // never raised
		raise(true, 2, 1)
		if list, err := w.Untold(ctx, at(2), ""); err != nil || len(list) != 1 || list[0] != account {
			t.Errorf("untold %v, %v", list, err)
		}
		if list, err := w.Untold(ctx, at(2), account); err != nil || len(list) != 0 {
			t.Errorf("untold behind the last %v, %v", list, err)
		}
		told(3, 1)
		told(3, 0)
		raise(true, 4, 0)
		raise(false, 5, 1)
		raise(true, 6, 1) // back before anybody was told
		told(7, 0)
		list, total, err := w.Alarms(ctx, model.AlarmQuery{Account: account, Raised: model.SwitchOn})
		if err != nil || total != 1 || list[0].Episode != 2 || !list[0].RaisedOn.Equal(at(6)) {
			t.Fatalf("%+v, %d, %v", list, total, err)
		}
		id := list[0].ID
		a, err := w.EditAlarm(ctx, account, id, at(8), func(a *model.Alarm) error {
			a.Acknowledged, a.AcknowledgedBy, a.SilencedUntil, a.SilencedBy, a.Raised, a.Text = at(8), "ann", at(20), "bob", false, "forged"
			return nil
		})
		if err != nil || !a.Raised || a.Text == "forged" || a.AcknowledgedBy != "ann" {
			t.Errorf("%+v, %v", a, err)
		}
		if _, err := w.EditAlarm(ctx, newAccount(), id, at(8), func(*model.Alarm) error { return nil }); !errors.Is(err, model.ErrNotFound) {
			t.Error(err)
		}
		raise(false, 9, 1)
		told(10, 0) // silenced
		told(21, 1) // and then it is told
		if n, err := w.CountAlarms(ctx); err != nil || n[model.AlarmSilent] != 0 {
			t.Errorf("%v, %v", n, err)
		}
		var events []string
		log, err := w.Log(ctx, 0, 100)
		must(t, err)
		for i, e := range log.Events {
			if e.Log != uint64(i+1) || e.Account != account || e.Zone != zone {
				t.Errorf("%+v", e)
			}
			events = append(events, fmt.Sprint(e.Alarm.Raised))
		}
		if s := fmt.Sprint(events); s != "[true false true true false]" || log.Head != 5 {
			t.Errorf("%s, head %d", s, log.Head)
		}
		for name, want := range map[string]int{"all": 2, "warnings": 0} {
			if _, n, err := w.Deliveries(ctx, account, hooks[name], 0, 10); err != nil || n != want {
				t.Errorf("%s: %d messages, %v", name, n, err)
			}
		}
	})
}

// TestDeliveries: a message is one sender's at a time, comes again when that one does not end it, and is over once; the webhook takes
// along what waits for it.
func TestDeliveries(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx, account, hook := t.Context(), newAccount(), newID()
		first := newID()
		must(t, w.EditAlarms(ctx, account, func(tx model.AlarmTx) error {
			must(t, tx.PutWebhook(ctx, model.Webhook{ID: hook, Kind: model.WebhookHTTPS, Name: "x", Enabled: true, Secret: "s"}))
			must(t, tx.AddDelivery(ctx, model.Delivery{ID: first, Webhook: hook, Created: at(1), Next: at(1), Test: true}))
			return tx.AddDelivery(ctx, model.Delivery{ID: newID(), Webhook: hook, Created: at(2), Next: at(30)})
		}))
		taken := 0
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				d, _, err := w.TakeDelivery(context.Background(), hook, at(3), at(10))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil && d.ID == first && d.Attempts == 1:
					taken++
				case !errors.Is(err, model.ErrNotFound):
					t.Errorf("%+v, %v", d, err)
				}
			})
		}
		if all.Wait(); taken != 1 {
			t.Errorf("taken %d times", taken)
		}
		if list, err := w.Waiting(ctx, at(9), ""); err != nil || len(list) != 0 {
			t.Errorf("%v, %v", list, err)
		}
		d, hooked, err := w.TakeDelivery(ctx, hook, at(11), at(20)) // whoever had it died
		if err != nil || d.ID != first || d.Attempts != 2 || hooked.Secret != "s" {
			t.Fatalf("%+v, %v", d, err)
		}
		late := d
		d.State, d.Done, d.Status = model.DeliveryDone, at(12), 200
		must(t, w.EndDelivery(ctx, d))
		late.State, late.Status = model.DeliveryFailed, 500
		must(t, w.EndDelivery(ctx, late))
		list, total, err := w.Deliveries(ctx, account, hook, 0, 10)
		if err != nil || total != 2 || list[1].State != model.DeliveryDone || list[1].Status != 200 || list[1].Attempts != 2 {
			t.Errorf("%+v, %v", list, err)
		}
		must(t, w.EditAlarms(ctx, account, func(tx model.AlarmTx) error { return tx.DeleteWebhook(ctx, hook) }))
		if list, err := w.Waiting(ctx, at(99), ""); err != nil || len(list) != 0 {
			t.Errorf("%v, %v", list, err)
		}
		must(t, w.PruneDeliveries(ctx))
	})
}

// TestLog: positions are handed out in the order of commits without gaps, however many write at once; the log keeps its end; and whoever
// reads it hears whether rights have changed.
func TestLog(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx, account := t.Context(), newAccount()
		told, rights := make(chan struct{}, 1000), make(chan struct{}, 1000)
		w.Listen(store.Ears{Told: func() { told <- struct{}{} }, Rights: func() { rights <- struct{}{} }})
		before, err := w.Log(ctx, 0, 10)
		must(t, err)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 5 {
					list := make([]model.Event, 3)
					for i := range list {
						list[i] = model.Event{Kind: model.EventSecondary, Account: account, At: at(1), Secondary: &model.SecondaryMoved{State: "behind", Serial: 7, Known: true}}
					}
					if err := w.TellSecondaries(context.Background(), list); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		log, err := w.Log(ctx, 0, 1000)
		if err != nil || len(log.Events) != 120 || log.Head != 120 || len(told) != 40 {
			t.Fatalf("%d events, head %d, told %d, %v", len(log.Events), log.Head, len(told), err)
		}
		for i, e := range log.Events {
			if e.Log != uint64(i+1) || e.Secondary.Serial != 7 {
				t.Fatalf("%+v", e)
			}
		}
		if log.Rights != before.Rights {
			t.Error("rights have moved")
		}
		must(t, w.EditPeople(ctx, func(model.PeopleTx) error { return nil }))
		after, err := w.Log(ctx, 120, 10)
		if err != nil || after.Rights == before.Rights || len(after.Events) != 0 || len(told) != 40 || len(rights) != 1 {
			t.Errorf("%+v, told %d and of rights %d, %v", after, len(told), len(rights), err)
		}
		many := make([]model.Event, 5000)
		for i := range many {
			many[i] = log.Events[0]
		}
		must(t, w.TellSecondaries(ctx, many))
		if log, err = w.Log(ctx, 0, 1); err != nil || log.Head != 5120 || log.Events[0].Log != 5120-4096+1 {
			t.Errorf("%d, %+v, %v", log.Head, log.Events, err)
		}
	})
}

// TestCommitsCounted: commits are counted by the time that they took, and those that fail by the reason.
func TestCommitsCounted(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.addZone(t, newAccount(), "a.test")
		tx := w.begin(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := tx.Commit(ctx, nil); err == nil {
			t.Error("committed")
		}
		s := w.Stats()
		failed := uint64(0)
		for _, n := range s.CommitsFailed {
			failed += n
		}
		last, all := uint64(0), slices.Sorted(maps.Keys(s.CommitsTook))
		for _, d := range all {
			if s.CommitsTook[d] < last {
				t.Errorf("%v", s.CommitsTook)
			}
			last = s.CommitsTook[d]
		}
		if last != s.Commits || s.Commits == 0 || failed != 1 || s.CommitsFailed["other"] != 0 {
			t.Errorf("%+v", s)
		}
	})
}
