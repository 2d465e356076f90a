package store_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		u := model.User{
			ID: newID(), Email: "Ann@Example.com", FirstName: "Ann", Admin: true, PasswordHash: "$argon2id$…", KeyHash: []byte{1, 0},
			Created: at(1), Modified: at(2), Sessions: []byte{7},
		}
		account := newAccount()
		w.people(t, func(tx model.PeopleTx) error {
			return errors.Join(tx.AddUser(t.Context(), u), tx.Audit(t.Context(), testAudit(account, 1)))
		})
		u.LastName, u.Suspended = "Lee", true
		w.people(t, func(tx model.PeopleTx) error {
			got, err := tx.EditUser(t.Context(), u.ID, func(v *model.User) error { v.LastName, v.Suspended = "Lee", true; return nil })
			equal(t, "edited user", got, u)
			return err
		})
		got, err := w.User(t.Context(), u.ID)
		must(t, err)
		equal(t, "user", got, u)
		got, err = w.UserByEmail(t.Context(), "ann@EXAMPLE.com")
		must(t, err)
		equal(t, "user by e-mail", got, u)
		if _, err := w.UserByEmail(t.Context(), "bob@example.com"); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("no user: %v", err)
		}
		err = w.EditPeople(t.Context(), func(tx model.PeopleTx) error {
			must(t, tx.Audit(t.Context(), testAudit(account, 2)))
			return tx.AddUser(t.Context(), model.User{ID: newID(), Email: "ann@example.com"})
		})
		if _, ok := errors.AsType[*model.Invalid](err); !ok {
			t.Errorf("two users with one address: %v", err)
		}
		odd := model.User{ID: newID(), Email: "odd@example.com", FirstName: `x","Admin":true,"y`}
		w.people(t, func(tx model.PeopleTx) error {
			must(t, tx.AddUser(t.Context(), odd))
			list, err := tx.Administrators(t.Context())
			equal(t, "administrators", list, []model.User{u})
			return err
		})
		list, n, err := w.Users(t.Context(), 1, 1)
		must(t, err)
		equal(t, "second page of users", list, []model.User{odd})
		if n != 2 {
			t.Errorf("%d users", n)
		}
		log, err := w.AuditLog(t.Context(), model.AuditQuery{Account: account})
		must(t, err)
		if len(log) != 1 {
			t.Errorf("%d audit entries", len(log))
		}
	})
}

func TestMembers(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		accounts, users := []model.ID{newAccount(), newAccount()}, []model.ID{newAccount(), newAccount()}
		var all []model.Member
		for i := range 3 {
			m := model.Member{ID: newID(), Account: accounts[i/2], User: users[i%2], Role: "read_only", Status: "accepted", Created: at(i)}
			all = append(all, m)
			w.people(t, func(tx model.PeopleTx) error { return tx.AddMember(t.Context(), m) })
		}
		all[0].Role = "administrator"
		w.people(t, func(tx model.PeopleTx) error {
			_, err := tx.EditMember(t.Context(), accounts[0], all[0].ID, func(m *model.Member) error { m.Role = all[0].Role; return nil })
			return err
		})
		list := func(account, user model.ID, want ...model.Member) {
			t.Helper()
			got, err := w.Members(t.Context(), account, user)
			must(t, err)
			equal(t, "members", got, want)
			w.people(t, func(tx model.PeopleTx) error {
				got, err := tx.Members(t.Context(), account, user)
				equal(t, "members inside", got, want)
				return err
			})
		}
		list(accounts[0], "", all[0], all[1])
		list("", users[0], all[0], all[2])
		list(accounts[1], users[0], all[2])
		again := model.Member{ID: newID(), Account: accounts[0], User: users[0]}
		err := w.EditPeople(t.Context(), func(tx model.PeopleTx) error { return tx.AddMember(t.Context(), again) })
		if _, ok := errors.AsType[*model.Invalid](err); !ok {
			t.Errorf("a member twice: %v", err)
		}
		remove := func(account, id model.ID) error {
			return w.EditPeople(t.Context(), func(tx model.PeopleTx) error { return tx.DeleteMember(t.Context(), account, id) })
		}
		if err := remove(accounts[1], all[0].ID); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("deleted another account's member: %v", err)
		}
		suspended := model.Account{ID: accounts[1], Suspended: true}
		w.change(t, func(tx *store.Tx) []model.Entry { must(t, tx.PutAccount(t.Context(), suspended)); return nil })
		all[2].Suspended = true
		list("", users[0], all[0], all[2])
		must(t, remove(accounts[0], all[0].ID))
		list(accounts[0], "", all[1])
	})
}

