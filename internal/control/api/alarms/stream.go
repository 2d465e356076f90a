package alarms

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/events"
	"github.com/headwaterdns/headwater/internal/control/model"
)

const (
	heartbeat = 15 * time.Second
	// A stream takes events together that come within this time, and so many at once.
	gather  = 20 * time.Millisecond
	atOnce  = 64
	comeIn  = "retry: 2000\n\n"
	cursorH = "Last-Event-ID"
)

// Reasons of the stream's own: its credentials do not hold any more, which ends it; and zones fall to other nodes, so that what became
// of secondaries meanwhile was told to nobody.
const (
	rightsGone   events.Reset = "rights_changed"
	nodesChanged events.Reset = "nodes_changed"
)

func streamRoutes() []api.Route {
	return []api.Route{api.NewRoute(http.MethodGet, api.Own+"/events", api.ScopeAny, nil, streamEvents)}
}

type openJSON struct {
	Cursor    string `json:"cursor"`
	Heartbeat int    `json:"heartbeat"` // seconds
}

type resetJSON struct {
	Reason events.Reset `json:"reason"`
	Cursor string       `json:"cursor"`
}

type zoneJSON struct {
	Seq     model.Seq       `json:"seq"`
	Account model.ID        `json:"account_id"`
	Zone    model.ID        `json:"zone_id"`
	Name    string          `json:"name"`
	What    model.EventWhat `json:"what"`
	Serial  uint32          `json:"serial"`
	At      api.Stamp       `json:"at"`
}

type accountJSON struct {
	Seq     model.Seq       `json:"seq"`
	Account model.ID        `json:"account_id"`
	What    model.EventWhat `json:"what"`
	At      api.Stamp       `json:"at"`
}

type secondaryJSON struct {
	Account model.ID  `json:"account_id"`
	Zone    model.ID  `json:"zone_id"`
	Name    string    `json:"name"`
	Peer    model.ID  `json:"peer_id"`
	Title   string    `json:"peer"`
	State   string    `json:"state"`
	Was     string    `json:"was"`
	Cause   string    `json:"cause"`
	Serial  *uint32   `json:"serial"`
	At      api.Stamp `json:"at"`
}

type alarmEventJSON struct {
	Account model.ID  `json:"account_id"`
	Zone    model.ID  `json:"zone_id"`
	Alarm   alarmJSON `json:"alarm"`
}

// stream is one client that listens.
type stream struct {
	a      *api.API
	q      *api.Request
	filter filter
	l      *events.Listener
	out    *http.ResponseController
	buf    []byte
}

// streamEvents tells what happens, as server-sent events, until the client or the node leaves.
func streamEvents(a *api.API, q *api.Request) error {
	if a.Events == nil {
		return api.NotHere()
	}
	f, err := readFilter(q)
	if err != nil {
		return err
	}
	cursor := q.R.Header.Get(cursorH)
	if cursor == "" {
		cursor = api.Last(q.R.URL.Query(), "cursor")
	}
	return q.Streaming(func() error {
		l, why, err := a.Events.Listen(q.Ctx(), cursor)
		if err != nil {
			return err
		}
		defer l.Close()
		s := &stream{a: a, q: q, filter: f, l: l, out: http.NewResponseController(q.W)}
		q.W.Header().Set("X-Accel-Buffering", "no") // proxies are to pass it on at once
		q.Head(http.StatusOK, "text/event-stream")
		s.buf = append(s.buf, comeIn...)
		s.put("open", openJSON{l.Cursor(), int(heartbeat.Seconds())})
		if why != events.None {
			s.put("reset", resetJSON{why, l.Cursor()})
		}
		if err := s.send(); err != nil {
			return q.Gone(err)
		}
		return q.Gone(s.run())
	})
}

