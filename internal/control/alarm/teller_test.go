package alarm_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/alarm"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/courier"
)

// messages is what is to be told, in memory.
type messages struct {
	mu    sync.Mutex
	list  []model.Delivery
	hooks map[model.ID]model.Webhook
	ended int
}

func (m *messages) Untold(context.Context, time.Time, model.ID) ([]model.ID, error) { return nil, nil }

func (m *messages) TellAlarms(context.Context, model.ID, time.Time, func() model.ID) (int, error) {
	return 0, nil
}

// Waiting lists ten at a time.
func (m *messages) Waiting(_ context.Context, now time.Time, after model.ID) (out []model.ID, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.list {
		if d.State == model.DeliveryWaiting && !d.Next.After(now) && d.Webhook > after {
			out = append(out, d.Webhook)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), 10)], nil
}

func (m *messages) TakeDelivery(_ context.Context, hook model.ID, now, until time.Time) (model.Delivery, model.Webhook, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	best := -1
	for i, d := range m.list {
		if d.Webhook == hook && d.State == model.DeliveryWaiting && !d.Next.After(now) && (best < 0 || d.Next.Before(m.list[best].Next)) {
			best = i
		}
	}
	if best < 0 {
		return model.Delivery{}, model.Webhook{}, model.ErrNotFound
	}
	m.list[best].Attempts++
	m.list[best].Next = until
	return m.list[best], m.hooks[hook], nil
}

func (m *messages) EndDelivery(_ context.Context, d model.Delivery) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended++
	for i := range m.list {
		if m.list[i].ID == d.ID {
			m.list[i] = d
		}
	}
	return nil
}

func (m *messages) states() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, d := range m.list {
		out = append(out, fmt.Sprintf("%d/%d", d.State, d.Attempts))
	}
	return strings.Join(out, " ")
}

// TestReceivers: a receiver that answers 5xx, hangs, closes, redirects, or takes a message only when it comes again gets each message
// under one id until it has taken it, signed; one that is dead is not asked again and again, holds up nobody else, and is given up after three days.
func TestReceivers(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	got := map[string][]string{} // by path: ids
	var elsewhere int
	release := make(chan struct{})
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		ids := append(got[r.URL.Path], r.Header.Get("Webhook-Id"))
		got[r.URL.Path] = ids
		mu.Unlock()
		var at int64
		_, _ = fmt.Sscan(r.Header.Get("Webhook-Timestamp"), &at)
		if r.Header.Get("Webhook-Signature") != courier.Sign("secret", r.Header.Get("Webhook-Id"), time.Unix(at, 0), body) || !json.Valid(body) {
			t.Errorf("%s: a message that is not signed", r.URL.Path)
		}
		switch first := len(ids) == 1; r.URL.Path {
		case "/fails":
			if first {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		case "/closes":
			if first {
				c, _, _ := w.(http.Hijacker).Hijack()
				_ = c.Close()
			}
		case "/hangs":
			if first {
				select {
				case <-release:
				case <-r.Context().Done():
				}
			}
		case "/redirects":
			if first {
				http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
			}
		case "/dead":
			w.WriteHeader(http.StatusInternalServerError)
		case "/elsewhere":
			mu.Lock()
			elsewhere++
			mu.Unlock()
		}
	}))
	defer server.Close()
	defer close(release)
	server.Config.ErrorLog = nil
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	post := courier.New(courier.Config{Roots: roots, Agent: "test"})
	now := time.Now()
	m := &messages{hooks: map[model.ID]model.Webhook{}}
	paths := []string{"/good", "/fails", "/closes", "/hangs", "/redirects", "/dead"}
	for _, p := range paths {
		m.hooks[model.ID(p)] = model.Webhook{ID: model.ID(p), URL: server.URL + p, Secret: "secret", Enabled: true}
		for i := range 2 {
			m.list = append(m.list, model.Delivery{ID: model.ID(fmt.Sprint(p, i)), Webhook: model.ID(p), Created: now, Next: now.Add(time.Duration(i-2) * time.Second)})
		}
	}
	teller := alarm.NewTeller(alarm.TellerConfig{
		Store: m, NewID: func() model.ID { return "x" }, Clock: func() time.Time { return now },
		Send: func(ctx context.Context, w *model.Webhook, d *model.Delivery) (int, error) {
			ctx, cancel := context.WithTimeout(ctx, 2*time.Second) // in the place of ten
			defer cancel()
			return post.Post(ctx, w.URL, w.Secret, string(d.ID), []byte(`{}`))
		},
	})
	round := func() {
		t.Helper()
		if err := teller.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	round()
	if s := m.states(); s != "1/1 1/1 0/1 0/0 0/1 0/0 0/1 0/0 0/1 0/0 0/1 0/0" {
		t.Errorf("after the first round: %s", s)
	}
	round() // all rest
	for range 3 {
		now = now.Add(time.Minute)
		round()
	}
	if s := m.states(); !strings.HasPrefix(s, "1/1 1/1 1/2 1/1 1/2 1/1 1/2 1/1 1/2 1/1 0/") {
		t.Errorf("later: %s", s)
	}
	for range 72 {
		now = now.Add(61 * time.Minute)
		round()
	}
	if s := m.states(); !strings.Contains(s, " 2/") || strings.Contains(s, " 0/") || strings.Count(s, "2/") != 2 {
		t.Errorf("in the end: %s", s)
	}
	mu.Lock()
	defer mu.Unlock()
	if elsewhere != 0 {
		t.Error("a redirect was followed")
	}
	if n := len(got["/dead"]); n > 90 {
		t.Errorf("the dead one was asked %d times", n)
	}
	for _, p := range paths {
		ids := slices.Clone(got[p])
		slices.Sort(ids)
		if ids = slices.Compact(ids); strings.Join(ids, " ") != p+"0 "+p+"1" {
			t.Errorf("%s: %v", p, ids)
		}
	}
	if s := teller.Stats(); s.Taken != 10 || s.GivenUp != 2 {
		t.Errorf("%+v", s)
	}
}

