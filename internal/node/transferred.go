package node

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/record"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/control/update"
	"github.com/headwaterdns/headwater/internal/dns/cookie"
	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/dns/tally"
	"github.com/headwaterdns/headwater/internal/dns/trust"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
)

// transferred takes every transfer and every refusal to those who want to know: the watcher, who tells operators; the log;
// and notify, which need not repeat itself to a peer that has what it was told of.
func (n *Node) transferred(r xfr.Report) {
	n.watch.Transferred(r)
	n.logTransfer(&r)
	n.insight.Fetched(&r)
	if serial, ok := r.Holds(); ok && n.notify != nil && r.Client.Peer.ID != "" {
		n.notify.Seen(r.ZoneID, r.Client.Peer.ID, serial)
	}
}

// logTransfer writes a line for each transfer. What strangers can cause as often as they like gets a line now and then.
func (n *Node) logTransfer(r *xfr.Report) {
	forgeable := !r.TCP && r.Key == "" || r.Refused() && !r.TCP
	what := ""
	switch {
	case r.Refused():
		what = "refused: " + string(r.Cause)
	case r.Reason != "":
		what = "failed"
	case forgeable:
		what = string(r.Kind)
	}
	if what != "" && !n.tally.Line(tally.Event{Source: r.Source.Addr(), What: n.about(r) + what, Forgeable: forgeable}) {
		return
	}
	attrs := []any{"zone", r.Zone, "source", r.Source.String()}
	if p := r.Client.Peer; p.ID != "" {
		attrs = append(attrs, "peer", p.Name)
	}
	if list := r.Client.OneOf; len(list) > 0 {
		attrs = append(attrs, "one_of", names(list))
	}
	attrs = append(attrs, "asked", r.Asked.String(), "tcp", r.TCP)
	if r.TLS != nil {
		attrs = append(attrs, "tls", r.TLS.String(), "resumed", r.TLS.Resumed)
		if r.TLS.ClientKey != "" {
			attrs = append(attrs, "client_key", r.TLS.ClientKey, "client_name", r.TLS.ClientName)
		}
	}
	if r.Key != "" {
		attrs = append(attrs, "key", r.Key)
	}
	if r.Asked == wire.TypeIXFR {
		attrs = append(attrs, "from", r.From)
	}
	if r.Refused() {
		n.log.Warn("transfer refused", append(attrs, "rcode", r.Rcode.String(), "cause", string(r.Cause), "reason", r.Reason)...)
		return
	}
	attrs = append(attrs, "kind", string(r.Kind), "serial", r.To, "records", r.Records, "bytes", r.Bytes, "duration", r.Duration)
	if r.Reason != "" {
		n.log.Warn("transfer failed", append(attrs, "reason", r.Reason)...)
		return
	}
	n.log.Info("transfer", attrs...)
}

// handshakeFailed tells of a client with which TLS did not come about: one that refuses our certificate is a secondary that
// somebody set up wrongly, and has no other way to say so.
func (n *Node) handshakeFailed(source netip.AddrPort, err error) {
	if n.tally.Line(tally.Event{Source: source.Addr(), What: "TLS handshake failed"}) {
		n.log.Warn("TLS handshake failed", "source", source.String(), "error", err)
	}
}

// rateLimited tells of a network that asks for more than it is answered, or that somebody makes look so.
func (n *Node) rateLimited(network netip.Prefix) {
	if n.tally.Line(tally.Event{Source: network.Addr(), What: "answers limited", Forgeable: true}) {
		n.log.Warn("answers over UDP are limited", "network", network.String(), "log_only", n.cfg.DNSRateLogOnly)
	}
}

// cookiesLooked is how often the secrets of cookies are read, and cookiesRolled how long each of them is in use: whoever has one
// shows it within an hour.
const cookiesLooked, cookiesRolled = time.Minute, 24 * time.Hour

