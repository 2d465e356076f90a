package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// failing is a Changer that fails in a way of its own once it is told to.
type failing struct {
	api.Changer
	fail func() error
}

func (f *failing) Change(ctx context.Context, c model.Change) (model.Result, error) {
	if f.fail != nil {
		return model.Result{}, f.fail()
	}
	return f.Changer.Change(ctx, c)
}

// TestOurFaults looks at answers when something of ours fails: a status that clients may retry, and nothing of the cause.
func TestOurFaults(t *testing.T) {
	t.Parallel()
	f := &failing{}
	s := newServer(t, func(c *apiConfig) { f.Changer, c.Changer = c.Changer, f })
	z, _ := s.zone("example.com")
	for _, tt := range []struct {
		name         string
		fail         func() error
		status, code int
	}{
		{"store away", func() error { return fmt.Errorf("begin: secret place: %w", model.ErrUnavailable) }, 503, 10503},
		{"no secret key", func() error { return fmt.Errorf("read secret place: %w", model.ErrSealed) }, 503, model.CodeSealed},
		{"deadline", func() error { return context.DeadlineExceeded }, 503, 10503},
		{"other", func() error { return fmt.Errorf("disk is full at secret place") }, 500, 10500},
		{"panic", func() error { panic("secret place") }, 500, 10500},
		{"damaged", func() error {
			return &model.Invalid{Code: model.CodeZoneDamaged, Message: "The zone is damaged in the store.", Status: http.StatusInternalServerError}
		}, 500, model.CodeZoneDamaged},
	} {
		f.fail = tt.fail
		for _, call := range []struct{ method, path, body string }{
			{"POST", z + "/dns_records", `{"name":"x","type":"A","content":"192.0.2.1"}`},
			{"PATCH", z + "/dns_settings", `{}`},
			{"DELETE", z, ""},
		} {
			r := s.fails(tt.status, tt.code, call.method, call.path, call.body)
			if strings.Contains(r.Raw, "secret place") || r.Header.Get("X-Request-Id") == "" || r.Header.Get("Headwater-Seq") != "" {
				t.Errorf("%s: %v %s", tt.name, r.Header, r.Raw)
			}
		}
	}
	f.fail = nil
	s.record(z, `{"name":"x","type":"A","content":"192.0.2.1"}`)
}

// TestWaitsForPosition asks a node that is behind.
func TestWaitsForPosition(t *testing.T) {
	t.Parallel()
	var asked model.Seq
	s := newServer(t, func(c *apiConfig) {
		c.WaitSeq = func(_ context.Context, seq model.Seq) error {
			asked = seq
			if seq > 1000 {
				return context.DeadlineExceeded
			}
			return nil
		}
	})
	z, _ := s.zone("example.com")
	at := func(seq string) as { return func(h http.Header) { h.Set("Headwater-Seq", seq) } }
	if s.must("GET", z, nil, at("7")); asked != 7 {
		t.Errorf("waited for %d", asked)
	}
	s.fails(503, 10503, "GET", z, nil, at("5000"))
}