// run passes on what comes. It returns an error of writing; nil when the stream has ended by itself.
func (s *stream) run() error {
	room := make([]model.Event, atOnce)
	for {
		pause, expires := heartbeat, s.expires()
		if !expires.IsZero() {
			pause = max(min(pause, expires.Sub(s.q.Now())), time.Second)
		}
		ctx, cancel := context.WithTimeout(s.q.Ctx(), pause)
		n, why, err := s.l.Next(ctx, room)
		cancel()
		over := !expires.IsZero() && !s.q.Now().Before(expires)
		switch {
		case s.q.Ctx().Err() != nil || errors.Is(err, events.ErrClosed):
			return nil //nolint:nilerr // the client, or the node, has left: an end like any other
		case (over || s.l.RightsMoved()) && s.q.Again() != nil:
			return s.end(rightsGone)
		case why == events.TooSlow:
			return s.end(why)
		case why != events.None:
			s.put("reset", resetJSON{why, s.l.Cursor()})
		case err != nil:
			// The cursor goes along: what others heard meanwhile need not be looked through again.
			s.buf = append(s.buf, ":\nid: "+s.l.Cursor()+"\n\n"...)
		}
		for i := range room[:n] {
			s.pass(&room[i])
		}
		if err := s.send(); err != nil {
			return err
		}
		if n > 0 && !s.wait(gather) {
			return nil
		}
	}
}

// wait waits, unless the client leaves.
func (s *stream) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.q.Ctx().Done():
		return false
	}
}

// expires is when the credentials end by themselves; zero: never.
func (s *stream) expires() time.Time {
	out := s.q.Who.SessionExpires()
	if t := s.q.Who.Token; t != nil && !t.Expires.IsZero() && (out.IsZero() || t.Expires.Before(out)) {
		out = t.Expires
	}
	return out
}

// end tells a client that it may have missed something, and leaves it.
func (s *stream) end(why events.Reset) error {
	s.put("reset", resetJSON{why, s.l.Cursor()})
	return s.send()
}

// pass writes an event that the client wants and may hear of.
func (s *stream) pass(e *model.Event) {
	s.l.Passed(e)
	if e.Kind == model.EventSecondary && e.Secondary == nil {
		s.put("reset", resetJSON{nodesChanged, s.l.Cursor()})
		return
	}
	if !s.filter.wants(e) || !may(s.q, e) {
		return
	}
	name := ""
	if e.Zone != "" && s.a.ZoneName != nil {
		var told bool
		if name, told = s.a.ZoneName(e.Zone); !told {
			return
		}
	}
	at := api.Stamp(e.At)
	switch e.Kind {
	case model.EventZone:
		s.put("zone", zoneJSON{e.Seq, e.Account, e.Zone, name, e.What, e.Serial, at})
	case model.EventAccount:
		s.put("account", accountJSON{e.Seq, e.Account, e.What, at})
	case model.EventSecondary:
		m := e.Secondary
		out := secondaryJSON{e.Account, e.Zone, name, m.Peer, m.PeerName, m.State, m.Was, m.Cause, nil, at}
		if m.Known {
			out.Serial = &m.Serial
		}
		s.put("secondary", out)
	case model.EventAlarm:
		if e.Alarm != nil {
			s.put("alarm", alarmEventJSON{e.Account, e.Zone, renderAlarm(e.Alarm)})
		}
	}
}

// put adds a frame. JSON stands on one line.
func (s *stream) put(name string, v any) {
	b, err := api.Marshal(v)
	if err != nil {
		s.a.Log.Error("event cannot be written", "event", name, "error", err)
		return
	}
	s.buf = append(s.buf, "id: "+s.l.Cursor()+"\nevent: "+name+"\ndata: "...)
	s.buf = append(append(s.buf, b...), "\n\n"...)
}

// send writes what was put, within the time that a client has for taking it.
func (s *stream) send() error {
	if len(s.buf) == 0 {
		return nil
	}
	_, err := s.q.W.Write(s.buf)
	s.buf = s.buf[:0]
	if err == nil {
		err = s.out.Flush()
	}
	return err
}
