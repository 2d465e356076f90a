package face

import (
	"net/netip"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Context is what the rendering of a zone depends on besides its rows. All of it is given: to render the same rows in the same
// context gives the same RRsets, on every node and at every time.
type Context struct {
	Zone    *model.Zone
	Keys    []model.ZoneKey // what the zone is signed with
	DNSOnly bool            // nothing acts as proxied
	Pool    []netip.Addr    // edge addresses, of both families
	// Lookup tells what is known of a flattened CNAME's target; it looks up nothing itself.
	Lookup func(target wire.Name) model.Flattened
	// Want tells that what stands at owner depends on target.
	Want func(owner, target wire.Name)
}

// Name is one owner to render: its rows, and what the two faces hold there now, for flattened names whose target nobody
// has looked up since the start. Kept is false when the CNAME itself has changed: then nothing of that may go on.
type Name struct {
	Owner            wire.Name
	Rows             []*model.Record
	Served, Transfer []rr.Set
	Kept             bool
}

// Faces are the RRsets of one owner as answered and as transferred, the SOA left out.
type Faces struct{ Served, Transfer []rr.Set }