// TestGoneStaysGone: an edit of what is not there is told so, and writes nothing.
func TestGoneStaysGone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		id := newID()
		for what, edit := range map[string]func(tx model.PeopleTx) error{
			"user": func(tx model.PeopleTx) error {
				_, err := tx.EditUser(t.Context(), id, func(*model.User) error { return nil })
				return err
			},
			"member": func(tx model.PeopleTx) error {
				_, err := tx.EditMember(t.Context(), id, id, func(*model.Member) error { return nil })
				return err
			},
			"token": func(tx model.PeopleTx) error {
				_, err := tx.EditToken(t.Context(), id, func(*model.Token) error { return nil })
				return err
			},
			"token to delete": func(tx model.PeopleTx) error { return tx.DeleteToken(t.Context(), id) },
		} {
			if err := w.EditPeople(t.Context(), edit); !errors.Is(err, model.ErrNotFound) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// TestSessions opens and ends sessions at once: none that was ended comes back, not by its last use either; one owner keeps so many and no
// more, and those that ran out are forgotten.
func TestSessions(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		owner, other := newAccount(), newAccount()
		id := func(second, n byte) model.ID { return model.ID(fmt.Sprintf("%016x%016x", second, n)) }
		session := func(n byte) model.Session {
			return model.Session{
				ID: id(9, n), Owner: owner, Way: "password", From: netip.MustParseAddr("192.0.2.1"), Agent: "curl", Print: []byte{1},
				Used: at(int(n)), Last: netip.MustParseAddr("2001:db8::1"),
			}
		}
		var all sync.WaitGroup
		for n := range byte(16) {
			all.Go(func() {
				if err := w.AddSession(context.Background(), session(n), time.Unix(9, 0), 8); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		list, err := w.Sessions(t.Context(), owner)
		must(t, err)
		if len(list) != 8 { // which, is a matter of who came when
			t.Fatalf("%d sessions are left", len(list))
		}
		first := list[0]
		n := first.Used.Sub(at(0)) / at(1).Sub(at(0))
		equal(t, "session", first, session(byte(n)))
		end := func(of, id model.ID) error {
			return w.EditPeople(t.Context(), func(tx model.PeopleTx) error { return tx.EndSession(t.Context(), of, id) })
		}
		if err := end(other, first.ID); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("somebody else's session: %v", err)
		}
		must(t, end(owner, first.ID))
		if err := end(owner, first.ID); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("ended twice: %v", err)
		}
		w.TouchSession(first.ID, at(99), netip.MustParseAddr("192.0.2.9"))
		w.TouchSession(list[1].ID, at(99), netip.MustParseAddr("192.0.2.9"))
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			v, err := w.Session(t.Context(), list[1].ID)
			must(t, err)
			if v.Used.Equal(at(99)) && v.Last == netip.MustParseAddr("192.0.2.9") {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the last use is not written: %+v", v)
			}
		}
		if _, err := w.Session(t.Context(), first.ID); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("a session that was ended: %v", err)
		}
		must(t, w.EditPeople(t.Context(), func(tx model.PeopleTx) error {
			n, err := tx.EndSessions(t.Context(), owner, list[2].ID)
			if err == nil && n != 6 {
				err = fmt.Errorf("%d sessions were ended", n)
			}
			return err
		}))
		must(t, w.AddSession(t.Context(), model.Session{ID: id(100, 1), Owner: other, Used: at(100)}, time.Unix(100, 0), 8))
		if list, err = w.Sessions(t.Context(), owner); err != nil || len(list) != 0 {
			t.Errorf("of those that ran out there are %v (%v)", list, err)
		}
	})
}

