package commit

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// accessWork is an account's keys, peers and ACLs, as far as somebody has needed them: there may be thousands, of which a change concerns
// one.
type accessWork struct {
	tsigs *objects[model.TSIG]
	peers *objects[model.Peer]
	acls  *objects[model.ACL]
}

// objects are those of a kind: as stored, and as planned; nil for what is not there.
type objects[T comparable] struct {
	what      string
	id        func(*T) model.ID
	stored    func(ctx context.Context, ids ...model.ID) ([]T, error)
	counted   func(ctx context.Context, which model.Quota) (int64, error)
	read, now map[model.ID]*T
	whole     bool // all that is stored has been read
}

// access is an account's, of which nothing has been read at first.
func (s *workspace) access(a *accountWork) *accessWork {
	if a.access != nil {
		return a.access
	}
	account := a.row.ID
	count := func(ctx context.Context, which model.Quota) (int64, error) { return s.tx.Objects(ctx, account, which) }
	a.access = &accessWork{
		tsigs: &objects[model.TSIG]{
			what: "keys", counted: count, whole: a.fresh,
			id: func(k *model.TSIG) model.ID { return k.ID },
			stored: func(ctx context.Context, ids ...model.ID) ([]model.TSIG, error) {
				return s.tx.TSIGs(ctx, account, ids...)
			},
		},
		peers: &objects[model.Peer]{
			what: "peers", counted: count, whole: a.fresh,
			id: func(p *model.Peer) model.ID { return p.ID },
			stored: func(ctx context.Context, ids ...model.ID) ([]model.Peer, error) {
				return s.tx.Peers(ctx, account, ids...)
			},
		},
		acls: &objects[model.ACL]{
			what: "ACLs", counted: count, whole: a.fresh,
			id: func(a *model.ACL) model.ID { return a.ID },
			stored: func(ctx context.Context, ids ...model.ID) ([]model.ACL, error) {
				return s.tx.ACLs(ctx, account, ids...)
			},
		},
	}
	return a.access
}

