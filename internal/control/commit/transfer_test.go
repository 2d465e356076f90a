package commit_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func (b *bench) tsig(t *testing.T, name string) model.ID {
	t.Helper()
	return b.must(t, model.Change{Edits: []model.Edit{model.AddTSIG{TSIG: model.TSIG{
		Name: name, Algo: "hmac-sha256.", Secret: "c3dvcmRmaXNoc3dvcmRmaXNo",
	}}}}).Outcomes[0].TSIG.ID
}

func (b *bench) peer(t *testing.T, name string, key model.ID) model.ID {
	t.Helper()
	return b.must(t, model.Change{Edits: []model.Edit{model.PutPeer{Peer: model.Peer{
		Name: name, IP: netip.MustParseAddr("192.0.2.53"), Port: 5353, TSIG: key,
	}}}}).Outcomes[0].Peer.ID
}

func link(peers ...model.ID) func(*model.Zone) {
	return func(z *model.Zone) {
		enabled := z.Outgoing != nil && z.Outgoing.Enabled
		z.Outgoing = &model.Outgoing{Name: "example", Peers: peers, Enabled: enabled}
	}
}

// enable and disable write through the pointer they are given, as a careless Apply might.
func enable(z *model.Zone) { z.Outgoing.Enabled = true }

func disable(z *model.Zone) { z.Outgoing.Enabled = false }

func TestLinks(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	z := b.zone(t, "example")
	key, other := b.tsig(t, "key.example."), b.tsig(t, "other.example.")
	keyed, keyed2 := b.peer(t, "one", key), b.peer(t, "two", key)
	bare, wrong := b.peer(t, "three", ""), b.peer(t, "four", other)
	var many []model.ID
	for i := range 31 {
		many = append(many, b.peer(t, fmt.Sprintf("p%d", i), ""))
	}
	for _, tt := range []struct {
		title string
		peers []model.ID
		want  int
	}{
		{"none", nil, 0},
		{"one", []model.ID{keyed}, 0},
		{"shared key", []model.ID{keyed, keyed2}, 0},
		{"no keys", many[:30], 0},
		{"too many", many, model.CodeOutgoingTooMany},
		{"unknown", []model.ID{keyed, "nobody"}, model.CodeOutgoingPeers},
		{"twice", []model.ID{keyed, keyed}, model.CodeOutgoingPeers},
		{"one with, one without key", []model.ID{keyed, bare}, model.CodePeersTSIGDiffer},
		{"one without, one with key", []model.ID{bare, keyed}, model.CodePeersTSIGDiffer},
		{"different keys", []model.ID{keyed, wrong}, model.CodePeersTSIGDiffer},
	} {
		if _, err := b.edit(t, z.ID, "outgoing.update", link(tt.peers...)); code(err) != tt.want {
			t.Errorf("%s: got %v, want %d", tt.title, err, tt.want)
		}
	}
	if _, err := b.edit(t, z.ID, "outgoing.update", link(keyed, keyed2)); err != nil {
		t.Fatal(err)
	}
	put := func(p model.Peer) int {
		_, err := b.change(t, model.Change{Edits: []model.Edit{model.PutPeer{Peer: p}}})
		return code(err)
	}
	if got := put(model.Peer{ID: keyed, Name: "one", TSIG: other}); got != model.CodePeersTSIGDiffer {
		t.Errorf("another key for one of two linked peers: got %d", got)
	}
	if got := put(model.Peer{ID: keyed, Name: "one", TSIG: key, Port: 99}); got != 0 {
		t.Errorf("another port: got %d", got)
	}
	for _, tt := range []struct {
		title string
		edit  model.Edit
		want  int
	}{
		{"TSIG in use", model.DeleteTSIG{ID: key}, model.CodeTSIGInUse},
		{"peer in use", model.DeletePeer{ID: keyed}, model.CodePeerInUse},
		{"unused peer", model.DeletePeer{ID: wrong}, 0},
		{"TSIG used no longer", model.DeleteTSIG{ID: other}, 0},
		{"unknown TSIG", model.DeleteTSIG{ID: other}, model.CodeTSIGNotFound},
		{"unknown peer", model.DeletePeer{ID: wrong}, model.CodePeerNotFound},
		{"unknown ACL", model.DeleteACL{ID: wrong}, model.CodeACLNotFound},
		{"replace unknown TSIG", model.EditTSIG{ID: "x"}, model.CodeTSIGNotFound},
		{"replace unknown peer", model.PutPeer{Peer: model.Peer{ID: "x"}}, model.CodePeerNotFound},
		{"replace unknown ACL", model.PutACL{ACL: model.ACL{ID: "x"}}, model.CodeACLNotFound},
		{"peer with unknown TSIG", model.PutPeer{Peer: model.Peer{Name: "n", TSIG: "x"}}, model.CodePeerTSIG},
		{"TSIG with a bad name", model.AddTSIG{TSIG: model.TSIG{Name: "a..b", Algo: "hmac-sha1", Secret: "YWJj"}}, model.CodeTSIGName},
		{"TSIG with a short secret", model.AddTSIG{TSIG: model.TSIG{Name: "k", Algo: "hmac-sha256", Secret: "c3dvcmRmaXNoc3dvcmRm"}}, model.CodeTSIGSecret},
		{"TSIG with a bad secret", model.AddTSIG{TSIG: model.TSIG{Name: "k", Algo: "hmac-sha1", Secret: "!"}}, model.CodeTSIGSecret},
	} {
		_, err := b.change(t, model.Change{Edits: []model.Edit{tt.edit}})
		if code(err) != tt.want {
			t.Errorf("%s: got %v, want %d", tt.title, err, tt.want)
		}
	}
	// In one change: the link goes, then the peer may.
	b.must(t, model.Change{Zone: z.ID, Edits: []model.Edit{
		model.EditZone{Apply: func(z model.Zone) (model.Zone, error) { link(keyed2)(&z); return z, nil }},
		model.DeletePeer{ID: keyed},
	}})
}