// TestSecondFactors: what is written is read, secrets stand in no table in clear, and what an edit refuses changes nothing.
func TestSecondFactors(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		user := newAccount()
		edit := func(f func(*model.SecondFactor) error) error {
			return w.EditPeople(t.Context(), func(tx model.PeopleTx) error { return tx.EditSecondFactor(t.Context(), user, f) })
		}
		want := model.SecondFactor{
			User: user, Since: at(1), Step: 7, Recovery: [][]byte{{1}, {2}}, Guessed: at(2), PendingSince: at(3),
			Secret: []byte("secret-of-twenty-octs"), Pending: []byte("pending"),
		}
		must(t, edit(func(f *model.SecondFactor) error {
			equal(t, "empty", *f, model.SecondFactor{User: user})
			*f = want
			return nil
		}))
		refused := errors.New("refused")
		if err := edit(func(f *model.SecondFactor) error { f.Step = 8; return refused }); !errors.Is(err, refused) {
			t.Error(err)
		}
		got, err := w.SecondFactor(t.Context(), user)
		must(t, err)
		equal(t, "second factor", got, want)
		var dump bytes.Buffer
		must(t, w.Dump(t.Context(), &dump, nil))
		for _, clear := range []string{"secret-of-twenty-octs", base64.StdEncoding.EncodeToString(want.Secret)} {
			if bytes.Contains(dump.Bytes(), []byte(clear)) {
				t.Errorf("%q stands in a table", clear)
			}
		}
		w.people(t, func(tx model.PeopleTx) error { return tx.DeleteSecondFactor(t.Context(), user) })
		got, err = w.SecondFactor(t.Context(), user)
		must(t, err)
		equal(t, "after it was deleted", got, model.SecondFactor{User: user})
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		user, account := newAccount(), newAccount()
		full := model.Token{
			ID: newID(), Name: "full", User: user, Hash: []byte{1, 2}, Status: "active", Issued: at(1), Modified: at(2), LastUsed: at(3),
			NotBefore: at(4), Expires: at(5), Condition: []byte(`{"request_ip" : {}}`), In: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
			Policies: []model.Policy{{
				ID: newID(), Effect: "allow", Groups: []model.ID{newID()}, Resources: []byte(`{"a": "*"}`),
				Scopes: []model.Scope{{Kind: "zone", ID: "*", Account: account}},
			}},
		}
		second := model.Token{ID: newID(), User: user, Hash: []byte{3}, Issued: at(2), Maker: model.Maker{User: user, Token: full.ID}}
		of := model.Token{ID: newID(), Account: account, Hash: []byte{4}, Issued: at(3)}
		for _, tok := range []model.Token{full, second, of} {
			w.people(t, func(tx model.PeopleTx) error { return tx.AddToken(t.Context(), tok) })
		}
		got, err := w.TokenByHash(t.Context(), []byte{1, 2})
		must(t, err)
		equal(t, "token", got, full)
		full.Name = "renamed"
		full.Hash, full.Maker = []byte{9}, model.Maker{}
		w.people(t, func(tx model.PeopleTx) error {
			_, err := tx.EditToken(t.Context(), full.ID, func(v *model.Token) error { v.Name, v.Hash = full.Name, full.Hash; return nil })
			return err
		})
		if _, err := w.TokenByHash(t.Context(), []byte{1, 2}); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("a value that was replaced: %v", err)
		}
		got, err = w.Token(t.Context(), full.ID)
		must(t, err)
		equal(t, "token by id", got, full)
		list := func(user, account model.ID, desc bool, offset, limit, total int, want ...model.Token) {
			t.Helper()
			got, n, err := w.Tokens(t.Context(), user, account, desc, offset, limit)
			must(t, err)
			equal(t, "tokens", got, want)
			if n != total {
				t.Errorf("%d tokens in all", n)
			}
		}
		list(user, "", true, 0, 0, 2, second, full)
		list(user, "", false, 1, 5, 2, second)
		list("", account, true, 0, 1, 1, of)
		w.people(t, func(tx model.PeopleTx) error {
			own, err := tx.Tokens(t.Context(), user, "")
			equal(t, "tokens inside", own, []model.Token{full, second})
			made, err2 := tx.TokensMadeBy(t.Context(), full.ID)
			equal(t, "tokens made", made, []model.Token{second})
			return errors.Join(err, err2, tx.DeleteToken(t.Context(), second.ID))
		})
		if _, err := w.TokenByHash(t.Context(), []byte{3}); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("deleted token: %v", err)
		}
	})
}

