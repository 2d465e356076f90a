package keyring

import (
	"sync"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
)

// Cache keeps keys of zones with their private halves opened, by the revision of the rows. It is safe for many callers.
type Cache struct {
	mu    sync.Mutex
	zones map[model.ID]cached
	room  int
}

type cached struct {
	revision model.ID
	keys     []model.ZoneKey
	opened   map[model.ID]*dnssec.Key
}

// NewCache makes a cache for so many zones.
func NewCache(zones int) *Cache { return &Cache{zones: map[model.ID]cached{}, room: zones} }

// Keys gives the keys of a zone whose rows have a revision; they must not be changed.
func (c *Cache) Keys(zone, revision model.ID) (keys []model.ZoneKey, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.zones[zone]
	if !ok || revision == "" || e.revision != revision {
		return nil, false
	}
	return e.keys, true
}

// Put takes in rows as they were read under a revision.
func (c *Cache) Put(zone, revision model.ID, keys []model.ZoneKey) {
	if revision == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.zones[zone]; !there && len(c.zones) >= c.room {
		for z := range c.zones { // any: the order of a map is no order
			delete(c.zones, z)
			break
		}
	}
	c.zones[zone] = cached{revision, keys, map[model.ID]*dnssec.Key{}}
}

// open gives a key with its private half.
func (c *Cache) open(k *model.ZoneKey) (*dnssec.Key, error) {
	c.mu.Lock()
	e := c.zones[k.Zone]
	key := e.opened[k.ID]
	c.mu.Unlock()
	if key != nil {
		return key, nil
	}
	key, err := dnssec.ParsePrivate(&k.Public, k.Private)
	if err == nil && e.opened != nil {
		c.mu.Lock()
		e.opened[k.ID] = key
		c.mu.Unlock()
	}
	return key, err
}

// Signers are the keys by which a zone's next version is signed. A key that cannot be opened is a *model.Invalid.
func (c *Cache) Signers(zone *model.Zone, keys []model.ZoneKey) (s dnssec.Signers, err error) {
	for i := range keys {
		k := &keys[i]
		keysOn, zoneOn := k.State.Marks[dnssec.SignsKeys].On, &k.State.Marks[dnssec.SignsZone]
		if zoneOn.Pending && !zoneOn.On {
			s.Retired = append(s.Retired, &k.Public)
		}
		if !keysOn && !zoneOn.On {
			continue
		}
		if len(k.Private) == 0 {
			return s, broken("The private key %d of the zone %s cannot be opened here, so nothing in the zone can be changed: its signatures would not fit.",
				k.Public.Tag(), zone.Name.Host())
		}
		key, err := c.open(k)
		if err != nil {
			return s, broken("The private key %d of the zone %s is damaged: %v.", k.Public.Tag(), zone.Name.Host(), err)
		}
		if keysOn {
			s.Keys = append(s.Keys, key)
		}
		if zoneOn.On {
			s.Zone = append(s.Zone, key)
		}
	}
	return s, nil
}