func TestAccessReachesMemory(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	z := b.zone(t, "example")
	peer := b.peer(t, "one", b.tsig(t, "Key.Example"))
	b.must(t, model.Change{Edits: []model.Edit{model.PutACL{ACL: model.ACL{
		Name: "a", Range: "192.0.2.77/28", Prefix: netip.MustParsePrefix("192.0.2.77/28"),
	}}}})
	if _, err := b.edit(t, z.ID, "outgoing.create", link(peer)); err != nil {
		t.Fatal(err)
	}
	access := func() (enabled bool, text string) {
		a := b.db.ByID(string(z.ID)).Access()
		for _, p := range a.Peers {
			text += fmt.Sprintf("%s %s %s ", p.Name, p.Addr, p.Key.Name)
		}
		return a.Enabled, text + fmt.Sprint(a.ACL)
	}
	const want = "one 192.0.2.53:5353 key.example. [192.0.2.64/28]"
	if on, got := access(); on || got != want {
		t.Errorf("got %v %q", on, got)
	}
	notify := func() error {
		_, err := b.change(t, model.Change{Zone: z.ID, Edits: []model.Edit{model.NotifyZone{}}})
		return err
	}
	if got := code(notify()); got != model.CodeOutgoingOff {
		t.Errorf("NOTIFY while disabled: got %d", got)
	}
	if _, err := b.edit(t, z.ID, "outgoing.enable", enable); err != nil {
		t.Fatal(err)
	}
	if on, _ := access(); !on || b.forced[string(z.ID)] != 1 {
		t.Errorf("enabled: %v, %d NOTIFYs asked for", on, b.forced[string(z.ID)])
	}
	if err := notify(); err != nil || b.forced[string(z.ID)] != 2 {
		t.Errorf("force_notify: %v, %d NOTIFYs asked for", err, b.forced[string(z.ID)])
	}
	b.add(t, z.ID, rec("www.example", "A", "192.0.2.1")) // the zone's position moved with all that
	if n := b.forced[string(z.ID)]; n != 2 {
		t.Errorf("a record asked for NOTIFY as if by hand: %d", n)
	}
	entitle := func(on bool) {
		b.must(t, model.Change{Edits: []model.Edit{model.EditAccount{Apply: func(a model.Account) (model.Account, error) {
			a.OutgoingTransfers = on
			return a, nil
		}}}})
	}
	entitle(false)
	if on, _ := access(); on {
		t.Error("transfers go on without the entitlement")
	}
	if got := code(notify()); got != model.CodeOutgoingOff {
		t.Errorf("NOTIFY without the entitlement: got %d", got)
	}
	if _, err := b.edit(t, z.ID, "outgoing.disable", disable); err != nil {
		t.Fatal(err)
	}
	if _, err := b.edit(t, z.ID, "outgoing.enable", enable); code(err) != model.CodeNotEntitled {
		t.Errorf("enabled without the entitlement: %v", err)
	}
	yes := true
	if _, err := b.edit(t, z.ID, "entitlements", func(z *model.Zone) { z.OutgoingTransfers = &yes }); err != nil {
		t.Fatal(err)
	}
	if _, err := b.edit(t, z.ID, "outgoing.enable", enable); err != nil {
		t.Errorf("the zone's own entitlement does not beat its account's: %v", err)
	}
	if on, _ := access(); !on {
		t.Error("not enabled")
	}
	for _, a := range b.store.Audits() {
		if strings.Contains(fmt.Sprint(a.Before, a.After), "swordfish") {
			t.Error("the audit log tells a secret")
		}
	}
}