// cookieKeys reads the secrets of DNS cookies, which all nodes share. Nodes that write roll them.
func (n *Node) cookieKeys(ctx context.Context) (*cookie.Keys, error) {
	var s store.CookieSecrets
	var err error
	if now := time.Now(); n.roles.writes() {
		s, err = n.store.RollCookies(ctx, now.Add(-cookiesRolled), now)
	} else {
		s, err = n.store.CookieSecrets(ctx)
	}
	if err != nil {
		return nil, err
	}
	return &cookie.Keys{Current: s.Current, Others: []cookie.Secret{s.Next, s.Previous}}, nil
}

// about says what a report is about in words that no stranger chooses: the transport, and the zone if it is one of ours.
func (n *Node) about(r *xfr.Report) string {
	words := "udp "
	switch {
	case r.TLS != nil:
		words = "tls "
	case r.TCP:
		words = "tcp "
	}
	if z := n.db.ByID(r.ZoneID); z != nil {
		words += z.Name.Host() + " "
	}
	return words
}

// tellRest tells, at the end of each window, how much got no line of its own.
func (n *Node) tellRest(ctx context.Context) error {
	tick := time.NewTicker(n.tally.Window())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			n.logRest()
			return nil
		case <-tick.C:
			n.logRest()
		}
	}
}

func (n *Node) logRest() {
	for _, r := range n.tally.Rest() {
		from := "many"
		if r.Source.IsValid() {
			from = r.Source.String()
		}
		n.log.Warn("more of the same", "what", r.What, "source", from, "count", r.Count)
	}
}

// checkAccess decides on a request as the server would.
func (n *Node) checkAccess(id model.ID, q api.AccessQuestion) (out api.AccessDecision, ok bool) {
	z := n.db.ByID(string(id))
	if z == nil {
		return out, false
	}
	asked := xfr.Asked{From: q.Address, Type: q.Type, TCP: q.TCP}
	if q.TLS {
		asked.TLS = &wire.TLS{ALPN: true, ClientKey: q.ClientKey, Client: trust.Claimed(q.ClientName)}
	}
	var d xfr.Decision
	if q.Key == "" {
		d = xfr.Decide(z, &asked)
	} else {
		d = xfr.Named(z, asked, q.Key)
	}
	return api.AccessDecision{
		Rcode: d.Rcode.String(), Cause: string(d.Cause), Reason: d.Reason, Peer: model.ID(d.By.Peer.ID), PeerName: d.By.Peer.Name,
		Range: d.By.Range, OneOf: names(d.Client.Peers()),
	}, true
}

// takeUpdates makes what does updates by messages (RFC 2136), on nodes that write.
func (n *Node) takeUpdates() server.Updates {
	if !n.roles.writes() {
		return nil
	}
	n.updates = update.New(update.Config{
		DB: n.db, Zone: n.store.Zone, Account: n.store.Account, TSIGs: n.store.TSIGs, Form: record.From, Clock: time.Now, Log: n.log, Done: n.updated,
		Change:    func(ctx context.Context, c model.Change) (model.Result, error) { return n.commit.Change(ctx, c) },
		PerSecond: n.cfg.UpdateRate,
	})
	return n.updates
}

// updated writes a line for each message that was done, and for refused ones now and then.
func (n *Node) updated(r update.Report) {
	attrs := []any{"zone", r.Zone, "source", r.Source.String(), "tcp", r.TCP}
	if r.TLS != nil {
		attrs = append(attrs, "tls", r.TLS.String())
	}
	attrs = append(attrs, "key", r.Key)
	if r.Rcode == wire.RcodeNoError {
		n.log.Info("update", append(attrs, "records", r.Edits, "serial", r.Serial, "repeated", r.Repeated, "duration", r.Duration)...)
		return
	}
	what := "update " + strings.ToLower(r.Rcode.String())
	if z := n.db.ByID(r.ZoneID); z != nil {
		what += " " + z.Name.Host()
	}
	if n.tally.Line(tally.Event{Source: r.Source.Addr(), What: what, Forgeable: !r.TCP && !r.Verified}) {
		n.log.Warn("update refused", append(attrs, "rcode", r.Rcode.String(), "reason", r.Reason)...)
	}
}
