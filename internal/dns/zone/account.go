package zone

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"sync"

	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
)

// Account is all of what the fast half knows of an account.
type Account struct {
	ID    string
	ACL   []netip.Prefix
	Keys  []*tsig.Key
	Peers map[string]Peer // by id
}

// AccountChange is what becomes of an account's ranges, keys and peers.
type AccountChange struct {
	ID     string
	Whole  bool // what is not in it is gone
	Ranges []AccountRange
	Keys   []AccountKey
	Peers  []AccountPeer
	// GoneRanges, GoneKeys and GonePeers are ids of what is there no more.
	GoneRanges, GoneKeys, GonePeers []string
}

// AccountRange is a range of addresses.
type AccountRange struct {
	ID     string
	Prefix netip.Prefix
}

// AccountKey is a key, and the id of the one that follows it; empty for none. No request is ever found to be signed with one that is
// sealed.
type AccountKey struct {
	ID, Next string
	Key      *tsig.Key
	Sealed   bool
}

// AccountPeer is a peer without its keys, and the id of its key; empty for none.
type AccountPeer struct {
	Peer
	KeyID string
}

// standing is an account as it is at a moment; immutable. A change copies what it touches, however much there is: an account may have
// thousands of peers, and whoever holds an older standing goes on with it.
type standing struct {
	ranges *listed[AccountRange, netip.Prefix]
	keys   *listed[AccountKey, *tsig.Key]
	peers  *iradix.Tree[*AccountPeer]
	where  *iradix.Tree[[]*AccountPeer] // by where they answer
	sealed int                          // keys
	closed bool                         // something of it could not be read
	broken bool                         // a key of a peer is missing
}

func newStanding() *standing {
	return &standing{
		ranges: newListed(func(r AccountRange) (netip.Prefix, bool) { return r.Prefix, true }),
		keys:   newListed(func(k AccountKey) (*tsig.Key, bool) { return k.Key, !k.Sealed }),
		peers:  iradix.New[*AccountPeer](), where: iradix.New[[]*AccountPeer](),
	}
}

// listed are things by id, and those of them that readers want as a list, which is made when the first one asks.
type listed[T, V any] struct {
	tree  *iradix.Tree[T]
	shows func(T) (V, bool)
	once  sync.Once
	made  []V
}

func newListed[T, V any](shows func(T) (V, bool)) *listed[T, V] {
	return &listed[T, V]{tree: iradix.New[T](), shows: shows}
}

// with is what a transaction makes of it.
func (l *listed[T, V]) with(t *iradix.Txn[T]) *listed[T, V] {
	return &listed[T, V]{tree: t.Commit(), shows: l.shows}
}

func (l *listed[T, V]) list() []V {
	l.once.Do(func() {
		for it := l.tree.Root().Iterator(); ; {
			_, v, ok := it.Next()
			if !ok {
				return
			}
			if shown, ok := l.shows(v); ok {
				l.made = append(l.made, shown)
			}
		}
	})
	return l.made
}

// plain is an address as it is compared: without a zone of IPv6, and never IPv4 in IPv6.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func (s *standing) peer(id string) *AccountPeer {
	p, _ := s.peers.Get([]byte(id))
	return p
}

// at are the peers at an address, which is plain.
func (s *standing) at(from netip.Addr) []*AccountPeer {
	key := from.As16()
	list, _ := s.where.Get(key[:])
	return list
}

// has says whether a key is there; none always is.
func (s *standing) has(key string) bool {
	_, there := s.keys.tree.Get([]byte(key))
	return there || key == ""
}

// resolve gives a peer its keys; false where one of them is missing.
func (s *standing) resolve(p *AccountPeer) (Peer, bool) {
	out := p.Peer
	if p.KeyID == "" {
		return out, true
	}
	k, ok := s.keys.tree.Get([]byte(p.KeyID))
	if !ok {
		return out, false
	}
	if out.Key = k.Key; k.Next == "" {
		return out, true
	}
	next, ok := s.keys.tree.Get([]byte(k.Next))
	out.Next = next.Key
	return out, ok
}

// SetAccount replaces an account's data; its zones see it at once.
func (db *DB) SetAccount(a *Account) {
	c := AccountChange{ID: a.ID, Whole: true}
	for i, p := range a.ACL {
		c.Ranges = append(c.Ranges, AccountRange{strconv.Itoa(i), p})
	}
	for i, k := range a.Keys {
		c.Keys = append(c.Keys, AccountKey{ID: strconv.Itoa(i), Key: k})
	}
	hidden := func(k *tsig.Key, next string) (id string) {
		if k != nil {
			id = fmt.Sprint("of peers ", len(c.Keys))
			c.Keys = append(c.Keys, AccountKey{ID: id, Key: k, Next: next, Sealed: true})
		}
		return id
	}
	for _, p := range a.Peers {
		c.Peers = append(c.Peers, AccountPeer{p, hidden(p.Key, hidden(p.Next, ""))})
	}
	db.ChangeAccount(&c)
}

