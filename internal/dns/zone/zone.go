package zone

import (
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/headwaterdns/headwater/internal/dns/trust"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Peer is a linked secondary. Addr is invalid when the peer has no address.
type Peer struct {
	ID   string
	Name string
	Addr netip.AddrPort
	Key  *tsig.Key // nil for none
	Next *tsig.Key // the key that follows Key, while both open the peer's zones; nil for none
	TLS  bool      // its transfers come by TLS alone
	// ClientKeys are the digests of public keys, as wire.TLS has them and separated by spaces, of which a client certificate of the peer
	// must have one; empty: any client will do.
	ClientKeys string
	// ClientNames are names, separated by spaces, of which a client certificate of the peer must have one, under the peer's authority (in
	// PEM); empty: any client will do.
	ClientNames, Authority string
	Stripped               bool // it signs zones itself, and gets them without what signing has made
	Notify                 Notify
}

// Notify is how a peer is told of changes: in clear at its address, or by TLS.
type Notify struct {
	TLS   bool
	Port  uint16       // of TLS
	Who   trust.Server // is expected there; not looked at where Clear is set
	Clear bool         // whoever is there will do, and where TLS does not come about it is told in clear
	// From4 and From6 are the addresses that it is told from, TLS or not; invalid: the server's.
	From4, From6 netip.Addr
}

// From is the address that a peer at to is told from; invalid: the server's.
func (n *Notify) From(to netip.Addr) netip.Addr {
	if to.Unmap().Is4() {
		return n.From4
	}
	return n.From6
}

// Links are a zone's part of access: which of the account's peers it is linked to, and whether transfers are on
// (switched on and entitled).
type Links struct {
	Enabled bool
	Hidden  bool     // the zone is there for its peers alone: ACLs do not open it, and others are not answered
	Peers   []string // ids
	Groups  []string // what the zone is to each of them, in words of the operator's; nil for none
}

// State is all of a zone that readers see at one moment: one pointer load gives it whole. It is immutable.
type State struct {
	Seq      uint64 // journal position of the newest entry in it
	Served   *Version
	Transfer *Version // the same pointer as Served where the faces agree
	History  History  // deltas of the transfer face that lead to Transfer's serial, while transfers are on
	Links    Links

	stamp uint64
}

// Stamp tells a state that a DB has published from all others of all its zones. It is never 0.
func (s *State) Stamp() uint64 { return s.stamp }

// Expires is the earliest expiration of a signature of either face, in seconds since 1970; 0 where there are none. The served face
// has signatures of its own where it differs, which may be older than those of the other.
func (s *State) Expires() uint32 {
	at := s.Transfer.Expires()
	if s.Served != s.Transfer {
		if other := s.Served.Expires(); at == 0 || other != 0 && int32(other-at) < 0 {
			return other
		}
	}
	return at
}

// Zone is one zone of the database. Its state changes by whole pointers.
type Zone struct {
	ID      string
	Name    wire.Name
	state   atomic.Pointer[State]
	account *holder
}

// State loads the current state; never nil for a zone found in a DB.
func (z *Zone) State() *State { return z.state.Load() }

// AccountID is the zone's account.
func (z *Zone) AccountID() string { return z.account.id }

// history is the history with one more delta. A zone that nobody may transfer keeps none: whoever comes when transfers are
// switched on asks for all of it, or gets it. With very many zones that is half of what each would take.
func (s *State) history(d *Delta, limit int) History {
	if !s.Links.Enabled {
		return History{serial: d.To}
	}
	return s.History.with(d.Clone(), limit)
}

// step gives the state that an entry leads to. The history is never worked out ahead: it has one writer.
func (s *State) step(seq uint64, st *Step, a *Ahead, limit int) (*State, error) {
	to, err := s.faces().next(st, a)
	if err != nil {
		return nil, err
	}
	next := *s
	next.Seq, next.Served, next.Transfer = seq, to.served, to.transfer
	if !st.Transfer.Empty() && st.Transfer.From != st.Transfer.To {
		next.History = s.history(&st.Transfer, limit)
	}
	return &next, nil
}

// replay gives the state that several entries lead to.
func (s *State) replay(seq uint64, steps []*Step, limit int) (*State, error) {
	for len(steps) > 0 {
		n := max(1, alike(steps))
		next, err := s.steps(seq, steps[:n], limit)
		if err != nil {
			return nil, err
		}
		s, steps = next, steps[n:]
	}
	return s, nil
}

// alike counts the steps in front that move the serial and change both faces alike.
func alike(steps []*Step) int {
	n := slices.IndexFunc(steps, func(st *Step) bool { return st.Served != nil || st.Transfer.From == st.Transfer.To })
	if n < 0 {
		return len(steps)
	}
	return n
}

// steps takes one step, or several that are alike at once. The history gets each of them.
func (s *State) steps(seq uint64, steps []*Step, limit int) (*State, error) {
	if len(steps) == 1 {
		return s.step(seq, steps[0], nil, limit)
	}
	deltas := make([]*Delta, len(steps))
	for i, st := range steps {
		deltas[i] = &st.Transfer
	}
	one, err := Condense(deltas)
	if err != nil {
		return nil, err
	}
	next, err := s.step(seq, &Step{Transfer: *one}, nil, limit)
	if err != nil {
		return nil, err
	}
	past := *s
	for _, d := range deltas {
		past.History = past.history(d, limit)
	}
	next.History = past.History
	return next, nil
}
