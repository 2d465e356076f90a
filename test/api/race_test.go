package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
)

// raceRounds is how often each of two that meet is tried, on each engine.
var raceRounds = flag.Int("race-rounds", 3, "rounds of each race between a revocation and what would undo it")

const raceClients = 16

// postgres is the server of the tests that run on both engines, started by the first of them.
var postgres struct {
	once sync.Once
	*pgtest.Server
	err error
}

// onBoth runs a test on both engines.
func onBoth(t *testing.T, f func(t *testing.T, s *server), opts ...option) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); f(t, newServer(t, opts...)) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		postgres.once.Do(func() { postgres.Server, postgres.err = pgtest.New() })
		if postgres.err != nil {
			t.Fatal(postgres.err)
		}
		f(t, newServerAt(t, postgres.Database(t), nil, opts...))
	})
}

// rush has sixteen clients do things at once: client n does the n-th, round and round.
func rush(things ...func(client int)) {
	var ready, all sync.WaitGroup
	start := make(chan struct{})
	for n := range raceClients {
		ready.Add(1)
		all.Go(func() {
			ready.Done()
			<-start
			things[n%len(things)](n)
		})
	}
	ready.Wait()
	close(start)
	all.Wait()
}

// send is do without the document's checks, from any goroutine.
func (s *server) send(method, path string, body any, headers ...as) int {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			s.t.Error(err)
		}
		in = bytes.NewReader(b)
	}
	if !strings.HasPrefix(path, "/headwater") {
		path = "/client/v4" + path
	}
	r, err := http.NewRequestWithContext(context.Background(), method, s.url+path, in)
	if err != nil {
		s.t.Error(err)
		return 0
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	for _, h := range headers {
		h(r.Header)
	}
	res, err := s.plain.Do(r)
	if err != nil {
		s.t.Error(err)
		return 0
	}
	res.Body.Close()
	if res.StatusCode >= 500 {
		s.t.Errorf("%s %s: %d", method, path, res.StatusCode)
	}
	return res.StatusCode
}

// TestRevokedTokenStaysGone: a token that puts itself and makes others outlives neither its deletion nor its roll.
func TestRevokedTokenStaysGone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		body := tokenBody(s.policy("allow", "com.cloudflare.api.user.*", "API Tokens Write"))
		for round := range *raceRounds {
			made := s.must("POST", "/user/tokens", body).object(t)
			path, self := "/user/tokens/"+made["id"].(string), bearer(made["value"].(string))
			// Clients work with the token until they are told that it is gone.
			working := func(method, path string) func(int) {
				return func(int) {
					for s.send(method, path, body, self) == http.StatusOK {
					}
				}
			}
			var removed atomic.Bool
			rush(working("PUT", path), working("PUT", path), func(n int) {
				if n != 2 || !removed.CompareAndSwap(false, true) {
					return
				}
				if round%2 == 0 {
					s.send("DELETE", path+"?made=delete", nil)
					return
				}
				s.send("PUT", path+"/value", nil)
			}, working("PUT", path))
			if code := s.send("GET", "/user/tokens", nil, self); code != http.StatusForbidden {
				t.Fatalf("round %d: the old value is answered %d", round, code)
			}
			want := http.StatusNotFound
			if round%2 == 1 {
				want = http.StatusOK
			}
			if code := s.send("GET", path, nil); code != want {
				t.Fatalf("round %d: the token is answered %d, want %d", round, code, want)
			}
		}
	})
}

// TestDeletedTokenMakesNothing: what a token makes while it is deleted with all that it has made is gone, too.
func TestDeletedTokenMakesNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		body := tokenBody(s.policy("allow", "com.cloudflare.api.user.*", "API Tokens Write"))
		before := s.must("GET", "/user/tokens", nil).Info.TotalCount
		for round := range *raceRounds {
			made := s.must("POST", "/user/tokens", body).object(t)
			path, self := "/user/tokens/"+made["id"].(string), bearer(made["value"].(string))
			rush(func(n int) {
				if n == 0 {
					s.send("DELETE", path+"?made=delete", nil)
					return
				}
				for s.send("POST", "/user/tokens", body, self) == http.StatusOK {
				}
			})
			if n := s.must("GET", "/user/tokens", nil).Info.TotalCount; n != before {
				t.Fatalf("round %d: %d tokens, %d before", round, n, before)
			}
		}
	})
}

// TestResetPasswordStays: who edits a name at the same time does not bring the old password back.
func TestResetPasswordStays(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		s.addMember(s.account, "guest@example.com", auth.RoleReadOnly)
		guest := keyed("guest@example.com", s.keyOf("guest@example.com"))
		u, err := s.store.UserByEmail(t.Context(), "guest@example.com")
		if err != nil {
			t.Fatal(err)
		}
		for round := range *raceRounds {
			hash := u.PasswordHash
			rush(func(n int) {
				if n == 0 {
					s.send("PUT", "/headwater/v1/users/"+string(u.ID)+"/password", nil)
					return
				}
				for i := range 4 {
					s.send("PATCH", "/headwater/v1/user", map[string]any{"first_name": fmt.Sprint(round, n, i)}, guest)
				}
			})
			if u, err = s.store.User(t.Context(), u.ID); err != nil || u.PasswordHash == hash {
				t.Fatalf("round %d: the old password is back: %v", round, err)
			}
		}
	})
}

