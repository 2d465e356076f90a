package feed

import (
	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// What follows is how the feed writes zones and their links into the DB. The feed keeps beside it which zones of an account
// have peers, so that a change of an account looks at no others. The lock is held.

// reset puts a zone in whole. A zone that had its name is gone by that.
func (f *Feed) reset(id, account model.ID, seq model.Seq, faces face.Versions, l zone.Links) *zone.Zone {
	db := f.cfg.DB
	same, other := db.ByID(string(id)), db.Get(faces.Transfer.Apex())
	if same != nil {
		f.unpeer(same)
	}
	z := db.Reset(string(id), string(account), uint64(seq), faces.Served, faces.Transfer, l, nil)
	f.peer(z)
	if other != nil && other.ID != z.ID {
		f.unpeer(other)
		f.cfg.Removed(other)
	}
	return z
}

func (f *Feed) setLinks(z *zone.Zone, seq uint64, l zone.Links) *zone.Zone {
	f.cfg.DB.SetLinks(z.ID, seq, l)
	f.peer(z)
	return z
}

func (f *Feed) remove(z *zone.Zone) {
	f.unpeer(z)
	f.cfg.DB.Remove(z.ID)
	f.cfg.Removed(z)
}

// peer notes whether a zone has peers.
func (f *Feed) peer(z *zone.Zone) {
	if len(z.State().Links.Peers) == 0 {
		f.unpeer(z)
		return
	}
	of := f.peered[z.AccountID()]
	if of == nil {
		of = map[string]struct{}{}
		f.peered[z.AccountID()] = of
	}
	of[z.ID] = struct{}{}
}

func (f *Feed) unpeer(z *zone.Zone) {
	of := f.peered[z.AccountID()]
	if delete(of, z.ID); len(of) == 0 {
		delete(f.peered, z.AccountID())
	}
}

// Peered lists the zones of an account that are linked to peers.
func (f *Feed) Peered(account model.ID) []*zone.Zone {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]*zone.Zone, 0, len(f.peered[string(account)]))
	for id := range f.peered[string(account)] {
		if z := f.cfg.DB.ByID(id); z != nil {
			out = append(out, z)
		}
	}
	return out
}
