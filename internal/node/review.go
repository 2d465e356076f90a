package node

import (
	"context"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/preview"
	"github.com/headwaterdns/headwater/internal/control/review"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// review compares the two faces of a zone; a zone that is not in memory (yet) has nothing to compare.
func (n *Node) review(ctx context.Context, z model.Zone) (model.Review, error) {
	mem := n.db.ByID(string(z.ID))
	if mem == nil {
		return model.Review{}, nil
	}
	return n.reviewAs(ctx, &z, face.Of(mem.State()), nil)
}

// reviewAs is that for a zone as it would be, with the faces and rows given; it may not be there yet.
func (n *Node) reviewAs(ctx context.Context, z *model.Zone, v face.Versions, rows *preview.Rows) (model.Review, error) {
	mem := n.db.ByID(string(z.ID))
	var access zone.Access
	if mem != nil {
		access = mem.Access()
	}
	in := review.Input{
		Zone: z, State: &zone.State{Served: v.Served, Transfer: v.Transfer}, Access: access, Now: time.Now(),
		Records: func(ctx context.Context, q model.RecordQuery, yield func(*model.Record) error) error {
			stored := func(yield func(*model.Record) error) error { return n.store.Records(ctx, z.ID, q, yield) }
			if rows == nil {
				return stored(yield)
			}
			return rows.Records(stored, yield)
		},
		Find: func(name wire.Name) *zone.Version {
			at := n.db.Find([]byte(name))
			switch {
			case at == nil || at.AccountID() != string(z.Account):
				return nil
			case at.ID == string(z.ID):
				return v.Served
			}
			return at.State().Served
		},
		Inside: func(ctx context.Context) ([]model.Zone, error) { return n.store.ZonesBelow(ctx, z.Name, review.Most) },
	}
	if z.DNSSEC.Signed && mem != nil {
		n.reviewServers(&in, mem)
	}
	return review.Of(ctx, in)
}

// reviewServers adds what has been seen of who serves a signed zone.
func (n *Node) reviewServers(in *review.Input, mem *zone.Zone) {
	for _, v := range n.watch.Peers(mem) {
		s := review.Secondary{Name: v.Peer.Name}
		if v.State != watch.InStep && v.Known {
			s.Behind = v.Since
		}
		in.Secondaries = append(in.Secondaries, s)
	}
	for _, s := range n.watch.NameServers(mem) {
		if !s.Addr.IsValid() || s.Seen.IsZero() {
			continue
		}
		linked := slices.ContainsFunc(in.Access.Peers, func(p zone.Peer) bool { return p.Addr.Addr().Unmap() == s.Addr.Unmap() })
		in.Servers = append(in.Servers, review.Server{Name: s.Name, Addr: s.Addr.String(), Ours: linked || s.State == watch.InStep})
	}
}

// signing tells of the signatures that anybody gets.
func (n *Node) signing(z *model.Zone) (out api.SigningFacts) {
	mem := n.db.ByID(string(z.ID))
	if mem == nil {
		return out
	}
	if z.DNSSEC.Work {
		out.Progress = n.progress(z, mem)
	}
	expires := mem.State().Expires()
	if expires == 0 {
		return out
	}
	// Serial arithmetic of RFC 4034 section 3.1.5.
	now := time.Now()
	out.Expires = now.Add(time.Duration(int32(expires-uint32(now.Unix()))) * time.Second).Truncate(time.Second)
	return out
}

// progress tells how far a zone's signing beside its life has come, which another node may be at.
func (n *Node) progress(z *model.Zone, mem *zone.Zone) *api.SigningProgress {
	v := mem.State().Transfer
	out := &api.SigningProgress{What: "first signing", Total: v.Records(), Since: z.DNSSEC.Modified}
	switch {
	case v.Signed() && z.DNSSEC.Status == "":
		out.What = "taking signatures away"
	case v.Signed():
		out.What = "signing all anew"
	}
	var now model.Signing
	there := false
	if n.commit != nil {
		now, there = n.commit.Signing(z.ID)
	}
	if !there && n.store.Shared() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		now, there, _ = n.store.Signing(ctx, z.ID) // it is only told of
	}
	if there {
		out.Done, out.Total, out.Since = now.Done, now.Total, now.Since
	}
	return out
}

// tellSigning tells other nodes how far large zones are signed; nil where there are no others.
func (n *Node) tellSigning() func(ctx context.Context, zone model.ID, now *model.Signing) {
	if !n.store.Shared() {
		return nil
	}
	return func(ctx context.Context, zone model.ID, now *model.Signing) {
		var err error
		if now == nil {
			err = n.store.EndSigning(ctx, zone)
		} else {
			err = n.store.PutSigning(ctx, zone, *now)
		}
		if err != nil {
			n.log.Debug("other nodes are not told how far a zone is signed", "zone", zone, "error", err)
		}
	}
}
