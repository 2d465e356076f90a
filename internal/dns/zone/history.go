package zone

// History is a chain of recent deltas of the transfer face, oldest first, immutable and bounded in octets.
type History struct {
	deltas []*Delta
	size   int
	serial uint32 // what the newest delta leads to, or the version's serial while there is none
}

// Since returns the deltas that lead from serial to the newest version, oldest first, and whether the history reaches
// back that far. From the newest serial itself it returns an empty chain and true. The chain must not be changed.
func (h History) Since(serial uint32) ([]*Delta, bool) {
	if serial == h.serial {
		return nil, true
	}
	for i := len(h.deltas) - 1; i >= 0; i-- {
		if h.deltas[i].From == serial {
			return h.deltas[i:], true
		}
	}
	return nil, false
}

// Len is the number of deltas; Size their octets.
func (h History) Len() int { return len(h.deltas) }

// Size is the octets of all deltas.
func (h History) Size() int { return h.size }

// historyMost bounds how many deltas a zone keeps, whatever their size.
const historyMost = 4096

// with gives the history with one more delta. Appending may write into an array that older histories share, behind
// their ends, where they never look: there is one writer.
func (h History) with(d *Delta, limit int) History {
	if len(h.deltas) > 0 && h.deltas[len(h.deltas)-1].To != d.From {
		h = History{}
	}
	next := History{deltas: append(h.deltas, d), size: h.size + d.Size(), serial: d.To}
	for len(next.deltas) > 0 && (next.size > limit || len(next.deltas) > historyMost) {
		next.size -= next.deltas[0].Size()
		next.deltas = next.deltas[1:]
	}
	return next
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
