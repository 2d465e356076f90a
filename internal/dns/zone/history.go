package zone

import "slices"

// History is a chain of recent deltas of the transfer face, oldest first, immutable and bounded in octets.
type History struct {
	*chain
	serial uint32 // what the newest delta leads to, or the version's serial while there is none
}

// chain holds the deltas of a history; most zones have none.
type chain struct {
	deltas []*Delta
	size   int
}

// Since returns the deltas that lead from serial to the newest version, oldest first, and whether the history reaches
// back that far. From the newest serial itself it returns an empty chain and true. The chain must not be changed.
func (h History) Since(serial uint32) ([]*Delta, bool) {
	if serial == h.serial {
		return nil, true
	}
	for i := h.Len() - 1; i >= 0; i-- {
		if h.deltas[i].From == serial {
			return h.deltas[i:], true
		}
	}
	return nil, false
}

// Len is the number of deltas.
func (h History) Len() int {
	if h.chain == nil {
		return 0
	}
	return len(h.deltas)
}

// Size is the octets of all deltas.
func (h History) Size() int {
	if h.chain == nil {
		return 0
	}
	return h.size
}

// historyMost bounds how many deltas a zone keeps, whatever their size.
const historyMost = 4096

// with gives the history with one more delta. Appending may write into an array that older histories share, behind
// their ends, where they never look: there is one writer. Where the limit is passed, a quarter more than needed is
// dropped and the rest moved to an array of its own, so that the dropped deltas are free and moving stays rare.
func (h History) with(d *Delta, limit int) History {
	next := &chain{}
	if n := h.Len(); n > 0 && h.deltas[n-1].To == d.From {
		*next = *h.chain
	}
	next.deltas, next.size = append(next.deltas, d), next.size+d.Size()
	if next.size > limit || len(next.deltas) > historyMost {
		drop := 0
		for drop < len(next.deltas) && (next.size > limit/4*3 || len(next.deltas)-drop > historyMost/4*3) {
			next.size -= next.deltas[drop].Size()
			drop++
		}
		next.deltas = slices.Clone(next.deltas[drop:])
	}
	return History{chain: next, serial: d.To}
}

func newHistory(serial uint32, deltas []*Delta, limit int) History {
	h := History{serial: serial}
	for _, d := range deltas {
		h = h.with(d, limit)
	}
	if h.serial != serial {
		return History{serial: serial} // the chain leads elsewhere: better none than a wrong one
	}
	return h
}

// HistoryShare is what of a signed zone's size its history may take: its signatures are renewed all the time, and whoever follows it
// must not fall back to AXFR for having been away for a day.
const HistoryShare = 2

// reach is how many octets of history a version has, where others have least.
func (v *Version) reach(least int) int {
	if !v.Signed() {
		return least
	}
	return max(least, v.size/HistoryShare)
}