// TestManyDead: very many receivers that are dead, for each of which messages wait, hold up none that lives, wherever it stands among them.
func TestManyDead(t *testing.T) {
	t.Parallel()
	now := time.Now()
	m := &messages{hooks: map[model.ID]model.Webhook{}}
	for i := range 2001 {
		id := model.ID(fmt.Sprintf("%04d", i))
		m.hooks[id] = model.Webhook{ID: id, Enabled: true}
		for j := range 2 {
			m.list = append(m.list, model.Delivery{ID: id + model.ID(fmt.Sprint(j)), Webhook: id, Created: now, Next: now})
		}
	}
	got := map[model.ID]int{}
	teller := alarm.NewTeller(alarm.TellerConfig{
		Store: m, NewID: func() model.ID { return "x" }, Clock: func() time.Time { return now },
		Send: func(_ context.Context, w *model.Webhook, _ *model.Delivery) (int, error) {
			got[w.ID]++
			if w.ID == "0007" || w.ID == "1000" || w.ID == "2000" {
				return 200, nil
			}
			return 500, errors.New("dead")
		},
	})
	for range 30 {
		if err := teller.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
	}
	if got["0007"] != 2 || got["1000"] != 2 || got["2000"] != 2 || len(got) != 2001 {
		t.Errorf("%d were asked; those that live got %d, %d and %d messages", len(got), got["0007"], got["1000"], got["2000"])
	}
}

// TestEndOfNode: what is under way when a node ends stays with whoever comes next, and what was taken is noted though it ends.
func TestEndOfNode(t *testing.T) {
	t.Parallel()
	now := time.Now()
	m := &messages{hooks: map[model.ID]model.Webhook{"h": {ID: "h", Enabled: true}}}
	m.list = []model.Delivery{{ID: "d", Webhook: "h", Created: now, Next: now}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	end := cancel
	takes := false
	teller := alarm.NewTeller(alarm.TellerConfig{
		Store: m, NewID: func() model.ID { return "x" }, Clock: func() time.Time { return now },
		Send: func(ctx context.Context, _ *model.Webhook, _ *model.Delivery) (int, error) {
			end()
			if takes {
				return 200, nil
			}
			<-ctx.Done()
			return 0, ctx.Err()
		},
	})
	_ = teller.Round(ctx)
	if s := m.states(); s != "0/1" || m.ended != 0 {
		t.Errorf("%s, ended %d times", s, m.ended)
	}
	now, takes = now.Add(time.Minute), true
	again, stop := context.WithCancel(t.Context())
	defer stop()
	end = stop
	_ = teller.Round(again)
	if s := m.states(); s != "1/2" {
		t.Error(s)
	}
}

// TestMail: what a mail says fits on lines and in a subject, whatever stands in it.
func TestMail(t *testing.T) {
	t.Parallel()
	bad := "x\r\nBcc: victim@example.net\r\n\r\n" + strings.Repeat("y", 300)
	subject, text := alarm.Mail(&model.Delivery{Alarms: []model.Alarm{{Raised: true, Text: bad, Severity: "critical"}}})
	if strings.ContainsAny(subject, "\r\n") || len([]rune(subject)) > 120 || strings.Count(text, "\n") != 1 {
		t.Errorf("%q\n%q", subject, text)
	}
	many := make([]model.Alarm, 300)
	many[0].Raised = true
	subject, text = alarm.Mail(&model.Delivery{Alarms: many})
	if subject != "Headwater: 1 alarms raised, 299 cleared" || strings.Count(text, "\n") != 101 {
		t.Errorf("%s\n%s", subject, text)
	}
}