// TestTouchToken looks for the last use in the database once the store that was told of it is closed.
func TestTouchToken(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		tok := model.Token{ID: newID(), User: newID(), Hash: []byte{1}, Issued: at(1)}
		w.people(t, func(tx model.PeopleTx) error { return tx.AddToken(t.Context(), tok) })
		node := w.reopen(t)
		node.TouchToken(tok.ID, at(8))
		node.TouchToken(tok.ID, at(9))
		node.TouchToken(newID(), at(9))
		must(t, node.Close())
		if !node.Shared() {
			w.Store = w.open(t)
		}
		tok.LastUsed = at(9)
		got, err := w.Token(t.Context(), tok.ID)
		must(t, err)
		equal(t, "token", got, tok)
	})
}

func TestPeerStates(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		zones := []model.ID{newID(), newID()}
		var all []store.PeerState
		for i := range 4 {
			all = append(all, store.PeerState{Zone: zones[i/2], Peer: newID(), Serial: 4294967295, Known: i%2 == 0, Data: []byte{0, byte(i)}})
		}
		must(t, w.PutPeerStates(t.Context(), all))
		// Who notifies writes serials, who watches writes data: neither takes the other's away.
		all[1].Serial, all[1].Known = 7, true
		must(t, w.PutPeerStates(t.Context(), []store.PeerState{
			{Zone: zones[0], Peer: all[1].Peer, Serial: 6, Known: true},
			{Zone: zones[0], Peer: all[1].Peer, Serial: 7, Known: true},
		}))
		all[2].Data = []byte("new")
		must(t, w.PutPeerStates(t.Context(), []store.PeerState{{Zone: zones[1], Peer: all[2].Peer, Data: []byte("new")}}))
		must(t, w.PutPeerStates(t.Context(), nil))
		list := func(zone model.ID) (out []store.PeerState) {
			must(t, w.PeerStates(t.Context(), zone, func(p store.PeerState) error {
				out = append(out, p)
				return nil
			}))
			return out
		}
		equal(t, "states", list(""), all)
		equal(t, "states of a zone", list(zones[0]), all[:2])
		// Durable commits go on as such after a lazy one.
		tx := w.begin(t)
		_, err := tx.Commit(t.Context(), nil)
		must(t, err)
	})
}

// people runs f in a transaction about people.
func (w *world) people(tb testing.TB, f func(tx model.PeopleTx) error) {
	tb.Helper()
	must(tb, w.EditPeople(context.Background(), f))
}

