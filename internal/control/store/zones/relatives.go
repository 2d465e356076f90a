package zones

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// pathOf is a name's labels from the right, each with a dot behind it. The paths of all names below it begin with it, and
// lie between it and below(it).
func pathOf(n wire.Name) string {
	var labels []string
	for ; n != wire.Root; n = n.Parent() {
		labels = append(labels, n[:len(n)-len(n.Parent())].Host()+".")
	}
	slices.Reverse(labels)
	return strings.Join(labels, "")
}

// pathEnd is what comes behind all that begins with a path: a slash follows the dot in ASCII.
func pathEnd(path string) string { return strings.TrimSuffix(path, ".") + "/" }

// relatives are what a transaction was told about a name, to be held against the end.
type relatives struct {
	account model.ID
	known   map[model.ID]bool
}

// mostRelatives bounds the accounts that Relatives tells of.
const mostRelatives = 100

// Relatives tells which other accounts have zones above or below a name, with one zone each. Commit asks once more, when no
// other commit can come between: if an account has such a zone by then that had none, the race is lost (model.ErrStale).
func (t *Tx) Relatives(ctx context.Context, n wire.Name, account model.ID) ([]model.Relative, error) {
	list, err := t.relativesOf(ctx, n, account)
	if err != nil {
		return nil, err
	}
	known := map[model.ID]bool{}
	for _, r := range list {
		known[r.Account] = true
	}
	t.related[n] = relatives{account, known}
	return list, nil
}

func (t *Tx) relativesOf(ctx context.Context, n wire.Name, account model.ID) ([]model.Relative, error) {
	var out []model.Relative
	seen := map[model.ID]bool{}
	take := func(r *engine.Rows) error {
		var one model.Relative
		err := r.Scan(engine.ToID(&one.Account), engine.ToName(&one.Zone))
		if !seen[one.Account] {
			seen[one.Account] = true
			out = append(out, one)
		}
		return err
	}
	var above []any
	for at := n.Parent(); at != wire.Root; at = at.Parent() {
		above = append(above, at.Host())
	}
	err := t.c.In(ctx, take, `SELECT account, name FROM zones WHERE name IN (%s)`, nil, above)
	if err == nil {
		const below = `SELECT account, min(name) FROM zones WHERE path > ? AND path < ? AND account <> ? GROUP BY account ORDER BY account LIMIT ?`
		path := pathOf(n)
		err = t.c.Each(ctx, take, below, path, pathEnd(path), engine.ID(account), int64(mostRelatives))
	}
	if err != nil {
		return nil, fmt.Errorf("look for zones above and below %s: %w", n.Host(), err)
	}
	return slices.DeleteFunc(out, func(r model.Relative) bool { return r.Account == account }), nil
}

// holdRelatives holds what Relatives has told against what is committed now. Zones of accounts that this transaction has
// locked to make zones for are its own doing.
func (t *Tx) holdRelatives(ctx context.Context) error {
	if t.c.Dialect.Alone {
		return nil
	}
	for n, before := range t.related {
		list, err := t.relativesOf(ctx, n, before.account)
		if err != nil {
			return err
		}
		for _, r := range list {
			if !before.known[r.Account] && !t.locks.accounts[r.Account] {
				return fmt.Errorf("another node has made %s above or below %s: %w", r.Zone.Host(), n.Host(), model.ErrStale)
			}
		}
	}
	return nil
}

// ManyAccounts says whether there is more than one account.
func (t *Tx) ManyAccounts(ctx context.Context) (bool, error) {
	var n int64
	if err := t.c.One(ctx, []any{&n}, `SELECT count(*) FROM (SELECT 1 FROM accounts LIMIT 2) AS a`); err != nil {
		return false, fmt.Errorf("count accounts: %w", err)
	}
	return n > 1, nil
}

// ZonesBelow lists zones below a name, in canonical order, at most limit of them.
func (s *Store) ZonesBelow(ctx context.Context, n wire.Name, limit int) ([]model.Zone, error) {
	const text = `SELECT ` + zoneColumns + ` FROM zones z WHERE z.path > ? AND z.path < ? ORDER BY z.path LIMIT ?`
	path := pathOf(n)
	zones, err := readZones(ctx, s.db.Read, text, path, pathEnd(path), int64(limit))
	if err != nil {
		return nil, fmt.Errorf("list zones below %s: %w", n.Host(), err)
	}
	return zones, nil
}

// pathsFilled gives zones their paths that came without; %s is the place of a dot in rest.
const pathsFilled = `WITH RECURSIVE r (no, rest, path) AS (
	SELECT no, name || '.', substr(name, 1, 0) FROM zones WHERE path = ''
	UNION ALL
	SELECT no, substr(rest, %[1]s + 1), substr(rest, 1, %[1]s) || path FROM r WHERE rest <> ''
) UPDATE zones SET path = r.path FROM r WHERE r.no = zones.no AND r.rest = ''`

// FillPaths gives zones their paths that came without.
func FillPaths(ctx context.Context, c engine.Conn) error {
	dot := fmt.Sprintf(c.Dialect.Position, "rest")
	if _, err := c.Exec(ctx, fmt.Sprintf(pathsFilled, dot), ".", "."); err != nil {
		return fmt.Errorf("fill paths: %w", err)
	}
	return nil
}
