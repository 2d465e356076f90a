package answer

import (
	"hash/maphash"

	"github.com/headwaterdns/headwater/internal/dns/prefetch"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

const (
	// keptSlots is how many answers a responder keeps, a power of two.
	keptSlots = 4096
	// keptRoom is what an answer and its query may take together, in octets: most answers without signatures do. It makes a slot 512
	// octets long, and what a responder keeps 2 MiB at most, of which the system gives as much as is used.
	keptRoom = 492
)

// kept are answers that were wanted twice and may be wanted again, octet for octet but for the identifier, as long as the zone's
// state is the same. What a few names are asked for by everybody is most of what a server hears.
//
// An answer has one place, and stays there while it is good unless the same other one is wanted there twice in a row: many that
// are asked for once do not drive it out, nor do two of one place drive out each other.
type kept struct {
	seed  maphash.Seed
	marks []mark
	slots []slot
}

// mark is what has to be read of a slot by who finds nothing there. Tags are a part of a hash, 0 for nothing.
type mark struct {
	tag  uint16 // of what is kept
	seen uint16 // of what was wanted last, and not there
}

type slot struct {
	stamp        uint64 // of the zone's state
	size         int    // the most octets of an answer, when it was written
	query, reply uint16 // their lengths in room
	room         [keptRoom]byte
}

// open makes room, once. Who answers one query now and then has no need for it, and does not come here.
func (k *kept) open() {
	*k = kept{seed: maphash.MakeSeed(), marks: make([]mark, keptSlots), slots: make([]slot, keptSlots)}
}

// hash says where the answer to q is kept; 0 if it may not be, for it says what is of its client, its way or its moment. It is keyed by a
// secret: clients choose queries, and must not be able to choose the place.
func (k *kept) hash(q *wire.Request) uint64 {
	if e := &q.EDNS; e.Cookie != nil || e.Expire || q.TCP || q.Admitted || len(q.Msg) > keptRoom/2 {
		return 0
	}
	if k.slots == nil {
		k.open()
	}
	return maphash.Bytes(k.seed, q.Msg[2:]) | 1<<tagShift
}

// tagShift leads to a hash's tag, at its other end than the number of its slot.
const tagShift = 48

// seek says whether an answer may be kept there, and has it fetched. get knows.
func (k *kept) seek(hash uint64) bool {
	i := hash % keptSlots
	if k.marks[i].tag != uint16(hash>>tagShift) {
		return false
	}
	prefetch.Lines(&k.slots[i].room[0], 3) // and what stands before it, in the same line
	return true
}

// get gives the answer to q, whose hash it is, if one is kept; its identifier is another's.
func (k *kept) get(hash, stamp uint64, q *wire.Request) []byte {
	i := hash % keptSlots
	s := &k.slots[i]
	if k.marks[i].tag != uint16(hash>>tagShift) || s.stamp != stamp || s.size != q.Size {
		return nil
	}
	query, rest := s.room[:s.query], s.room[s.query:]
	if string(query) != string(q.Msg[2:]) {
		return nil
	}
	return rest[:s.reply]
}

// put keeps the answer to q, if it is wanted for the second time.
func (k *kept) put(hash, stamp uint64, q *wire.Request, reply []byte) {
	i, tag := hash%keptSlots, uint16(hash>>tagShift)
	p := &k.marks[i]
	if p.tag != tag && p.seen != tag {
		p.seen = tag
		return
	}
	if len(q.Msg)-2+len(reply) > keptRoom {
		return
	}
	p.tag = tag
	s := &k.slots[i]
	s.stamp, s.size, s.query, s.reply = stamp, q.Size, uint16(copy(s.room[:], q.Msg[2:])), uint16(len(reply))
	copy(s.room[s.query:], reply)
}
