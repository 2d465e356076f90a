package answer

import (
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Config is what a Responder says of itself.
type Config struct {
	UDPSize uint16 // announced by EDNS
	NSID    string // RFC 5001; empty: none is sent
	// Agent is the domain that resolvers are told to report errors to (RFC 9567), but for those of its own names; empty: none.
	Agent wire.Name
	// Version and Hostname answer version.bind and hostname.bind (id.server) of class CH; empty ones are refused.
	Version, Hostname string
	// Now is asked when somebody asks for how long a zone's data may live; nil: signatures do not count for that.
	Now func() time.Time
}

// maxChain bounds how many CNAME and DNAME records one answer follows.
const maxChain = 16

// rcodeYXDomain answers a DNAME whose target is too long (RFC 6672 section 2.2).
const rcodeYXDomain wire.Rcode = 6

// Responder answers queries by a look into the zones. It keeps scratch space: one goroutine at a time may use it.
type Responder struct {
	db  *zone.DB
	cfg Config

	agent []byte // Config.Agent

	b     wire.Builder
	do    bool // signatures are wanted, and there are some
	m     *zone.Match
	extra zone.Match // of additional addresses
	line  [wire.InLine]inLine
	opt   wire.OPT
	kept  kept

	from *zone.Zone // that the last answer came of

	base int    // where the message begins in the buffer
	zone []byte // the apex
	apex uint16 // its offset in the message; 0: the root, to which no pointer leads

	rdata  [maxPlaces]uint16 // where the records of the last RRset written have their data
	proof  zone.Proof
	shown  [maxProofs]*byte // the proofs that are in the answer
	nShown int
	wild   [maxChain + 1]expansion // where wildcards made a part of the answer
	nWild  int

	chain [maxChain + 1][]byte      // the names followed so far, the question's first
	names [maxChain + 1]nameBuffer  // what the later ones of chain are made of
	hosts [maxAdditional]nameBuffer // whose addresses are added
}

// inLine is a request that is looked up ahead of its answer.
type inLine struct {
	zone  *zone.Zone // nil: nothing is known of it
	state *zone.State
	hash  uint64 // of the query, if its answer may be kept; 0: it may not, or nothing is known of it
	m     zone.Match
}

type nameBuffer [wire.MaxName + 8]byte

// New returns a Responder that answers from db.
func New(db *zone.DB, cfg Config) *Responder {
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return time.Time{} }
	}
	return &Responder{db: db, cfg: cfg, agent: []byte(cfg.Agent)}
}

// Begin looks up who answers q and begins to search for the name, and Near goes on with that. They are for who has other requests in hand
// while memory is read. Respond need not come, but if it does, it is for the same request, which must be as it was.
func (r *Responder) Begin(q *wire.Request) {
	l := &r.line[q.Place]
	l.zone, l.hash = nil, 0
	if q.Class != wire.ClassIN || q.Type == wire.TypeDS {
		return
	}
	if l.zone = r.db.Find(q.Name); l.zone != nil {
		l.state = l.zone.State()
		if l.hash = r.kept.hash(q); l.hash != 0 && r.kept.seek(l.hash) {
			l.m.Leave() // if another one was begun there
		} else {
			l.state.Served.Begin(q.Name, &l.m)
		}
	}
}

// Near is described with Begin.
func (r *Responder) Near(q *wire.Request) {
	r.line[q.Place].m.Near()
}

// Leave forgets a request that was begun and is not answered.
func (r *Responder) Leave(q *wire.Request) {
	l := &r.line[q.Place]
	l.zone, l.state, l.hash = nil, nil, 0
	l.m.Leave()
}

// begun gives what Begin has found of a request, which Respond is asked for now; nil is nothing.
func (r *Responder) begun(q *wire.Request) (*zone.Zone, *zone.State) {
	l := &r.line[q.Place]
	z, st := l.zone, l.state
	if l.zone, l.state = nil, nil; z == nil {
		l.m.Leave() // of one that was not answered
	}
	r.m = &l.m
	return z, st
}

// find looks for who answers q. A DS RRset is the parent's (RFC 4035 section 3.1.4.1).
func (r *Responder) find(q *wire.Request) (*zone.Zone, *zone.State) {
	z := r.db.Find(q.Name)
	if z != nil && q.Type == wire.TypeDS && len(z.Name) == len(q.Name) {
		if parent := r.db.FindParent(q.Name); parent != nil {
			z = parent
		}
	}
	if z == nil {
		return nil, nil
	}
	return z, z.State()
}