// TestRenamedTSIGKeepsSecret: renames beside a change of the secret do not bring the old one back.
func TestRenamedTSIGKeepsSecret(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		path := s.secondaryDNS() + "/tsigs"
		id := s.must("POST", path, `{"name":"a.example","algo":"hmac-sha256"}`).id(t)
		for round := range *raceRounds {
			secret := newSecret(round)
			rush(func(n int) {
				if n == 0 {
					s.send("PUT", path+"/"+id, map[string]any{"name": "a.example", "algo": "hmac-sha256", "secret": secret})
					return
				}
				s.send("PUT", path+"/"+id, map[string]any{"name": fmt.Sprintf("n%d-%d.example", round, n), "algo": "hmac-sha256"})
			})
			if got := s.must("GET", path+"/"+id, nil).object(t)["secret"]; got != secret {
				t.Fatalf("round %d: secret %v", round, got)
			}
		}
	})
}

// TestAccountKeepsAdministrator: sixteen administrators of an account remove one another, and one is left.
func TestAccountKeepsAdministrator(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		var people [raceClients]as
		for n := range people {
			email := fmt.Sprintf("admin%d@example.com", n)
			s.addMember(s.account, email, auth.RoleReadOnly)
			people[n] = keyed(email, s.keyOf(email))
		}
		for round := range *raceRounds {
			account := model.ID(s.must("POST", "/headwater/v1/accounts", fmt.Sprintf(`{"name":"a%d"}`, round)).id(t))
			path := "/headwater/v1/accounts/" + string(account) + "/members"
			var ids [raceClients]string
			for n := range ids {
				ids[n], _ = s.addMember(account, fmt.Sprintf("admin%d@example.com", n), auth.RoleAdministrator)
			}
			rush(func(n int) {
				other := ids[(n+1+round)%raceClients]
				if n%2 == 0 {
					s.send("DELETE", path+"/"+other, nil, people[n])
					return
				}
				s.send("PATCH", path+"/"+other, map[string]any{"role": auth.RoleReadOnly}, people[n])
			})
			left := 0
			for _, m := range s.must("GET", path, nil).list(t) {
				if m["role"] == auth.RoleAdministrator {
					left++
				}
			}
			if left == 0 {
				t.Fatalf("round %d: no administrator is left", round)
			}
		}
	})
}

// TestServerKeepsAdministrator: two administrators of the server suspend each other, and one is left.
func TestServerKeepsAdministrator(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		s.addMember(s.account, "second@example.com", auth.RoleReadOnly)
		second, err := s.store.UserByEmail(t.Context(), "second@example.com")
		if err != nil {
			t.Fatal(err)
		}
		s.people(func(tx model.PeopleTx) error {
			_, err := tx.EditUser(t.Context(), second.ID, func(u *model.User) error { u.Admin = true; return nil })
			return err
		})
		keys := [2]as{keyed(s.email, s.key), keyed(second.Email, s.keyOf(second.Email))}
		ids := [2]model.ID{s.user, second.ID}
		for round := range *raceRounds {
			rush(func(n int) {
				s.send("PATCH", "/headwater/v1/users/"+string(ids[1-n%2]), map[string]any{"suspended": true}, keys[n%2])
			})
			active := 0
			for _, id := range ids {
				u, err := s.store.User(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				if !u.Suspended {
					active++
				}
			}
			if active != 1 {
				t.Fatalf("round %d: %d administrators are left", round, active)
			}
			s.people(func(tx model.PeopleTx) error {
				var all []error
				for _, id := range ids {
					_, err := tx.EditUser(t.Context(), id, func(u *model.User) error { u.Suspended = false; return nil })
					all = append(all, err)
				}
				return errors.Join(all...)
			})
		}
	})
}

// TestSignedOutStaysOut: sessions that end at once all stay ended.
func TestSignedOutStaysOut(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		value := s.must("POST", "/user/tokens", tokenBody(s.policy("allow", "com.cloudflare.api.account.zone.*", "Zone Read"))).object(t)["value"].(string)
		for round := range *raceRounds {
			var cookies, csrf [raceClients]as
			for n := range cookies {
				cookies[n], csrf[n] = withSession(t, s.must("POST", sessionPath, nil, bearer(value)))
			}
			rush(func(n int) { s.send("DELETE", sessionPath, nil, csrf[n]) })
			for n := range cookies {
				if code := s.send("GET", "/zones", nil, cookies[n]); code != http.StatusUnauthorized {
					t.Fatalf("round %d: session %d is answered %d", round, n, code)
				}
			}
		}
	})
}

// newSecret is a secret of its own for each round, in base64.
func newSecret(round int) string { return fmt.Sprintf("c2VjcmV0c2VjcmV0c2VjcmV0c2Vj%08d", round) }
