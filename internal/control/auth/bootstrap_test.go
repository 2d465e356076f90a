package auth_test

import (
	"context"
	"errors"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func (f *fakeStore) options() auth.BootstrapOptions {
	return auth.BootstrapOptions{Now: start, CreateAccount: func(_ context.Context, a model.Account) error {
		f.accounts[a.ID] = a
		return nil
	}}
}

func TestBootstrap(t *testing.T) {
	t.Parallel()
	f := newFake()
	c, err := auth.Bootstrap(t.Context(), f, f.options())
	if err != nil {
		t.Fatal(err)
	}
	if !c.KeyGenerated || !c.TokenGenerated || !c.PasswordGenerated || len(f.accounts) != 1 {
		t.Errorf("credentials %+v, %d accounts", c, len(f.accounts))
	}
	key := f.mustIdentity(t, auth.Credentials{Email: c.Email, Key: c.Key})
	tok := f.mustIdentity(t, auth.Credentials{Authorization: "Bearer " + c.Token})
	for _, g := range auth.Groups() {
		for _, id := range []*auth.Identity{key, tok} {
			if !id.Can([]string{g.Name}, c.Account, zoneA) {
				t.Errorf("%s by %s: not allowed", g.Name, id.Context)
			}
		}
	}
	s := auth.NewSessions(auth.SessionConfig{Store: f, Clock: f.clock})
	if _, err := s.SignIn(t.Context(), auth.SignInRequest{Email: c.Email, Password: c.Password, Addr: home}); err != nil {
		t.Errorf("sign in: %v", err)
	}
	again, err := auth.Bootstrap(t.Context(), f, f.options())
	if again != nil || err != nil {
		t.Errorf("second start: %v, %v", again, err)
	}
}

// TestBootstrapTwice: a first start that broke off is done again, and leaves one of everything.
func TestBootstrapTwice(t *testing.T) {
	t.Parallel()
	f := newFake()
	o := f.options()
	first, err := auth.Bootstrap(t.Context(), f, o)
	if err != nil {
		t.Fatal(err)
	}
	clear(f.meta)
	second, err := auth.Bootstrap(t.Context(), f, o)
	if err != nil {
		t.Fatal(err)
	}
	if second.Token == first.Token || len(f.users) != 1 || len(f.tokens) != 1 || len(f.accounts) != 1 {
		t.Errorf("%d users, %d tokens, %d accounts", len(f.users), len(f.tokens), len(f.accounts))
	}
}

func TestBootstrapGiven(t *testing.T) {
	t.Parallel()
	f := newFake()
	o := f.options()
	o.Email, o.Key, o.Password = "ops@example.net", ownerKey, password
	o.Token = "0123456789012345678901234567890123456789"
	c, err := auth.Bootstrap(t.Context(), f, o)
	if err != nil {
		t.Fatal(err)
	}
	want := &auth.FirstCredentials{
		Account: c.Account, User: c.User, Email: o.Email, Key: o.Key, Token: o.Token, Password: o.Password,
	}
	if d := testkit.Diff(want, c); d != "" {
		t.Error(d)
	}
	for name, change := range map[string]func(*auth.BootstrapOptions){
		"email":    func(o *auth.BootstrapOptions) { o.Email = "ops" },
		"key":      func(o *auth.BootstrapOptions) { o.Key = "short" },
		"token":    func(o *auth.BootstrapOptions) { o.Token = "short" },
		"password": func(o *auth.BootstrapOptions) { o.Password = "short" },
	} {
		o, f := o, newFake()
		change(&o)
		if _, err := auth.Bootstrap(t.Context(), f, o); err == nil || len(f.users)+len(f.accounts) > 0 {
			t.Errorf("bad %s: %v, %d users", name, err, len(f.users))
		}
	}
	f.fail = errors.New("disk full")
	if _, err := auth.Bootstrap(t.Context(), f, o); !errors.Is(err, f.fail) {
		t.Errorf("error %v", err)
	}
}

// TestBootstrapShowsFirst: what nobody was shown lets nobody in, and whoever was shown something that then came to nothing is
// shown something else by the next start.
func TestBootstrapShowsFirst(t *testing.T) {
	t.Parallel()
	f := newFake()
	o := f.options()
	closed := errors.New("the terminal is closed")
	o.Show = func(*auth.FirstCredentials) error { return closed }
	if _, err := auth.Bootstrap(t.Context(), f, o); !errors.Is(err, closed) || len(f.users)+len(f.tokens) > 0 {
		t.Errorf("nobody was shown anything: %v, %d users, %d tokens", err, len(f.users), len(f.tokens))
	}
	var shown []*auth.FirstCredentials
	o.Show = func(c *auth.FirstCredentials) error {
		if len(f.users) > 0 {
			t.Error("the administrator was made before anybody was shown the credentials")
		}
		shown = append(shown, c)
		f.fail = closed // the process dies here
		return nil
	}
	if _, err := auth.Bootstrap(t.Context(), f, o); err == nil {
		t.Error("no error")
	}
	f.fail = nil
	o.Show = func(c *auth.FirstCredentials) error { shown = append(shown, c); return nil }
	c, err := auth.Bootstrap(t.Context(), f, o)
	if err != nil || len(shown) != 2 || shown[1] != c {
		t.Fatalf("%v, shown %d times", err, len(shown))
	}
	f.mustIdentity(t, auth.Credentials{Authorization: "Bearer " + c.Token})
}