func TestStrictReview(t *testing.T) {
	t.Parallel()
	b := start(t, func(c *commit.Config) { c.Limits.RecordBytes = wire.MaxMessage })
	b.must(t, model.Change{Edits: []model.Edit{model.EditAccount{Apply: func(a model.Account) (model.Account, error) {
		a.StrictReview = true
		return a, nil
	}}}})
	many := make([]model.Record, 101)
	for i := range many {
		many[i] = rec("www.example", "A", fmt.Sprintf("192.0.2.%d", i))
	}
	// A TXT record that fits an answer, and a message of a transfer only without a TSIG.
	longest := model.Record{Name: wire.MustName("t.example"), Type: wire.TypeTXT, TTL: 60}
	for range 255 {
		longest.RData = append(append(longest.RData, 255), make([]byte, 255)...)
	}
	longest.RData = append(append(longest.RData, 180), make([]byte, 180)...)
	key := b.tsig(t, "key.example.")
	keyed, bare := b.peer(t, "keyed", key), b.peer(t, "bare", "")
	tests := []struct {
		title string
		recs  []model.Record
		peer  model.ID
		mode  model.TransferMode
		want  int
	}{
		{"addresses", many[:100], bare, model.ModeOrigin, 0},
		{"CNAME at the apex", []model.Record{rec("example", "CNAME", "cdn.test")}, bare, model.ModeOrigin, model.CodeReviewBlocks},
		{"CNAME at the apex, flattened", []model.Record{rec("example", "CNAME", "cdn.test")}, bare, model.ModeEdge, 0},
		{"CNAME at the apex, proxied", []model.Record{rec("example", "CNAME", "cdn.test", proxied)}, bare, model.ModeOrigin, model.CodeReviewBlocks},
		{"CNAME beside TXT", []model.Record{rec("w.example", "CNAME", "cdn.test"), rec("w.example", "TXT", "x")}, bare, model.ModeOrigin, 0},
		{"more addresses than BIND takes", many, bare, model.ModeOrigin, model.CodeReviewBlocks},
		{"longest record", []model.Record{longest}, bare, model.ModeOrigin, 0},
		{"longest record, signed", []model.Record{longest}, keyed, model.ModeOrigin, model.CodeReviewBlocks},
	}
	for _, tt := range tests {
		for _, together := range []bool{false, true} { // enabled by itself, and in the very change that brings the records
			z := b.zone(t, "example")
			var edits []model.Edit
			for _, r := range tt.recs {
				edits = append(edits, model.AddRecord{Record: r})
			}
			edits = append(edits, model.EditZone{Apply: func(z model.Zone) (model.Zone, error) {
				link(tt.peer)(&z)
				z.Mode = tt.mode
				return z, nil
			}})
			on := model.EditZone{Apply: func(z model.Zone) (model.Zone, error) { enable(&z); return z, nil }}
			if !together {
				b.must(t, model.Change{Zone: z.ID, Edits: edits})
				edits = nil
			}
			_, err := b.change(t, model.Change{Zone: z.ID, Edits: append(edits, on)})
			if code(err) != tt.want {
				t.Errorf("%s, together %v: got %v, want %d", tt.title, together, err, tt.want)
			}
			b.must(t, model.Change{Zone: z.ID, Edits: []model.Edit{model.DeleteZone{}}})
		}
	}
}

func TestForeignZone(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	z := b.zone(t, "example")
	_, err := b.change(t, model.Change{Account: "other", Zone: z.ID, Edits: []model.Edit{
		model.AddRecord{Record: rec("www.example", "A", "192.0.2.1")},
	}})
	if err == nil || len(b.store.Records(z.ID)) != 0 {
		t.Error("a zone of another account was changed")
	}
}