// Respond appends the response to q, a well-formed query of EDNS version 0 or without EDNS, to dst. It appends at most
// q.Size octets.
func (r *Responder) Respond(dst []byte, q *wire.Request) []byte {
	l := &r.line[q.Place]
	hash := l.hash
	if l.hash = 0; hash == 0 {
		return r.write(dst, q)
	}
	z, stamp := l.zone, l.state.Stamp()
	if kept := r.kept.get(hash, stamp, q); kept != nil {
		r.Leave(q)
		r.from = z
		n := len(dst)
		dst = append(dst, kept...)
		dst[n], dst[n+1] = byte(q.ID>>8), byte(q.ID)
		return dst
	}
	out := r.write(dst, q)
	if r.from == z { // else it is hidden, or no answer of the zone's
		r.kept.put(hash, stamp, q, out[len(dst):])
	}
	return out
}

// write is Respond, of what is not kept.
func (r *Responder) write(dst []byte, q *wire.Request) []byte {
	r.base = len(dst)
	r.b.Start(dst, q.Size, q.ID, wire.FlagQR|q.Flags&(wire.FlagRD|wire.FlagCD))
	r.b.Echo(&q.Query)
	if q.EDNS.Present {
		r.reserve(q)
	}
	r.route(q)
	if q.EDNS.Present {
		r.b.OPT(&r.opt)
	}
	return r.b.Finish()
}

// Zone is the zone that the last response came of; nil where there was none, or who asked may not know of it.
func (r *Responder) Zone() *zone.Zone { return r.from }

// reserve fills in the OPT record and keeps room for it, and for an extended error that may join it.
func (r *Responder) reserve(q *wire.Request) {
	r.opt = wire.OPT{UDPSize: r.cfg.UDPSize, DO: q.EDNS.DO, Block: q.Block, Cookie: q.Cookie}
	if q.EDNS.NSID {
		r.opt.NSID = r.cfg.NSID
	}
	if a := r.cfg.Agent; a != "" && !within(q.Name, r.agent) {
		r.opt.Agent = a
	}
	if q.Keepalive > 0 {
		r.opt.HasKeepalive, r.opt.Keepalive = true, uint16(min(q.Keepalive/(100*time.Millisecond), 0xffff))
	}
	room := infoLen
	if q.EDNS.Expire {
		room += wire.ExpireLen
	}
	if q.EDNS.ZoneVersion {
		room += wire.VersionLen
	}
	r.b.Reserve(r.opt.Len() + room)
}

// infoLen is the room of an extended error without text.
const infoLen = 6

func (r *Responder) info(code wire.InfoCode) { r.opt.HasInfo, r.opt.Info = true, code }

// route finds who answers: class CH, an error, or a zone.
func (r *Responder) route(q *wire.Request) {
	z, st := r.begun(q)
	r.from = nil
	if q.Class == wire.ClassCH {
		r.chaos(&q.Query)
		return
	}
	if q.Class != wire.ClassIN {
		r.b.SetRcode(wire.RcodeRefused)
		return
	}
	switch q.Type {
	case zone.TypeMark, wire.TypeOPT, wire.TypeTSIG, wire.TypeTKEY:
		r.b.SetRcode(wire.RcodeFormErr)
		return
	case wire.TypeNXNAME:
		// It stands in the bitmaps of compact denial, and is never asked for (RFC 9824 section 3.5).
		r.b.SetRcode(wire.RcodeFormErr)
		r.info(wire.InfoInvalidType)
		return
	case wire.TypeMAILA, wire.TypeMAILB:
		r.b.SetRcode(wire.RcodeNotImp)
		return
	}
	if z == nil {
		z, st = r.find(q)
	}
	if z == nil {
		r.b.SetRcode(wire.RcodeRefused)
		r.info(wire.InfoNotAuth)
		return
	}
	if q.Hidden = st.Links.Hidden && !q.Admitted; q.Hidden {
		r.b.SetRcode(wire.RcodeRefused)
		r.info(wire.InfoNotAuth)
		return
	}
	r.from = z
	at := len(q.Name) - len(z.Name)
	r.zone, r.apex = q.Name[at:], 0
	if len(z.Name) > 1 {
		r.apex = uint16(wire.HeaderLen + at)
	}
	r.b.SetFlags(wire.FlagAA)
	r.tell(st, &q.Query, at)
	r.follow(st.Served, &q.Query)
}

// tell says of the zone what is asked for beside the question: for how long its data may live, of the SOA at its apex alone (RFC
// 7314 section 3), and its serial with whatever comes of the question, referrals too (RFC 9660 section 3.2). reserve has kept room.
func (r *Responder) tell(st *zone.State, q *wire.Query, at int) {
	if q.EDNS.Expire && q.Type == wire.TypeSOA && at == 0 {
		r.opt.HasExpire, r.opt.Expire = true, st.Transfer.Lasts(r.cfg.Now())
	}
	if q.EDNS.ZoneVersion {
		v := st.Served
		r.opt.HasVersion, r.opt.Labels, r.opt.Serial = true, uint8(v.Apex().CountLabels()), v.Serial()
	}
}

