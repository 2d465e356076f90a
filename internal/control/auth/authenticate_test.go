package auth_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func TestFailures(t *testing.T) {
	t.Parallel()
	f := peopled()
	old := f.addToken(model.Token{User: owner, Status: "active", Expires: start})
	off := f.addToken(model.Token{User: owner, Status: "disabled"})
	early := f.addToken(model.Token{User: owner, Status: "active", NotBefore: start.Add(time.Second)})
	orphan := f.addToken(model.Token{User: "0000000000000000000000000000dead", Status: "active"})
	here := netip.MustParsePrefix("192.0.2.0/24")
	bound := f.addToken(model.Token{User: owner, Status: "active", In: []netip.Prefix{here}})
	barred := f.addToken(model.Token{User: owner, Status: "active", NotIn: []netip.Prefix{here}})
	unknown := strings.Repeat("x", 40)

	invalid := &auth.Failure{Status: 403, Code: 9109, Message: "Invalid access token"}
	malformed := &auth.Failure{
		Status: 400, Code: 6003, Message: "Invalid request headers",
		Chain: []auth.Reason{{Code: 6111, Message: "Invalid format for Authorization header"}},
	}
	accountUnknown := &auth.Failure{Status: 401, Code: 10000, Message: "Authentication error"}
	accountMalformed := &auth.Failure{Status: 400, Code: 9106, Message: "Authentication failed (status: 400)"}
	badKey := &auth.Failure{Status: 403, Code: 9103, Message: "Unknown X-Auth-Key or X-Auth-Email"}
	tests := []struct {
		name string
		c    auth.Credentials
		want *auth.Failure
	}{
		{"nothing", auth.Credentials{}, &auth.Failure{
			Status: 400, Code: 9106, Message: "Missing X-Auth-Key, X-Auth-Email or Authorization headers",
		}},
		{"unknown token", auth.Credentials{Authorization: "Bearer " + unknown}, invalid},
		{"unknown token, account", auth.Credentials{Authorization: "Bearer " + unknown, Account: true}, accountUnknown},
		{"short token", auth.Credentials{Authorization: "Bearer abc"}, malformed},
		{"short token, account", auth.Credentials{Authorization: "Bearer abc", Account: true}, accountMalformed},
		{"odd characters", auth.Credentials{Authorization: "Bearer " + strings.Repeat("x", 39) + "!"}, malformed},
		{"basic", auth.Credentials{Authorization: "Basic " + unknown}, malformed},
		{"no scheme", auth.Credentials{Authorization: unknown}, malformed},
		{"empty bearer", auth.Credentials{Authorization: "Bearer "}, malformed},
		{"expired", auth.Credentials{Authorization: "Bearer " + old}, invalid},
		{"disabled", auth.Credentials{Authorization: "Bearer " + off}, invalid},
		{"not yet", auth.Credentials{Authorization: "Bearer " + early}, invalid},
		{"user gone, account", auth.Credentials{Authorization: "Bearer " + orphan, Account: true}, accountUnknown},
		{"outside in", auth.Credentials{Authorization: "Bearer " + bound, Addr: netip.MustParseAddr("198.51.100.1")}, &auth.Failure{
			Status: 403, Code: 9109, Message: "Cannot use the access token from location: 198.51.100.1",
		}},
		{"inside not_in", auth.Credentials{Authorization: "Bearer " + barred, Addr: netip.MustParseAddr("::ffff:192.0.2.9")}, &auth.Failure{
			Status: 403, Code: 9109, Message: "Cannot use the access token from location: 192.0.2.9",
		}},
		{"unknown key", auth.Credentials{Email: "owner@example.com", Key: strings.Repeat("0", 37)}, badKey},
		{"unknown e-mail", auth.Credentials{Email: "nobody@example.com", Key: ownerKey}, badKey},
		{"user without key", auth.Credentials{Email: "guest@example.com", Key: ownerKey}, badKey},
		{"short key", auth.Credentials{Email: "owner@example.com", Key: "abc"}, &auth.Failure{
			Status: 400, Code: 6003, Message: "Invalid request headers",
			Chain: []auth.Reason{{Code: 6103, Message: "Invalid format for X-Auth-Key header"}},
		}},
		{"no e-mail form", auth.Credentials{Email: "owner", Key: ownerKey}, &auth.Failure{
			Status: 400, Code: 6003, Message: "Invalid request headers",
			Chain: []auth.Reason{{Code: 6102, Message: "Invalid format for X-Auth-Email header"}},
		}},
		{"key alone", auth.Credentials{Key: ownerKey}, &auth.Failure{Status: 400, Code: 9107, Message: "Missing X-Auth-Email header"}},
		{"e-mail alone", auth.Credentials{Email: "a@b"}, &auth.Failure{Status: 400, Code: 9107, Message: "Missing X-Auth-Key header"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := f.authenticator().Authenticate(t.Context(), tt.c)
			var got *auth.Failure
			if !errors.As(err, &got) {
				t.Fatalf("error %v, want a Failure", err)
			}
			if got.Why == "" {
				t.Error("no reason for metrics and logs")
			}
			got.Why, got.Owner = "", ""
			if d := testkit.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestPasses(t *testing.T) {
	t.Parallel()
	f := peopled()
	here := netip.MustParsePrefix("192.0.2.0/24")
	bound := f.addToken(model.Token{User: owner, Status: "active", In: []netip.Prefix{here}, Expires: start.Add(1), NotBefore: start})
	acc := f.addToken(model.Token{Account: accA, Status: "active"})
	addr := netip.MustParseAddr("::ffff:192.0.2.1")
	tests := []struct {
		name string
		c    auth.Credentials
		user model.ID
		how  string
	}{
		{"token", auth.Credentials{Authorization: "Bearer " + bound, Addr: addr}, owner, "api_token"},
		{"scheme without case", auth.Credentials{Authorization: "bEARER  " + bound, Addr: addr}, owner, "api_token"},
		{"token beside a wrong key", auth.Credentials{Authorization: "Bearer " + bound, Email: "x", Key: "y", Addr: addr}, owner, "api_token"},
		{"account's token", auth.Credentials{Authorization: "Bearer " + acc}, "", "api_token"},
		{"key", auth.Credentials{Email: "OWNER@example.com", Key: ownerKey}, owner, "api_key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			id, err := f.authenticator().Authenticate(t.Context(), tt.c)
			if err != nil {
				t.Fatal(err)
			}
			if id.User.ID != tt.user || id.Context != tt.how {
				t.Errorf("user %q by %q, want %q by %q", id.User.ID, id.Context, tt.user, tt.how)
			}
		})
	}
	if len(f.touched) != 4 {
		t.Errorf("%d tokens touched, want 4", len(f.touched))
	}
}

func TestStoreErrorIsNoFailure(t *testing.T) {
	t.Parallel()
	f := peopled()
	f.fail = model.ErrUnavailable
	for _, c := range []auth.Credentials{
		{Authorization: "Bearer " + strings.Repeat("x", 40)},
		{Email: "owner@example.com", Key: ownerKey},
	} {
		_, err := f.authenticator().Authenticate(t.Context(), c)
		var fail *auth.Failure
		if !errors.Is(err, model.ErrUnavailable) || errors.As(err, &fail) {
			t.Errorf("error %v, want the store's", err)
		}
	}
}

func TestIssuedForms(t *testing.T) {
	t.Parallel()
	for range 200 {
		u, a, k := auth.NewUserToken(), auth.NewAccountToken(), auth.NewKey()
		if len(u) != 53 || !strings.HasPrefix(u, "cfut_") || !auth.ValidToken(u) {
			t.Fatalf("user token %q", u)
		}
		if len(a) != 53 || !strings.HasPrefix(a, "cfat_") || !auth.ValidToken(a) {
			t.Fatalf("account token %q", a)
		}
		if len(k) != 37 || !auth.ValidKey(k) || strings.Trim(k, "0123456789abcdef") != "" {
			t.Fatalf("key %q", k)
		}
	}
	if id := auth.NewID(); len(id) != 32 {
		t.Errorf("id %q", id)
	}
}
