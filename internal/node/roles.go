package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/duty"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// roles are what a node does. One that has neither api nor notify only reads from the database, and needs no secret key.
type roles struct {
	api    bool // answers the API and the dashboard, and takes changes
	dns    bool // answers queries and transfers
	notify bool // tells secondaries, and does for a share of the zones what one node does for all
}

// writes says whether the node changes anything in the database.
func (r roles) writes() bool { return r.api || r.notify }

func (r roles) all() bool { return r == roles{true, true, true} }

func (r roles) String() string {
	var out []string
	for _, role := range []struct {
		on   bool
		name string
	}{{r.api, "api"}, {r.dns, "dns"}, {r.notify, "notify"}} {
		if role.on {
			out = append(out, role.name)
		}
	}
	return strings.Join(out, ",")
}

var (
	errNoRole    = errors.New("a node needs a role: api, dns, notify")
	errSoleNode  = errors.New("on SQLite there is one node, which needs all roles; others need a database of their own, postgres://…")
	errRoleTwice = errors.New("a role stands twice")
)

// parseRoles reads --roles.
func parseRoles(list []string) (r roles, err error) {
	var seen []string
	for _, name := range list {
		name = strings.ToLower(strings.TrimSpace(name))
		switch name {
		case "":
			continue
		case "api":
			r.api = true
		case "dns":
			r.dns = true
		case "notify":
			r.notify = true
		default:
			return r, fmt.Errorf("role %q: want api, dns or notify", name)
		}
		if slices.Contains(seen, name) {
			return r, fmt.Errorf("%w: %s", errRoleTwice, name)
		}
		seen = append(seen, name)
	}
	if len(seen) == 0 {
		return r, errNoRole
	}
	return r, nil
}

// shareWork makes the lease by which nodes divide the zones. On SQLite there is nobody to divide them with.
func (n *Node) shareWork() {
	if !n.roles.notify || !n.store.Shared() {
		return
	}
	id := auth.NewID()
	n.duty = duty.New(duty.Config{
		Node: id, Log: n.log,
		Renew: func(ctx context.Context, seen uint64, life time.Duration) (model.Circle, error) {
			return n.store.RenewLease(ctx, id, seen, life)
		},
		Leave: func(ctx context.Context) error { return n.store.LeaveCircle(ctx, id) },
		Changed: func(away bool) {
			if away {
				n.notify.Back()
			} else {
				n.notify.Review()
			}
			n.flatten.Review()
			n.keeper.Review()
			n.catalogs.Review()
			n.alarms.Review()
		},
	})
}

// holds says whether this node does for a zone what one node does for all; the empty zone stands for the whole server.
func (n *Node) holds(zone model.ID) bool {
	return n.roles.notify && (n.duty == nil || n.duty.Holds(zone))
}

func (n *Node) holdsZone(id string) bool { return n.holds(model.ID(id)) }

// flattenOnceRecalled starts flattening when the feed is done with the past: each reads much of the store, and both at once
// take twice the memory for caches that nobody needs afterwards.
func (n *Node) flattenOnceRecalled(running context.Context) error {
	select {
	case <-n.feed.Recalled():
		return n.flatten.Run(running)
	case <-running.Done():
		return nil
	}
}
