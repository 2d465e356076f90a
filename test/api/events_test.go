package api_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/events"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// listener is a client of the event stream.
type listener struct {
	t      *testing.T
	status int
	in     *bufio.Reader
	leave  func()
	cursor string
}

// listen begins to listen. Who has left counts until the server has noticed.
func (s *server) listen(query string, headers ...as) (l *listener) {
	s.t.Helper()
	testkit.Until(s.t, func() string {
		if l = s.tryToListen(query, headers...); l.status == http.StatusTooManyRequests {
			return "there are too many streams"
		}
		return ""
	})
	return l
}

func (s *server) tryToListen(query string, headers ...as) *listener {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/headwater/v1/events"+query, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	for _, h := range headers {
		h(r.Header)
	}
	res, err := s.plain.Do(r)
	if err != nil {
		cancel()
		s.t.Fatal(err)
	}
	l := &listener{t: s.t, status: res.StatusCode, in: bufio.NewReader(res.Body), leave: func() { cancel(); _ = res.Body.Close() }}
	s.t.Cleanup(l.leave)
	return l
}

// next reads an event: its name and its data; "" when the stream is over.
func (l *listener) next() (name, data string) {
	l.t.Helper()
	for {
		line, err := l.in.ReadString('\n')
		if err != nil {
			return "", err.Error()
		}
		switch field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); field {
		case "id":
			l.cursor = value
		case "event":
			name = value
		case "data":
			data = value
		case "":
			if name != "" {
				return name, data
			}
		}
	}
}

func (l *listener) want(name string, parts ...string) {
	l.t.Helper()
	got, data := l.next()
	if got != name {
		l.t.Errorf("got %q %s, want %q", got, data, name)
	}
	for _, p := range parts {
		if !strings.Contains(data, p) {
			l.t.Errorf("%s: %s has no %s", name, data, p)
		}
	}
}

// withEvents has a server tell events; the hub is the caller's to feed.
func withEvents(t *testing.T, hub **events.Hub) option {
	t.Helper()
	return func(c *api.Config) {
		st := c.Store.(*store.Store)
		*hub = events.New(events.Config{Log: st.Log, Pause: 10 * time.Millisecond, Most: 32})
		(*hub).Begin(0)
		st.Listen(store.Ears{Told: (*hub).Wake, Rights: (*hub).Rights})
		c.Events, c.Limits.StreamsEach = *hub, 3
		c.ZoneName = func(z model.ID) (string, bool) { return "example.com", !strings.HasPrefix(string(z), "c") }
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = (*hub).Run(ctx)
		}()
		t.Cleanup(func() { cancel(); <-done })
	}
}

