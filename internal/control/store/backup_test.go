package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// fill puts something into every table.
func fill(t *testing.T, w *world) model.Zone {
	t.Helper()
	hook := newID()
	must(t, w.EditAlarms(t.Context(), newAccount(), func(tx model.AlarmTx) error {
		must(t, tx.PutWebhook(t.Context(), model.Webhook{ID: hook, Kind: model.WebhookHTTPS, Name: "hook", Secret: "whsec_x"}))
		return tx.AddDelivery(t.Context(), model.Delivery{ID: newID(), Webhook: hook, Created: at(1), Next: at(1)})
	}))
	_, err := w.ChangeAlarms(t.Context(), []model.AlarmChange{change(newAccount(), newID(), true, 1)}, newID)
	must(t, err)
	account := model.Account{ID: newAccount(), Name: "Ünï"}
	z := w.addZone(t, account.ID, "a.test")
	gone := w.addZone(t, account.ID, "gone.test")
	z.Outgoing = &model.Outgoing{Peers: []model.ID{newID()}}
	key := model.TSIG{ID: newID(), Account: account.ID, Name: "k.", Algo: "hmac-sha256.", Secret: "c3dvcmRmaXNo"}
	w.change(t, func(tx *store.Tx) []model.Entry {
		must(t, tx.PutAccount(t.Context(), account))
		must(t, tx.PutZone(t.Context(), z))
		must(t, tx.DeleteZone(t.Context(), gone.ID))
		must(t, tx.PutTSIG(t.Context(), key))
		must(t, tx.PutZoneKey(t.Context(), model.ZoneKey{ID: newID(), Zone: z.ID, Private: []byte("swordfish")}))
		must(t, tx.PutDraft(t.Context(), model.Draft{ID: newID(), Zone: z.ID, Account: account.ID, Name: "a draft", State: model.DraftOpen}))
		must(t, tx.PutPeer(t.Context(), model.Peer{ID: z.Outgoing.Peers[0], Account: account.ID}))
		must(t, tx.PutACL(t.Context(), model.ACL{ID: newID(), Account: account.ID}))
		must(t, tx.MarkChange(t.Context(), newID()))
		must(t, tx.Audit(t.Context(), []model.Audit{testAudit(account.ID, 1)}))
		must(t, tx.PutRecords(t.Context(), listed(z.ID)))
		must(t, tx.PutImage(t.Context(), model.Image{Zone: z.ID, Served: noise(2<<20 + 1)}))
		return []model.Entry{
			{Kind: model.EntryGone, Zone: gone.ID},
			{Kind: model.EntryAccess, Account: account.ID, Secret: []byte("s1")},
			{Kind: model.EntryAccess, Account: account.ID, Zone: z.ID, Secret: []byte("s2")},
			{Kind: model.EntryReset, Account: account.ID, Zone: z.ID, Serial: 9},
		}
	})
	w.people(t, func(tx model.PeopleTx) error {
		user := newID()
		return errors.Join(
			tx.AddUser(t.Context(), model.User{ID: user, Email: "a@example.com"}),
			tx.AddLogin(t.Context(), model.Login{ID: newID(), User: user, Issuer: "https://login.example.com", Subject: "ann"}),
			tx.AddPasskey(t.Context(), model.Passkey{ID: newID(), User: user, Name: "key", Credential: []byte("{}")}),
			tx.EditSecondFactor(t.Context(), user, func(f *model.SecondFactor) error {
				f.Secret = []byte("swordfish")
				return nil
			}),
			tx.AddMember(t.Context(), model.Member{ID: newID(), Account: account.ID, User: newID()}),
			tx.AddToken(t.Context(), model.Token{ID: newID(), Hash: []byte{1}, Maker: model.Maker{Token: newID()}}),
		)
	})
	must(t, w.PutPeerStates(t.Context(), []store.PeerState{{Zone: z.ID, Peer: newID(), Data: []byte{1}}}))
	must(t, w.PutMeta(t.Context(), "mark", []byte("x")))
	rows, _ := earlierRows(account.ID)
	w.putEarlier(t, rows[:1])
	return z
}