// follow answers the question and what its aliases lead to inside the zone.
func (r *Responder) follow(v *zone.Version, q *wire.Query) {
	r.do, r.nShown, r.nWild = q.EDNS.DO && v.Signed(), 0, 0
	start := r.b.Mark()
	name, owner := q.Name, r.place(q.Name, wire.HeaderLen)
	for hop := 0; ; hop++ {
		r.chain[hop] = name
		v.Find(name, q.Type, r.m)
		r.expanded(name)
		switch r.m.Kind {
		case zone.Hit:
			if !r.signed(owner, r.m) || !r.expansions(v) {
				r.truncate(start)
				return
			}
			r.additional(v, &r.m.Set)
			return
		case zone.NoData:
			r.negative(v, name, start)
			return
		case zone.NXDomain:
			r.b.SetRcode(wire.RcodeNXDomain)
			r.negative(v, name, start)
			return
		case zone.Delegation:
			if hop == 0 {
				r.b.ClearFlags(wire.FlagAA)
			}
			r.referral(v, name[r.m.Owner:], owner.up(r.m.Owner), start)
			return
		case zone.Fail:
			r.b.Rewind(start)
			r.b.ClearFlags(wire.FlagAA)
			r.b.SetRcode(wire.RcodeServFail)
			r.info(wire.InfoNetworkError)
			return
		case zone.CNAME:
			if !r.signed(owner, r.m) {
				r.truncate(start)
				return
			}
			name = r.target(hop)
		case zone.DNAME:
			var ok bool
			if name, ok = r.redirect(name, owner, hop, start); !ok || q.Type == wire.TypeCNAME {
				r.end(v, start) // the CNAME that was made is what was asked for
				return
			}
		}
		if hop == maxChain-1 || !within(name, r.zone) || r.visited(name, hop) {
			r.end(v, start)
			return
		}
		owner = r.place(name, int(r.rdata[0]))
	}
}

// end closes an answer behind its last alias.
func (r *Responder) end(v *zone.Version, start wire.Mark) {
	if r.b.Flags()&wire.FlagTC == 0 && !r.expansions(v) {
		r.truncate(start)
	}
}

// visited says whether name was followed before: a loop, whose records stand in the answer once.
func (r *Responder) visited(name []byte, hop int) bool {
	for _, n := range r.chain[:hop+1] {
		if string(n) == string(name) {
			return true
		}
	}
	return false
}

// negative adds the SOA under the time that the answer may be kept for (RFC 2308 section 3 and 5), which its signature has as
// well (RFC 9077 section 3), and the proof.
func (r *Responder) negative(v *zone.Version, name []byte, start wire.Mark) {
	r.b.Section(wire.SectionAuthority)
	if !r.soa(v) || r.do && (!r.expansions(v) || !r.deny(v, name)) {
		r.truncate(start)
	}
}

// soa writes the SOA of a negative answer.
func (r *Responder) soa(v *zone.Version) bool {
	if r.do && r.apex != 0 {
		return r.b.Ready(v.SignedSOA(), r.apex)
	}
	s := v.SOASet()
	s.TTL = s.NegativeTTL()
	at := r.place(r.zone, int(r.apex))
	return r.set(at, &s) && (!r.do || r.signatures(at, s.Type, s.TTL, v.ApexSignatures()))
}

// truncate sends the client to TCP (RFC 2181 section 9).
func (r *Responder) truncate(start wire.Mark) {
	r.b.Rewind(start)
	r.b.SetRcode(wire.RcodeNoError)
	r.b.SetFlags(wire.FlagTC)
}

// chaos answers the names by which servers are told apart, where that is configured (RFC 4892).
func (r *Responder) chaos(q *wire.Query) {
	text := ""
	switch string(q.Name) {
	case "\x07version\x04bind\x00", "\x07version\x06server\x00":
		text = r.cfg.Version
	case "\x08hostname\x04bind\x00", "\x02id\x06server\x00":
		text = r.cfg.Hostname
	}
	if text == "" || len(text) > 255 || q.Type != wire.TypeTXT && q.Type != wire.TypeANY {
		r.b.SetRcode(wire.RcodeRefused)
		return
	}
	r.b.SetFlags(wire.FlagAA)
	m := r.b.Mark()
	buf := r.b.BeginAt(nil, wire.HeaderLen, wire.TypeTXT, wire.ClassCH, 0)
	buf = append(buf, 0, byte(len(text)+1), byte(len(text)))
	if !r.b.EndRR(m, append(buf, text...)) {
		r.truncate(m)
	}
}