// need reads those of some ids that have not been read yet.
func (o *objects[T]) need(ctx context.Context, ids []model.ID) error {
	if o.whole {
		return nil
	}
	var missing []model.ID
	for _, id := range ids {
		if _, known := o.read[id]; !known && id != "" {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	list, err := o.stored(ctx, missing...)
	if err != nil {
		return fmt.Errorf("read %s: %w", o.what, err)
	}
	o.learn(list)
	for _, id := range missing {
		if _, there := o.read[id]; !there {
			o.read[id], o.now[id] = nil, nil
		}
	}
	return nil
}

// learn takes what is stored.
func (o *objects[T]) learn(list []T) {
	if o.read == nil {
		o.read, o.now = map[model.ID]*T{}, map[model.ID]*T{}
	}
	for i := range list {
		id := o.id(&list[i])
		if _, known := o.read[id]; known {
			continue
		}
		o.read[id] = &list[i]
		if _, planned := o.now[id]; !planned {
			o.now[id] = &list[i]
		}
	}
}

// get gives an object as planned, nil where there is none of the id. What it points to is not written to.
func (o *objects[T]) get(ctx context.Context, id model.ID) (*T, error) {
	err := o.need(ctx, []model.ID{id})
	return o.now[id], err
}

// some gives those of some ids, nil for each that is not there.
func (o *objects[T]) some(ctx context.Context, ids []model.ID) ([]*T, error) {
	if err := o.need(ctx, ids); err != nil {
		return nil, err
	}
	out := make([]*T, len(ids))
	for i, id := range ids {
		out[i] = o.now[id]
	}
	return out, nil
}

// all gives all objects as planned, in order of id. It is for what is asked seldom: who uses a key.
func (o *objects[T]) all(ctx context.Context) (out []*T, err error) {
	if !o.whole {
		list, err := o.stored(ctx)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", o.what, err)
		}
		o.learn(list)
		o.whole = true
	}
	for _, id := range slices.Sorted(maps.Keys(o.now)) {
		if v := o.now[id]; v != nil {
			out = append(out, v)
		}
	}
	return out, nil
}

// count counts them, as planned.
func (o *objects[T]) count(ctx context.Context, which model.Quota) (n int64, err error) {
	if !o.whole {
		if n, err = o.counted(ctx, which); err != nil {
			return 0, fmt.Errorf("count %s: %w", o.what, err)
		}
	}
	for id, v := range o.now {
		if v != nil {
			n++
		}
		if o.read[id] != nil && !o.whole {
			n--
		}
	}
	return n, nil
}

// put plans an object; one with a new id is stored nowhere.
func (o *objects[T]) put(u *undo, v T) {
	o.learn(nil)
	put(u, o.now, o.id(&v), &v)
}

// drop plans that an object is gone.
func (o *objects[T]) drop(u *undo, id model.ID) { put(u, o.now, id, nil) }

// changed lists what is planned otherwise than stored, and what is gone, each in order of id.
func (o *objects[T]) changed() (puts []*T, gone []model.ID) {
	for _, id := range slices.Sorted(maps.Keys(o.now)) {
		was, is := o.read[id], o.now[id]
		switch {
		case is == nil && was != nil:
			gone = append(gone, id)
		case is != nil && (was == nil || *was != *is):
			puts = append(puts, is)
		}
	}
	return puts, gone
}

// write writes what is planned otherwise than stored.
func (o *objects[T]) write(ctx context.Context, store func(context.Context, T) error) (puts []*T, gone []model.ID, err error) {
	puts, gone = o.changed()
	for _, v := range puts {
		if err := store(ctx, *v); err != nil {
			return nil, nil, fmt.Errorf("write %s: %w", o.what, err)
		}
	}
	return puts, gone, nil
}

// remove removes what is gone.
func (o *objects[T]) remove(ctx context.Context, account model.ID, gone []model.ID, from func(ctx context.Context, account, id model.ID) error) error {
	for _, id := range gone {
		if err := from(ctx, account, id); err != nil {
			return fmt.Errorf("delete %s: %w", o.what, err)
		}
	}
	return nil
}

// users lists, in words, who uses a key.
func (a *accessWork) users(ctx context.Context, key model.ID) (users []string, err error) {
	peers, err := a.peers.all(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range peers {
		if p.TSIG == key {
			users = append(users, p.Name+" ("+string(p.ID)+")")
		}
	}
	tsigs, err := a.tsigs.all(ctx)
	for _, k := range tsigs {
		if k.Successor == key {
			users = append(users, k.Name+", which it follows")
		}
	}
	return users, err
}

// flushAccess writes an account's keys, peers and ACLs where they changed, and journals that.
func (s *workspace) flushAccess(ctx context.Context, a *accountWork) ([]model.Entry, error) {
	w, change := a.access, model.AccessChange{}
	if w == nil {
		return nil, nil
	}
	account := a.row.ID
	acls, goneACLs, err := w.acls.write(ctx, s.tx.PutACL)
	if err != nil {
		return nil, err
	}
	// Keys come before the peers that use them, and go after them.
	tsigs, goneTSIGs, err := w.tsigs.write(ctx, s.tx.PutTSIG)
	if err != nil {
		return nil, err
	}
	peers, gonePeers, err := w.peers.write(ctx, s.tx.PutPeer)
	if err == nil {
		err = w.peers.remove(ctx, account, gonePeers, s.tx.DeletePeer)
	}
	if err == nil {
		err = w.tsigs.remove(ctx, account, goneTSIGs, s.tx.DeleteTSIG)
	}
	if err == nil {
		err = w.acls.remove(ctx, account, goneACLs, s.tx.DeleteACL)
	}
	if err != nil {
		return nil, fmt.Errorf("access of account %s: %w", account, err)
	}
	if len(acls)+len(tsigs)+len(peers)+len(goneACLs)+len(goneTSIGs)+len(gonePeers) == 0 {
		return nil, nil
	}
	for _, v := range acls {
		change.Ranges = append(change.Ranges, v.Access())
	}
	for _, v := range tsigs {
		k, err := v.Access()
		if err != nil {
			return nil, fmt.Errorf("access of account %s: %w", account, err)
		}
		change.Keys = append(change.Keys, k)
	}
	for _, v := range peers {
		change.Peers = append(change.Peers, v.Access())
	}
	change.Gone.Ranges, change.Gone.Keys, change.Gone.Peers = goneACLs, goneTSIGs, gonePeers
	entry := model.Entry{Kind: model.EntryAccess, Account: account, At: s.now}
	entry.Body, entry.Secret = change.Append()
	return []model.Entry{entry}, nil
}
