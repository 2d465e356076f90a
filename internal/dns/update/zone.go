package update

import (
	"bytes"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Zone is a zone as a message finds it and changes it: the RRsets at the names that it is about, each read once.
type Zone struct {
	Apex wire.Name
	// Read gives what stands at a name. The Zone keeps it, and changes it.
	Read func(wire.Name) (Node, error)
	// LeastTTL and MostTTL are what TTLs are brought to that are below or above, in seconds.
	LeastTTL, MostTTL uint32

	nodes map[wire.Name]Node
}

// Node is the RRsets at a name, by type; none of them is empty.
type Node map[wire.Type]*Set

// Set is an RRset.
type Set struct {
	TTL  uint32
	Data [][]byte // RDATA in canonical form, in any order
	// Own is what of Data the server keeps by itself: no message removes it.
	Own [][]byte
	// Answered says that others may stand beside a CNAME, which is answered as what it leads to.
	Answered bool
	// Set says that a message has set the TTL of all records.
	Set bool

	places map[string]int // of Data, where there is much of it
}

// few is how many data are looked through one by one. One message may be about thousands of one RRset, and whoever else wants to change
// something waits meanwhile.
const few = 16

// Has says whether data is in the set.
func (s *Set) Has(data []byte) bool { return s != nil && s.place(data) >= 0 }

// place is where data is, or -1.
func (s *Set) place(data []byte) int {
	if len(s.Data) <= few {
		return slices.IndexFunc(s.Data, func(d []byte) bool { return bytes.Equal(d, data) })
	}
	if len(s.places) != len(s.Data) {
		s.places = make(map[string]int, len(s.Data))
		for i, d := range s.Data {
			s.places[string(d)] = i
		}
	}
	if i, ok := s.places[string(data)]; ok {
		return i
	}
	return -1
}

// put adds data that is not in the set.
func (s *Set) put(data []byte) {
	if len(s.places) == len(s.Data) && len(s.Data) > few {
		s.places[string(data)] = len(s.Data)
	}
	s.Data = append(s.Data, data)
}

// drop takes the data at a place away. Of many the last takes its place.
func (s *Set) drop(at int) {
	last := len(s.Data) - 1
	if last < few {
		s.Data, s.places = slices.Delete(s.Data, at, at+1), nil
		return
	}
	delete(s.places, string(s.Data[at]))
	if at < last {
		s.Data[at] = s.Data[last]
		s.places[string(s.Data[at])] = at
	}
	s.Data[last] = nil
	s.Data = s.Data[:last]
}

func holds(list [][]byte, data []byte) bool {
	return slices.ContainsFunc(list, func(d []byte) bool { return bytes.Equal(d, data) })
}

// At is what stands at a name by now; a later change of the zone changes it, too.
func (z *Zone) At(n wire.Name) (Node, error) {
	if node, read := z.nodes[n]; read {
		return node, nil
	}
	node, err := z.Read(n)
	if err != nil {
		return nil, err
	}
	if node == nil {
		node = Node{}
	}
	if z.nodes == nil {
		z.nodes = map[wire.Name]Node{}
	}
	z.nodes[n] = node
	return node, nil
}

// used says whether a name owns any record (RFC 2136 section 2.4.4: names that only have others below them do not).
func (n Node) used() bool { return len(n) > 0 }