// TestLogins: as whom a provider knows a user is found by its id alone, is one user's, and goes by him alone.
func TestLogins(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		l := model.Login{ID: newID(), User: newID(), Issuer: "https://login.example.com", Subject: "ann", Email: "ann@example.com", Created: at(1)}
		w.people(t, func(tx model.PeopleTx) error { return tx.AddLogin(t.Context(), l) })
		got, err := w.Logins(t.Context(), l.User)
		must(t, err)
		equal(t, "the user's", got, []model.Login{l})
		other := l
		other.User = newID()
		err = w.EditPeople(t.Context(), func(tx model.PeopleTx) error { return tx.AddLogin(t.Context(), other) })
		if _, bad := errors.AsType[*model.Invalid](err); !bad {
			t.Errorf("somebody else's, too: %v", err)
		}
		err = w.EditPeople(t.Context(), func(tx model.PeopleTx) error { return tx.DeleteLogin(t.Context(), other.User, l.ID) })
		if !errors.Is(err, model.ErrNotFound) {
			t.Errorf("deleted by somebody else: %v", err)
		}
		w.people(t, func(tx model.PeopleTx) error {
			found, err := tx.Login(t.Context(), l.ID)
			equal(t, "found", found, l)
			return errors.Join(err, tx.DeleteLogin(t.Context(), l.User, l.ID))
		})
		err = w.EditPeople(t.Context(), func(tx model.PeopleTx) error { _, err := tx.Login(t.Context(), l.ID); return err })
		if !errors.Is(err, model.ErrNotFound) {
			t.Errorf("after it was deleted: %v", err)
		}
	})
}

// TestPasskeys: what is written is read, by its id and by its user, is nobody else's, goes with the second factor; and a challenge is spent once.
func TestPasskeys(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		k := model.Passkey{ID: newID(), User: newID(), Name: "key", Created: at(1), Credential: []byte(`{"id":"AQ"}`)}
		another := model.Passkey{ID: newID(), User: newID(), Name: "another's", Created: at(2), Credential: []byte("{}")}
		w.people(t, func(tx model.PeopleTx) error {
			return errors.Join(tx.AddPasskey(t.Context(), k), tx.AddPasskey(t.Context(), another))
		})
		stolen := k
		stolen.User = another.User
		err := w.EditPeople(t.Context(), func(tx model.PeopleTx) error { return tx.AddPasskey(t.Context(), stolen) })
		if _, bad := errors.AsType[*model.Invalid](err); !bad {
			t.Errorf("somebody else's, too: %v", err)
		}
		w.people(t, func(tx model.PeopleTx) error { return tx.PutPasskey(t.Context(), stolen) })
		err = w.EditPeople(t.Context(), func(tx model.PeopleTx) error { return tx.DeletePasskey(t.Context(), another.User, k.ID) })
		if !errors.Is(err, model.ErrNotFound) {
			t.Errorf("deleted by somebody else: %v", err)
		}
		k.Used = at(3)
		w.people(t, func(tx model.PeopleTx) error {
			err := tx.PutPasskey(t.Context(), k)
			found, err2 := tx.Passkey(t.Context(), k.ID)
			equal(t, "found", found, k)
			return errors.Join(err, err2)
		})
		got, err := w.Passkeys(t.Context(), k.User)
		must(t, err)
		equal(t, "the user's", got, []model.Passkey{k})
		w.people(t, func(tx model.PeopleTx) error { return tx.DeleteSecondFactor(t.Context(), k.User) })
		err = w.EditPeople(t.Context(), func(tx model.PeopleTx) error { _, err := tx.Passkey(t.Context(), k.ID); return err })
		if !errors.Is(err, model.ErrNotFound) {
			t.Errorf("after the second factor was deleted: %v", err)
		}
		got, err = w.Passkeys(t.Context(), another.User)
		must(t, err)
		equal(t, "another's", got, []model.Passkey{another})

		challenge := newID()
		for i, want := range []struct {
			now   int
			first bool
		}{{1, true}, {2, false}, {5, false}, {6, true}} { // at 6 it is forgotten: whoever brings it then is late
			w.people(t, func(tx model.PeopleTx) error {
				first, err := tx.SpendChallenge(t.Context(), challenge, at(want.now), at(5))
				if first != want.first {
					t.Errorf("step %d: first is %v", i, first)
				}
				return err
			})
		}
	})
}
