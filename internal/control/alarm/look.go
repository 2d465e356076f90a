package alarm

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Finding is what there is to a zone besides its peers: a rule that is broken, or kept, of an object.
type Finding struct {
	Rule    model.AlarmRule
	Object  model.ID // empty for the zone itself
	Subject string
	Broken  bool
	Since   time.Time // of what is broken; zero: nobody knows
	Text    string
}

// look gathers what one look at many zones leads to, so that it is written together.
type look struct {
	m       *Monitor
	now     time.Time
	told    []toldStand
	events  []model.Event
	changes []change
}

// toldStand is how a peer stands once its event is written.
type toldStand struct {
	f     *followed
	peer  string
	stand stand
}

// change is an alarm that is to be raised or cleared.
type change struct {
	model.AlarmChange
	f *followed
	c *condition
}

// zone looks at one zone.
func (l *look) zone(ctx context.Context, id string, also []Finding) {
	m := l.m
	if !m.cfg.Duty(model.ID(id)) {
		delete(m.zones, id)
		return
	}
	z := m.cfg.DB.ByID(id)
	f := m.zones[id]
	if f == nil {
		if z == nil || !z.State().Links.Enabled && len(also) == 0 {
			return
		}
		f = m.follow(id, model.ID(z.AccountID()))
	}
	if z == nil {
		l.over(id, f, "the zone is gone", func(model.AlarmKey) bool { return true })
		if len(f.open) == 0 {
			delete(m.zones, id)
		}
		return
	}
	f.name = z.Name.Host()
	set, err := m.settings(ctx, f.account, l.now)
	if err != nil {
		m.cfg.Log.Warn("rules of alarms cannot be read", "account", f.account, "error", err)
		m.Moves(id)
		return
	}
	var fares []watch.Fare
	if z.State().Links.Enabled {
		fares = m.cfg.Fares(z)
	}
	facts := factsOf(z, l.now)
	for i := range fares {
		p := &fares[i]
		l.tell(z, f, p)
		if f.hearsay(p) {
			f.wake(l.now.Add(hearsayPause))
			continue
		}
		for _, v := range judge(&facts, p, set) {
			k := model.AlarmKey{Account: f.account, Rule: v.rule, Zone: model.ID(id), Object: model.ID(p.Peer.ID)}
			l.apply(f, k, &v, p.Peer.Name, set, f.old && !f.judged[p.Peer.ID])
		}
		f.judged[p.Peer.ID] = true
	}
	for _, a := range also {
		v := verdict{rule: a.Rule, is: no, text: a.Text, since: a.Since, sure: true}
		if a.Broken {
			v.is = yes
		}
		l.apply(f, model.AlarmKey{Account: f.account, Rule: a.Rule, Zone: model.ID(id), Object: a.Object}, &v, a.Subject, set, f.old && !f.known)
	}
	l.over(id, f, "the peer is linked no more", func(k model.AlarmKey) bool {
		return ofPeer(k.Rule) && !slices.ContainsFunc(fares, func(p watch.Fare) bool { return model.ID(p.Peer.ID) == k.Object })
	})
	f.known = true
}

// hearsayPause is when a peer is looked at again of which only others know something.
const hearsayPause = 30 * time.Second

// hearsay says that how a peer stands is what others knew, the node that had the zone before or an earlier process: what they have seen,
// and told, after they wrote it down for us is not in it. Nothing is raised or cleared by that.
func (f *followed) hearsay(p *watch.Fare) bool {
	return f.old && p.State != watch.NoAddress && p.Own.Before(f.began)
}

// ofPeer says whether a rule is of a linked peer of a zone.
func ofPeer(r model.AlarmRule) bool {
	switch r {
	case model.AlarmParentNS, model.AlarmKeyWaits:
		return false
	default:
		return true
	}
}

// over clears what there is nothing left to look at for.
func (l *look) over(id string, f *followed, why string, is func(model.AlarmKey) bool) {
	for k, c := range f.open {
		switch {
		case !is(k):
		case !c.raised:
			delete(f.open, k)
		default:
			c.since = time.Time{}
			f.wake(l.now.Add(time.Second)) // to be forgotten then
			l.changes = append(l.changes, change{model.AlarmChange{AlarmKey: k, Text: why, At: l.now}, f, c})
		}
	}
	for peer := range f.stands {
		if is(model.AlarmKey{Rule: model.AlarmSilent, Zone: model.ID(id), Object: model.ID(peer)}) {
			delete(f.stands, peer)
			delete(f.judged, peer)
		}
	}
}