// TestEvents: a client hears what it may read, and wants to; one that comes back with its cursor has lost nothing; one whose rights end
// hears nothing from then on; an account has so many streams and no more; and all end when the server does.
func TestEvents(t *testing.T) {
	t.Parallel()
	var hub *events.Hub
	s := newServer(t, withEvents(t, &hub))
	_, zone := s.zone("example.com")
	const foreign = "f0000000000000000000000000000001"
	var seq atomic.Uint64
	happens := func(account model.ID, zone string, kind model.EntryKind) {
		hub.Journal(&model.Entry{Seq: model.Seq(seq.Add(1)), Kind: kind, Account: account, Zone: model.ID(zone), Serial: 7, At: s.clock.time()})
	}
	narrow := s.grant("com.cloudflare.api.account.zone."+zone, "DNS Read")
	all, one := s.listen(""), s.listen("?kinds=zone", func(h http.Header) { h.Set("Authorization", "Bearer "+narrow) })
	all.want("open", `"heartbeat":15`)
	one.want("open")
	happens(foreign, foreign, model.EntryDelta)
	happens(s.account, "c0000000000000000000000000000001", model.EntryDelta) // a catalog, which is nobody's to see
	happens(s.account, "e0000000000000000000000000000001", model.EntryDelta) // of the account, not of the token
	happens(s.account, "", model.EntryAccess)
	happens(s.account, zone, model.EntryDelta)
	all.want("zone", foreign) // an administrator of the server
	all.want("zone", "e0000000000000000000000000000001", `"what":"published"`, `"serial":7`, `"name":"example.com"`)
	all.want("account", `"what":"access"`, `"seq":4`)
	all.want("zone", zone, `"seq":5`)
	one.want("zone", zone)
	moved := model.Event{Kind: model.EventSecondary, Account: s.account, Zone: model.ID(zone), At: s.clock.time(), Secondary: &model.SecondaryMoved{
		Peer: "a0000000000000000000000000000001", PeerName: "one", State: "behind", Was: "in_step", Serial: 7, Known: true,
	}}
	if err := s.store.TellSecondaries(t.Context(), []model.Event{moved}); err != nil {
		t.Fatal(err)
	}
	all.want("secondary", `"peer":"one"`, `"state":"behind"`, `"was":"in_step"`, `"serial":7`)

	// Two go on from where one stopped, by the header and by the query.
	cursor := all.cursor
	all.leave()
	happens(s.account, zone, model.EntryReset)
	back := s.listen("?zone_id="+zone, func(h http.Header) { h.Set("Last-Event-ID", cursor) })
	back.want("open")
	back.want("zone", `"what":"replaced"`, `"seq":6`)
	old := s.listen("?account_id=" + string(s.account) + "&cursor=x")
	old.want("open")
	old.want("reset", `"cursor_unknown"`)
	if l := s.tryToListen(""); l.status != http.StatusTooManyRequests {
		t.Errorf("a fourth stream: %d", l.status)
	}
	old.leave()
	s.fails(400, model.CodeRequestInvalid, "GET", "/headwater/v1/events?kinds=zone,all", nil)
	s.fails(400, model.CodeRequestInvalid, "GET", "/headwater/v1/events?zone_id=x", nil)

	// What a session's answer names is as of before it: what comes after is told behind it, and what was there is not.
	before := s.must("GET", "/headwater/v1/session", nil).object(t)["events_cursor"].(string)
	happens(s.account, zone, model.EntryDelta)
	next := s.listen("?kinds=zone&cursor=" + before)
	next.want("open", `"cursor":"`+before+`"`)
	next.want("zone", `"seq":7`)
	next.leave()

	// Rights that are taken away are so before the next event.
	one.want("zone") // the reset
	one.want("zone", `"seq":7`)
	var id string
	for _, tok := range s.must("GET", "/user/tokens?per_page=50", nil).list(t) {
		if tok["name"] != "Headwater" && id == "" && s.isToken(narrow, tok["id"].(string)) {
			id = tok["id"].(string)
		}
	}
	s.must("DELETE", "/user/tokens/"+id, nil)
	happens(s.account, zone, model.EntryDelta)
	one.want("reset", `"rights_changed"`)
	if name, why := one.next(); name != "" || why != io.EOF.Error() {
		t.Errorf("then %q %s", name, why)
	}
	back.want("zone", `"seq":7`)

	// Who reads nothing loses his place, and hears so when he reads again.
	for range 100 {
		happens(s.account, zone, model.EntryDelta)
	}
	for name, data := back.next(); name != "reset"; name, data = back.next() {
		if name != "zone" {
			t.Fatalf("%q %s", name, data)
		}
		if strings.Contains(data, `"seq":107`) {
			break // it came along
		}
	}
	last := s.listen("")
	last.want("open")
	hub.Close()
	if name, why := last.next(); name != "" || why != io.EOF.Error() {
		t.Errorf("after the end %q %s", name, why)
	}
	testkit.Until(t, func() string { // who was there before has left when the server has noticed
		if r := s.do("GET", "/headwater/v1/events", nil); r.Status != http.StatusOK || !strings.Contains(r.Raw, "event: open") {
			return r.Raw
		}
		return ""
	})
	none := newServer(t)
	none.fails(404, 10404, "GET", "/headwater/v1/events", nil)
}

// isToken says whether a value is that of the token with an id.
func (s *server) isToken(value, id string) bool {
	r := s.do("GET", "/user/tokens/verify", nil, func(h http.Header) { h.Set("Authorization", "Bearer "+value) })
	return r.Success && r.object(s.t)["id"] == id
}