// TestBackupOfEarlierVersion restores a backup from before there were packed entries of the audit log.
func TestBackupOfEarlierVersion(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		fill(t, w)
		to := &world{url: engines[0].fresh(t), now: w.now}
		to.Store = to.open(t)
		must(t, to.Restore(t.Context(), bytes.NewReader(withoutTable(t, dump(t, w.Store), "audit_entries", 1)), nil))
		accounts, _, err := to.Accounts(t.Context(), nil, "", false, 0, 0)
		must(t, err)
		log, err := to.AuditLog(t.Context(), model.AuditQuery{Account: accounts[0].ID})
		must(t, err)
		if len(log) != 1 || log[0].Legacy != "rec_set" {
			t.Errorf("audit log: %+v", log)
		}
	})
}

// withoutTable is a backup less one table of so many rows.
func withoutTable(t *testing.T, b []byte, table string, rows int) []byte {
	t.Helper()
	magic := []byte("headwater backup 1\n")
	out, rest, inside := bytes.Clone(magic), b[len(magic):], false
	for len(rest) > 0 {
		kind := rest[0]
		size, n := binary.Uvarint(rest[1:])
		payload := rest[1+n:][:size]
		rest = rest[1+n+int(size)+4:]
		switch kind {
		case 'S':
			total, _ := binary.Uvarint(payload)
			payload = binary.AppendUvarint(nil, total-uint64(rows))
		case 'T':
			inside = bytes.HasPrefix(payload, append([]byte{byte(len(table))}, table...))
		case 'E':
			sum := sha256.Sum256(out)
			payload, inside = sum[:], false
		}
		if inside {
			continue
		}
		block := append(binary.AppendUvarint([]byte{kind}, uint64(len(payload))), payload...)
		out = append(out, block...)
		out = binary.BigEndian.AppendUint32(out, crc32.Checksum(block, crc32.MakeTable(crc32.Castagnoli)))
	}
	return out
}

func dump(t *testing.T, s *store.Store) []byte {
	t.Helper()
	var b bytes.Buffer
	var done, total int64
	must(t, s.Dump(t.Context(), &b, func(d, n int64) { done, total = d, n }))
	if done == 0 || done != total {
		t.Errorf("progress ended at %d of %d", done, total)
	}
	return b.Bytes()
}

func TestBackup(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z := fill(t, w)
		b := dump(t, w.Store)
		if bytes.Contains(b, []byte("swordfish")) {
			t.Error("a secret in the clear")
		}
		for _, e := range engines {
			to := &world{url: e.fresh(t)}
			to.Store = to.open(t)
			last := int64(0)
			must(t, to.Restore(t.Context(), bytes.NewReader(b), func(done, _ int64) { last = done }))
			if last == 0 {
				t.Error("no progress")
			}
			if !bytes.Equal(dump(t, to.Store), b) {
				t.Errorf("%s: another dump than was restored", e.name)
			}
			// It goes on where the other stopped.
			again := to.addZone(t, z.Account, "gone.test")
			if again.Seq == 0 {
				t.Error("no position")
			}
			to.addRecords(t, testRecord(again.ID, "gone.test", wire.TypeA, "x"))
			images, _, seq := to.load(t)
			if len(images) != 2 || seq != again.Seq+1 {
				t.Errorf("%d images at %d", len(images), seq)
			}
			if err := to.Restore(t.Context(), bytes.NewReader(b), nil); !errors.Is(err, store.ErrNotEmpty) {
				t.Errorf("restored over data: %v", err)
			}
		}
	})
}

func TestBackupEveryTable(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		fill(t, w)
		b := dump(t, w.Store)
		driver, query := "sqlite", `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
		dsn := strings.TrimPrefix(w.url, "sqlite:")
		if dsn == w.url {
			driver, query = "pgx", `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`
		}
		db, err := sql.Open(driver, dsn)
		must(t, err)
		defer db.Close()
		rows, err := db.QueryContext(t.Context(), query)
		must(t, err)
		defer rows.Close()
		var names []string
		for rows.Next() {
			var name string
			must(t, rows.Scan(&name))
			if name != "goose_db_version" && name != "nodes" && name != "circle" && name != "stagings" && name != "signings" && name != "key_sightings" && name != "sessions" && name != "curves" && name != "curve_runs" && name != "schema_marks" && name != "spent_challenges" { // who runs at the moment, and what it sees, is not data
				names = append(names, name)
			}
		}
		must(t, rows.Err())
		for _, name := range names {
			var n int
			must(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM `+name).Scan(&n))
			if n == 0 {
				t.Errorf("the test puts nothing into %s", name)
			}
			if !bytes.Contains(b, append([]byte{byte(len(name))}, name...)) {
				t.Errorf("table %s is not in the backup", name)
			}
		}
		slices.Sort(names)
		if len(names) < 20 {
			t.Errorf("tables: %v", names)
		}
	})
}

