package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// copied lends the API a copier that does what a test says.
func copied(f *api.CopyZoneFunc) option {
	return func(c *api.Config) {
		c.CopyZone = func(ctx context.Context, z *api.ZoneCopy, step func(api.ZoneCopyStep)) ([]api.ZoneCopyNote, error) {
			return (*f)(ctx, z, step)
		}
		c.CopySources = []string{"https://listed.example/client/v4"}
	}
}

const copyBody = `{"source":{"url":"https://listed.example/client/v4/","token":"secret"},"zone":"Example.COM.","transfers":true}`

func TestZoneCopy(t *testing.T) {
	t.Parallel()
	var seen *api.ZoneCopy
	copier := api.CopyZoneFunc(func(_ context.Context, z *api.ZoneCopy, step func(api.ZoneCopyStep)) ([]api.ZoneCopyNote, error) {
		seen = z
		step(api.ZoneCopyStep{Text: "create zone"})
		step(api.ZoneCopyStep{Text: "records", Octets: 5, Zone: "ab"})
		return []api.ZoneCopyNote{{Code: model.CodeImport, Message: "Line 3: left out."}}, nil
	})
	s := newServer(t, copied(&copier))
	path := "/headwater/v1/accounts/" + string(s.account) + "/zone_copies"
	r := s.must("POST", path, copyBody)
	var got struct {
		Result   []api.ZoneCopyStep
		Messages []struct{ Message string }
	}
	if err := json.Unmarshal([]byte(r.Raw), &got); err != nil {
		t.Fatalf("%v: %s", err, r.Raw)
	}
	if d := cmp.Diff([]api.ZoneCopyStep{{Text: "create zone"}, {Text: "records", Octets: 5, Zone: "ab"}}, got.Result); d != "" {
		t.Error(d)
	}
	if len(got.Messages) != 1 || got.Messages[0].Message != "Line 3: left out." {
		t.Errorf("messages: %s", r.Raw)
	}
	if seen.Zone != "example.com" || seen.Token != "secret" || !seen.Transfers || seen.Account != s.account || seen.Credential.Get("Authorization") == "" {
		t.Errorf("order: %+v", seen)
	}

	// A session's two parts come along as well: the copy is made with the rights of who asks.
	_, csrf := s.signIn(firstPassword)
	s.must("POST", path, copyBody, csrf)
	if seen.Credential.Get("Cookie") == "" || seen.Credential.Get("X-CSRF-Token") == "" || seen.Credential.Get("Authorization") != "" {
		t.Errorf("credentials of a session: %v", seen.Credential)
	}

	// Before the first step a failure is an ordinary one, and after it the end of the answer.
	refused := &api.ZoneCopyFailure{Notes: []api.ZoneCopyNote{
		{Code: model.CodeCopySource, Message: "Line 3: bad."}, {Code: model.CodeImport, Message: "Line 4: bad."},
	}}
	copier = func(context.Context, *api.ZoneCopy, func(api.ZoneCopyStep)) ([]api.ZoneCopyNote, error) {
		return nil, refused
	}
	if r := s.fails(400, model.CodeCopySource, "POST", path, copyBody); len(r.Errors) != 2 {
		t.Errorf("errors: %s", r.Raw)
	}
	copier = func(_ context.Context, _ *api.ZoneCopy, step func(api.ZoneCopyStep)) ([]api.ZoneCopyNote, error) {
		step(api.ZoneCopyStep{Text: "create zone"})
		return nil, refused
	}
	if r := s.do("POST", path, copyBody); r.Status != http.StatusOK || r.Success || len(r.Errors) != 2 {
		t.Errorf("failed later: %d %s", r.Status, r.Raw)
	}
	copier = func(_ context.Context, _ *api.ZoneCopy, step func(api.ZoneCopyStep)) ([]api.ZoneCopyNote, error) {
		step(api.ZoneCopyStep{Text: "create zone"})
		return nil, errors.New("something with a secret in it")
	}
	if r := s.do("POST", path, copyBody); r.Success || r.Errors[0].Message != "Internal error." {
		t.Errorf("our fault: %d %s", r.Status, r.Raw)
	}
}

func TestWhoMayCopyFromWhere(t *testing.T) {
	t.Parallel()
	called := 0
	copier := api.CopyZoneFunc(func(_ context.Context, _ *api.ZoneCopy, step func(api.ZoneCopyStep)) ([]api.ZoneCopyNote, error) {
		called++
		step(api.ZoneCopyStep{Text: "done"})
		return nil, nil
	})
	s := newServer(t, copied(&copier))
	path := "/headwater/v1/accounts/" + string(s.account) + "/zone_copies"
	from := func(url string) string {
		return `{"source":{"url":"` + url + `","token":"t"},"zone":"example.com"}`
	}
	as := func(email, role string) func(http.Header) {
		s.addMember(s.account, email, role)
		return keyed(email, s.keyOf(email))
	}
	member, guest := as("member@example.com", auth.RoleAdministrator), as("guest@example.com", auth.RoleReadOnly)
	s.must("POST", path, from("http://192.0.2.1:8053"))
	s.must("POST", path, from("https://LISTED.example"), member)
	if called != 2 {
		t.Errorf("%d copies", called)
	}
	for _, url := range []string{"http://169.254.169.254/client/v4", "http://listed.example", "https://listed.example.evil.example", "https://listed.example:8443"} {
		s.fails(403, model.CodeCopyForbidden, "POST", path, from(url), member)
	}
	s.fails(403, 9109, "POST", path, from("https://listed.example"), guest)
	for _, url := range []string{"", "listed.example", "file:///etc/passwd", "https://", "https://user:pass@listed.example", "https://listed.example?x=1", "gopher://listed.example"} {
		s.fails(400, model.CodeCopySource, "POST", path, from(url))
	}
	s.fails(400, model.CodeCopySource, "POST", path, `{"source":{"url":"https://listed.example","token":""},"zone":"example.com"}`)
	s.fails(400, model.CodeNameInvalid, "POST", path, `{"source":{"url":"https://listed.example","token":"t"},"zone":"a..b"}`)
	if called != 2 {
		t.Errorf("%d copies, though all others were refused", called)
	}
	s2 := newServer(t)
	s2.fails(404, 10404, "POST", "/headwater/v1/accounts/"+string(s2.account)+"/zone_copies", copyBody)
}
