package zones

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// objects are the rows of a table of an account's things.
type objects struct{ table, noun string }

var (
	tsigs = objects{"tsigs", "TSIG"}
	peers = objects{"peers", "peer"}
	acls  = objects{"acls", "ACL"}
)

// put inserts or replaces an object.
func (o objects) put(ctx context.Context, c engine.Conn, object, account model.ID, v any) error {
	d, err := engine.Doc(v)
	if err != nil {
		return err
	}
	text := `INSERT INTO ` + o.table + ` (id, account, doc) VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET account = excluded.account, doc = excluded.doc`
	if _, err := c.Exec(ctx, text, engine.ID(object), engine.ID(account), d); err != nil {
		return fmt.Errorf("write %s %s: %w", o.noun, object, err)
	}
	return nil
}

func (o objects) delete(ctx context.Context, c engine.Conn, account, object model.ID) error {
	if err := c.DeleteOne(ctx, `DELETE FROM `+o.table+` WHERE id = ? AND account = ?`, engine.ID(object), engine.ID(account)); err != nil {
		return fmt.Errorf("delete %s %s: %w", o.noun, object, err)
	}
	return nil
}

// getObject reads one object; listObjects all of an account, in order of id.
func getObject[T any](ctx context.Context, c engine.Conn, o objects, account, object model.ID) (v T, err error) {
	text := `SELECT doc FROM ` + o.table + ` WHERE id = ? AND account = ?`
	if err = c.One(ctx, []any{engine.ToDoc(&v)}, text, engine.ID(object), engine.ID(account)); err != nil {
		return v, fmt.Errorf("read %s %s: %w", o.noun, object, err)
	}
	return v, nil
}

// each reads columns of those of some ids, or with none of all of an account, in order of id.
func (o objects) each(ctx context.Context, c engine.Conn, columns string, account model.ID, ids []model.ID, scan func(*engine.Rows) error) error {
	text := `SELECT ` + columns + ` FROM ` + o.table + ` WHERE account = ?`
	if len(ids) == 0 {
		return c.Each(ctx, scan, text+` ORDER BY id`, engine.ID(account))
	}
	ids = slices.Clone(ids)
	slices.Sort(ids) // the lists of a long one follow each other
	return c.In(ctx, scan, text+` AND id IN (%s) ORDER BY id`, []any{engine.ID(account)}, engine.IDs(ids))
}

