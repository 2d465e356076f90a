package duty

import (
	"hash/fnv"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// circle is a set of nodes as this one has heard of it.
type circle struct {
	self  int // place of this node
	epoch uint64
	nodes []uint64 // hashes
	// settled says that all nodes have heard of it: each has given up what falls to others.
	settled bool
	// before is the circle that this node held zones in, without a break, until it heard of this one; nil when settled.
	before *circle
}

// longest bounds how many unsettled circles are remembered: what was held in older ones is given up until all is settled.
const longest = 8

// newCircle takes what a renewal said. before is the circle until now, nil after a break.
func newCircle(self model.ID, c *model.Circle, before *circle) *circle {
	out := &circle{self: -1, epoch: c.Epoch, settled: true}
	for i, n := range c.Nodes {
		out.nodes = append(out.nodes, hash(n.ID))
		if n.ID == self {
			out.self = i
		} else if n.Seen < c.Epoch {
			out.settled = false
		}
	}
	if out.settled {
		return out
	}
	if before != nil && before.epoch == c.Epoch {
		before = before.before
	}
	out.before = before.shortened(longest)
	return out
}

// shortened gives the chain of circles up to so many.
func (c *circle) shortened(most int) *circle {
	if c == nil || most == 0 {
		return nil
	}
	short := *c
	short.before = c.before.shortened(most - 1)
	return &short
}

// holds says whether the zone falls to this node, and nobody else may still work for it.
func (c *circle) holds(zone uint64) bool {
	return c != nil && c.owner(zone) == c.self && (c.settled || c.before.holds(zone))
}

// owner is the place of the node with the greatest weight for the zone (rendezvous hashing).
func (c *circle) owner(zone uint64) int {
	best, most := -1, uint64(0)
	for i, n := range c.nodes {
		if w := mix(n ^ zone); best < 0 || w > most {
			best, most = i, w
		}
	}
	return best
}

func hash(id model.ID) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // never fails
	return mix(h.Sum64())
}

// mix spreads every bit over all others: two rounds of multiplying by an odd number and folding the high half down.
func mix(x uint64) uint64 {
	for _, m := range [...]uint64{0xbf58476d1ce4e5b9, 0x94d049bb133111eb} {
		x ^= x >> 29
		x *= m
	}
	return x ^ x>>32
}