// apply takes a verdict. first says that it is the first of its object in this process: it may have been so for long.
func (l *look) apply(f *followed, k model.AlarmKey, v *verdict, subject string, set settings, first bool) {
	c := f.open[k]
	if c == nil {
		if v.is != yes {
			f.wake(v.again)
			return
		}
		c = &condition{}
		f.open[k] = c
	}
	s := set.of(v.rule)
	do, raise, again := c.step(v, s, l.now, first)
	f.wake(again)
	f.wake(v.again)
	if do {
		l.changes = append(l.changes, change{model.AlarmChange{
			AlarmKey: k, Raised: raise, Severity: s.Severity, ZoneName: f.name, Subject: subject, Text: v.text, At: l.now,
		}, f, c})
		return
	}
	if c.idle() {
		delete(f.open, k)
	}
}

// wake has the zone looked at no later than at a time; zero: whenever.
func (f *followed) wake(at time.Time) {
	if !at.IsZero() && (f.due.IsZero() || at.Before(f.due)) {
		f.due = at
	}
}

// tell has the log told how a peer stands, if that is not what was told last.
func (l *look) tell(z *zone.Zone, f *followed, p *watch.Fare) {
	was, known := f.stands[p.Peer.ID]
	is := stand{p.State, p.Serial, p.Known, p.Peer.Name, l.now}
	if known && was.state == is.state {
		is.since = was.since
	}
	switch {
	case known && was.same(&is):
		return
	case !known && (!f.known && f.old || is.state == watch.Unknown): // what was so before anybody looked is no news
		f.stands[p.Peer.ID] = is
		return
	case len(l.events) >= eventsMost:
		l.m.Moves(z.ID)
		return
	}
	l.told = append(l.told, toldStand{f, p.Peer.ID, is})
	l.events = append(l.events, model.Event{
		Kind: model.EventSecondary, Account: f.account, Zone: model.ID(z.ID), At: l.now,
		Secondary: &model.SecondaryMoved{
			Peer: model.ID(p.Peer.ID), PeerName: p.Peer.Name, State: string(p.State), Was: string(was.state), Cause: p.Cause, Serial: p.Serial, Known: p.Known,
		},
	})
	if was.state != is.state {
		level := slog.LevelInfo
		if usual(was.state) && usual(is.state) { // with every change
			level = slog.LevelDebug
		}
		l.m.cfg.Log.Log(context.Background(), level, "secondary", "zone", f.name, "peer", p.Peer.Name, "state", is.state, "was", was.state, "serial", p.Serial, "cause", p.Cause)
	}
}

func usual(s watch.State) bool { return s == watch.InStep || s == watch.Behind }

// end writes all of it. What could not be written comes with the next look.
func (l *look) end(ctx context.Context) {
	if len(l.events) > 0 {
		if err := l.m.cfg.Store.TellSecondaries(ctx, l.events); err != nil {
			l.m.cfg.Log.Warn("how secondaries stand cannot be told", "error", err)
			for _, e := range l.events {
				l.m.Moves(string(e.Zone))
			}
		} else {
			for _, t := range l.told {
				t.f.stands[t.peer] = t.stand
			}
		}
	}
	for part := range slices.Chunk(l.changes, alarmsAtOnce) {
		l.write(ctx, part)
	}
}

// alarmsAtOnce is how many alarms change in one transaction.
const alarmsAtOnce = 256

func (l *look) write(ctx context.Context, part []change) {
	list := make([]model.AlarmChange, len(part))
	for i := range part {
		list[i] = part[i].AlarmChange
	}
	done, err := l.m.cfg.Store.ChangeAlarms(ctx, list, l.m.cfg.NewID)
	if err != nil {
		l.m.cfg.Log.Warn("alarms cannot be raised or cleared", "alarms", len(list), "error", err)
		for i := range part {
			part[i].f.wake(l.now.Add(time.Second))
		}
		return
	}
	for i := range part {
		ch := &part[i]
		ch.c.raised, ch.c.clear = ch.Raised, time.Time{}
		if ch.c.idle() {
			delete(ch.f.open, ch.AlarmKey)
		}
	}
	for i := range done {
		a := &done[i]
		if a.Raised {
			l.m.cfg.Log.Warn("alarm raised", "rule", string(a.Rule), "zone", a.ZoneName, "subject", a.Subject, "text", a.Text)
		} else {
			l.m.cfg.Log.Info("alarm cleared", "rule", string(a.Rule), "zone", a.ZoneName, "subject", a.Subject)
		}
	}
}