func listObjects[T any](ctx context.Context, c engine.Conn, o objects, account model.ID, ids ...model.ID) (out []T, err error) {
	err = o.each(ctx, c, "doc", account, ids, func(r *engine.Rows) error {
		var v T
		err := r.Scan(engine.ToDoc(&v))
		out = append(out, v)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list %ss of account %s: %w", o.noun, account, err)
	}
	return out, nil
}

// peerDoc is a peer as its row has it. IXFR is true, "off" or null: earlier versions wrote false where nothing was given.
type peerDoc struct {
	model.Peer
	IXFR any
}

const switchedOff = "off"

func peerDocOf(p *model.Peer) peerDoc {
	d := peerDoc{Peer: *p}
	switch p.IXFR {
	case model.SwitchUnset:
	case model.SwitchOff:
		d.IXFR = switchedOff
	case model.SwitchOn:
		d.IXFR = true
	}
	return d
}

func (d *peerDoc) peer() model.Peer {
	p := d.Peer
	switch d.IXFR {
	case true:
		p.IXFR = model.SwitchOn
	case switchedOff:
		p.IXFR = model.SwitchOff
	}
	return p
}

func getPeer(ctx context.Context, c engine.Conn, account, id model.ID) (model.Peer, error) {
	d, err := getObject[peerDoc](ctx, c, peers, account, id)
	return d.peer(), err
}

func listPeers(ctx context.Context, c engine.Conn, account model.ID, ids ...model.ID) ([]model.Peer, error) {
	list, err := listObjects[peerDoc](ctx, c, peers, account, ids...)
	out := make([]model.Peer, 0, len(list))
	for i := range list {
		out = append(out, list[i].peer())
	}
	return out, err
}

// Peer reads a peer of the account.
func (t *Tx) Peer(ctx context.Context, account, id model.ID) (model.Peer, error) {
	if err := t.ownsAccount(account); err != nil {
		return model.Peer{}, err
	}
	return getPeer(ctx, t.c, account, id)
}

// Peers lists the account's peers of some ids, or with none all, in order of id.
func (t *Tx) Peers(ctx context.Context, account model.ID, ids ...model.ID) ([]model.Peer, error) {
	if err := t.ownsAccount(account); err != nil {
		return nil, err
	}
	return listPeers(ctx, t.c, account, ids...)
}

// PutPeer inserts or replaces a peer.
func (t *Tx) PutPeer(ctx context.Context, p model.Peer) error {
	if err := t.ownsAccount(p.Account); err != nil {
		return err
	}
	return peers.put(ctx, t.c, p.ID, p.Account, peerDocOf(&p))
}

// DeletePeer removes a peer.
func (t *Tx) DeletePeer(ctx context.Context, account, id model.ID) error {
	if err := t.ownsAccount(account); err != nil {
		return err
	}
	return peers.delete(ctx, t.c, account, id)
}

// ACL reads an ACL of the account.
func (t *Tx) ACL(ctx context.Context, account, id model.ID) (model.ACL, error) {
	if err := t.ownsAccount(account); err != nil {
		return model.ACL{}, err
	}
	return getObject[model.ACL](ctx, t.c, acls, account, id)
}

// ACLs lists the account's ACLs of some ids, or with none all, in order of id.
func (t *Tx) ACLs(ctx context.Context, account model.ID, ids ...model.ID) ([]model.ACL, error) {
	if err := t.ownsAccount(account); err != nil {
		return nil, err
	}
	return listObjects[model.ACL](ctx, t.c, acls, account, ids...)
}

// PutACL inserts or replaces an ACL.
func (t *Tx) PutACL(ctx context.Context, a model.ACL) error {
	if err := t.ownsAccount(a.Account); err != nil {
		return err
	}
	return acls.put(ctx, t.c, a.ID, a.Account, a)
}

// DeleteACL removes an ACL.
func (t *Tx) DeleteACL(ctx context.Context, account, id model.ID) error {
	if err := t.ownsAccount(account); err != nil {
		return err
	}
	return acls.delete(ctx, t.c, account, id)
}

// Peer reads a peer of the account.
func (s *Store) Peer(ctx context.Context, account, id model.ID) (model.Peer, error) {
	return getPeer(ctx, s.db.Read, account, id)
}

// Peers lists the account's peers in order of id.
func (s *Store) Peers(ctx context.Context, account model.ID) ([]model.Peer, error) {
	return listPeers(ctx, s.db.Read, account)
}

// ACL reads an ACL of the account.
func (s *Store) ACL(ctx context.Context, account, id model.ID) (model.ACL, error) {
	return getObject[model.ACL](ctx, s.db.Read, acls, account, id)
}

// ACLs lists the account's ACLs in order of id.
func (s *Store) ACLs(ctx context.Context, account model.ID) ([]model.ACL, error) {
	return listObjects[model.ACL](ctx, s.db.Read, acls, account)
}

// eachAccess yields the access of every account that has any, as whole entries, in order of the accounts. One with a row that cannot be
// read comes without a body, which nobody takes for access: its zones are closed, and no others.
func (s *Store) eachAccess(ctx context.Context, c engine.Conn, yield func(model.Entry) error) error {
	const text = `SELECT account, 1 AS kind, id, doc, secret FROM tsigs UNION ALL
		SELECT account, 2 AS kind, id, doc, NULL FROM peers UNION ALL
		SELECT account, 3 AS kind, id, doc, NULL FROM acls ORDER BY 1, 2, 3`
	a := accessLoader{s: s, yield: yield}
	err := c.Each(ctx, func(r *engine.Rows) error {
		var account, id model.ID
		var kind int64
		var d json.RawMessage
		var box []byte
		if err := r.Scan(engine.ToID(&account), &kind, engine.ToID(&id), engine.ToDoc(&d), &box); err != nil {
			return err
		}
		if account != a.of {
			if err := a.end(); err != nil {
				return err
			}
			a = accessLoader{s: s, yield: yield, of: account, change: model.AccessChange{Whole: true}}
		}
		if err := a.take(kind, d, box); err != nil {
			a.bad = true
		}
		return nil
	}, text)
	if err == nil {
		err = a.end()
	}
	if err != nil {
		return fmt.Errorf("access of accounts: %w", err)
	}
	return nil
}

// accessLoader gathers an account.
type accessLoader struct {
	s           *Store
	yield       func(model.Entry) error
	of          model.ID
	change      model.AccessChange
	bad, sealed bool
}

func (a *accessLoader) take(kind int64, d json.RawMessage, box []byte) error {
	switch kind {
	case 1:
		var k model.TSIG
		if err := json.Unmarshal(d, &k); err != nil {
			return err
		}
		secret, err := a.s.db.Secret.Open(TSIGName(k.ID), box)
		if errors.Is(err, engine.ErrNoKey) {
			a.sealed, secret, err = true, []byte(sealedSecret), nil
		}
		if err != nil {
			return err
		}
		k.Secret = string(secret)
		out, err := k.Access()
		a.change.Keys = append(a.change.Keys, out)
		return err
	case 2:
		var p peerDoc
		if err := json.Unmarshal(d, &p); err != nil {
			return err
		}
		peer := p.peer()
		a.change.Peers = append(a.change.Peers, peer.Access())
	default:
		var acl model.ACL
		if err := json.Unmarshal(d, &acl); err != nil {
			return err
		}
		a.change.Ranges = append(a.change.Ranges, acl.Access())
	}
	return nil
}

// sealedSecret stands, in base64, for one that cannot be opened here, and goes nowhere.
const sealedSecret = "AAAA"

func (a *accessLoader) end() error {
	if a.of == "" {
		return nil
	}
	e := model.Entry{Kind: model.EntryAccess, Account: a.of, Sealed: a.sealed}
	if !a.bad {
		e.Body, e.Secret = a.change.Append()
	}
	if a.sealed {
		e.Secret = nil
	}
	return a.yield(e)
}