func TestBackupDamaged(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		other := &world{url: engines[0].fresh(t)}
		other.Store = other.open(t)
		other.addZone(t, newAccount(), "a.test")
		b := dump(t, other.Store)
		seed := rand.Uint64()
		dice := rand.New(rand.NewPCG(seed, 0))
		refused := func(what string, b []byte) {
			t.Helper()
			if err := w.Restore(t.Context(), bytes.NewReader(b), nil); !errors.Is(err, store.ErrBackup) {
				t.Errorf("seed %d: %s: %v", seed, what, err)
			}
		}
		for range 40 {
			i := dice.IntN(len(b))
			bad := bytes.Clone(b)
			bad[i] ^= 1 << dice.IntN(8)
			refused(fmt.Sprint("bit of octet ", i), bad)
			refused(fmt.Sprint("cut at ", i), b[:i])
		}
		refused("more", append(bytes.Clone(b), 0))
		refused("nothing", nil)
		refused("twice", append(bytes.Clone(b), b...))
		if _, n, err := w.Zones(t.Context(), model.ZoneQuery{All: true}); n != 0 || err != nil {
			t.Errorf("%d zones are left behind: %v", n, err)
		}
		if again := w.reopen(t); again == nil {
			t.Error("the database does not open any more")
		}
		must(t, w.Restore(t.Context(), bytes.NewReader(b), nil))
	})
}

func TestBackupWrongKey(t *testing.T) {
	t.Parallel()
	w := &world{url: engines[0].fresh(t)}
	w.Store = w.open(t)
	b := dump(t, w.Store)
	to, err := store.Open(context.Background(), store.Config{URL: engines[0].fresh(t), SecretKey: [32]byte{7}})
	must(t, err)
	defer to.Close()
	if err := to.Restore(t.Context(), bytes.NewReader(b), nil); !errors.Is(err, store.ErrSecretKey) {
		t.Errorf("restored under another key: %v", err)
	}
}

func TestRestoredMark(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z, gone := w.addZone(t, newAccount(), "example.com"), w.addZone(t, newAccount(), "gone.test")
		w.change(t, func(tx *store.Tx) []model.Entry {
			must(t, tx.DeleteZone(t.Context(), gone.ID))
			return []model.Entry{{Kind: model.EntryGone, Zone: gone.ID}}
		})
		mark, err := w.Restored(t.Context())
		must(t, err)
		equal(t, "mark of a database that never was restored", mark, model.Restored{})
		last := func() (serial uint32) {
			w.change(t, func(tx *store.Tx) []model.Entry {
				serial, err = tx.LastSerial(t.Context(), gone.Name)
				must(t, err)
				mark, err = tx.Restored(t.Context())
				must(t, err)
				return nil
			})
			return serial
		}
		before := last()
		jumps := map[uint32]bool{}
		for range 3 {
			must(t, w.MarkRestored(t.Context()))
			was := before
			before = last()
			if before != was+mark.Jump || mark.Jump < model.JumpLeast || mark.Jump >= model.JumpMost || mark.At.IsZero() {
				t.Errorf("%+v, serial of a deleted zone %d after %d", mark, before, was)
			}
			jumps[mark.Jump] = true
		}
		if len(jumps) == 1 {
			t.Error("every mark jumps equally far: a backup restored twice repeats serials")
		}
		at := mark.Seq
		w.addRecords(t, testRecord(z.ID, "www.example.com", wire.TypeA, "192.0.2.1"))
		other := w.reopen(t)
		mark, err = other.Restored(t.Context())
		must(t, err)
		equal(t, "position", mark.Seq, at)
		must(t, w.PutMeta(t.Context(), "store.restored-at", []byte("7"))) // as written before marks held a jump
		mark, err = other.Restored(t.Context())
		must(t, err)
		equal(t, "a mark of an earlier version", mark, model.Restored{Seq: 7, Jump: model.JumpLeast})
	})
}