// CloseAccount has nobody transfer an account's zones until the next whole change: something of it could not be read. It returns the
// account's peers.
func (db *DB) CloseAccount(id string) (peers []string) {
	h := db.holder(id)
	next := newStanding()
	if old := h.current.Load(); old != nil {
		*next = *old
	}
	next.closed = true
	h.current.Store(next)
	for it := next.peers.Root().Iterator(); ; {
		peer, _, ok := it.Next()
		if !ok {
			return peers
		}
		peers = append(peers, string(peer))
	}
}

// Accounts lists the accounts of which something is known.
func (db *DB) Accounts() (ids []string) {
	for id, h := range db.accounts {
		if h.current.Load() != nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// ChangeAccount changes an account; its zones see all of it at once. It returns the peers that were there and are others now, be it for
// their keys, in no order, and how many keys are sealed.
func (db *DB) ChangeAccount(c *AccountChange) (changed []string, sealed int) {
	h := db.holder(c.ID)
	old := h.current.Load()
	if old == nil {
		old = newStanding()
	}
	next := old
	if c.Whole {
		next = newStanding()
	}
	next = next.with(c)
	changed = old.differ(next, c)
	h.current.Store(next)
	return changed, next.sealed
}

// with is the standing after a change.
func (s *standing) with(c *AccountChange) *standing {
	next := *s
	if len(c.Ranges)+len(c.GoneRanges) > 0 {
		t := s.ranges.tree.Txn()
		for _, r := range c.Ranges {
			t.Insert([]byte(r.ID), r)
		}
		for _, id := range c.GoneRanges {
			t.Delete([]byte(id))
		}
		next.ranges = s.ranges.with(t)
	}
	if len(c.Keys)+len(c.GoneKeys) > 0 {
		t := s.keys.tree.Txn()
		for _, k := range c.Keys {
			was, _ := t.Insert([]byte(k.ID), k)
			next.sealed += count(k.Sealed) - count(was.Sealed)
		}
		for _, id := range c.GoneKeys {
			was, _ := t.Delete([]byte(id))
			next.sealed -= count(was.Sealed)
		}
		next.keys = s.keys.with(t)
	}
	next.broken = s.broken || len(c.GoneKeys) > 0 || slices.ContainsFunc(c.Keys, func(k AccountKey) bool { return !next.has(k.Next) })
	if len(c.Peers)+len(c.GonePeers) == 0 {
		return &next
	}
	peers, where := s.peers.Txn(), s.where.Txn()
	for i := range c.Peers {
		p := c.Peers[i]
		p.Key, p.Next = nil, nil // whoever reads it resolves them
		was, _ := peers.Insert([]byte(p.ID), &p)
		leave(where, was)
		settle(where, &p)
		_, whole := next.resolve(&p)
		next.broken = next.broken || !whole
	}
	for _, id := range c.GonePeers {
		was, _ := peers.Delete([]byte(id))
		leave(where, was)
	}
	next.peers, next.where = peers.Commit(), where.Commit()
	return &next
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// settle notes where a peer answers, leave forgets it.
func settle(where *iradix.Txn[[]*AccountPeer], p *AccountPeer) {
	if !p.Addr.IsValid() {
		return
	}
	key := plain(p.Addr.Addr()).As16()
	there, _ := where.Get(key[:])
	where.Insert(key[:], append(slices.Clip(there), p))
}

func leave(where *iradix.Txn[[]*AccountPeer], p *AccountPeer) {
	if p == nil || !p.Addr.IsValid() {
		return
	}
	key := plain(p.Addr.Addr()).As16()
	there, _ := where.Get(key[:])
	rest := slices.DeleteFunc(slices.Clone(there), func(o *AccountPeer) bool { return o == p })
	if len(rest) == 0 {
		where.Delete(key[:])
		return
	}
	where.Insert(key[:], rest)
}

// differ lists the peers that a change has made others. It looks at all of them only where a key has changed or gone that was there, or
// all has.
func (s *standing) differ(next *standing, c *AccountChange) (out []string) {
	all := c.Whole || s.broken || next.broken || slices.ContainsFunc(c.Keys, func(k AccountKey) bool {
		was, there := s.keys.tree.Get([]byte(k.ID))
		return there && (was.Next != k.Next || !was.Key.Equal(k.Key))
	})
	add := func(id string) {
		was, is := s.peer(id), next.peer(id)
		if was == nil {
			return
		}
		if is == nil || !s.same(was, next, is) {
			out = append(out, id)
		}
	}
	if !all {
		for i := range c.Peers {
			add(c.Peers[i].ID)
		}
		for _, id := range c.GonePeers {
			add(id)
		}
		return out
	}
	for it := s.peers.Root().Iterator(); ; {
		id, _, ok := it.Next()
		if !ok {
			break
		}
		add(string(id))
	}
	next.broken = false
	for it := next.peers.Root().Iterator(); !next.broken; {
		_, p, ok := it.Next()
		if !ok {
			break
		}
		_, whole := next.resolve(p)
		next.broken = !whole
	}
	return out
}

func (s *standing) same(was *AccountPeer, next *standing, is *AccountPeer) bool {
	a, okA := s.resolve(was)
	b, okB := next.resolve(is)
	keys := a.Key.Equal(b.Key) && a.Next.Equal(b.Next)
	a.Key, a.Next, b.Key, b.Next = nil, nil, nil, nil
	return okA == okB && keys && a == b
}
