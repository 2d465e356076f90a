package told

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Receiver is a webhook's other end. It counts what it was told, by the ids of messages: one that comes again is the same message,
// whatever was answered to it before.
type Receiver struct {
	*httptest.Server
	tb     testing.TB
	mu     sync.Mutex
	secret string
	ids    map[string]bool
	told   map[string]int
	bad    func(w http.ResponseWriter, first bool) bool
	moved  chan struct{} // closed, and made anew, with each message
}

// NewReceiver starts a receiver.
func NewReceiver(tb testing.TB) *Receiver {
	tb.Helper()
	r := &Receiver{tb: tb, ids: map[string]bool{}, told: map[string]int{}, moved: make(chan struct{})}
	r.Server = httptest.NewTLSServer(r)
	tb.Cleanup(r.Close)
	return r
}

// CA is a file with the receiver's certificate, for --webhook-ca.
func (r *Receiver) CA() string {
	r.tb.Helper()
	name := filepath.Join(r.tb.TempDir(), "ca.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw}), 0o600); err != nil {
		r.tb.Fatal(err)
	}
	return name
}

// Expect sets the secret that messages are signed with.
func (r *Receiver) Expect(secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secret = secret
}

// Misbehave has f answer: first says that the message has not come before. What it returns false for is taken.
func (r *Receiver) Misbehave(f func(w http.ResponseWriter, first bool) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bad = f
}

// ServeHTTP takes a message.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	id := q.Header.Get("Webhook-Id")
	r.mu.Lock()
	first, bad := !r.ids[id], r.bad
	r.ids[id] = true
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.secret, "whsec_"))
	m := hmac.New(sha256.New, key)
	m.Write([]byte(id + "." + q.Header.Get("Webhook-Timestamp") + "." + string(body)))
	if q.Header.Get("Webhook-Signature") != "v1,"+base64.StdEncoding.EncodeToString(m.Sum(nil)) {
		r.tb.Errorf("the signature %s is not that of the message", q.Header.Get("Webhook-Signature"))
	}
	if first {
		r.count(body)
	}
	close(r.moved)
	r.moved = make(chan struct{})
	r.mu.Unlock()
	if bad != nil && bad(w, first) {
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// count takes what a message tells. The lock is held.
func (r *Receiver) count(body []byte) {
	var in struct {
		Data struct {
			Alarms []struct {
				Rule, State string
				ZoneName    string `json:"zone_name"`
				Episode     int
			}
		}
	}
	if err := json.Unmarshal(body, &in); err != nil {
		r.tb.Errorf("%s: %v", body, err)
	}
	for _, a := range in.Data.Alarms {
		r.told[fmt.Sprint(a.ZoneName, " ", a.Rule, " ", a.State, " ", a.Episode)]++
	}
}

// Await waits until something has been told: "zone rule state episode".
func (r *Receiver) Await(what string) {
	r.tb.Helper()
	end := time.After(2 * time.Minute)
	for {
		r.mu.Lock()
		n, moved := r.told[what], r.moved
		r.mu.Unlock()
		if n > 0 {
			return
		}
		select {
		case <-moved:
		case <-end:
			r.tb.Fatalf("%s was not told; told were %v", what, r.Told())
		}
	}
}

// Told is what was told, and in how many messages.
func (r *Receiver) Told() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.told)
}
