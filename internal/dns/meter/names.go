package meter

import (
	"cmp"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// namesMost bounds the names that are told apart of a zone and an hour.
const namesMost = 64

type question struct {
	name  string // lower case, wire form
	kind  wire.Type
	class Class
}

// sketch counts the most frequent questions in a bounded space (Metwally and others, 2005: Space-Saving): one for which there is no room
// takes the place, and the count, of the rarest. What is frequent is never missed, and counted too high by at most that.
type sketch struct {
	of    map[question]uint32
	total uint64
}

func (s *sketch) add(q question) {
	if s.of == nil {
		s.of = map[question]uint32{}
	}
	s.total++
	if n, ok := s.of[q]; ok || len(s.of) < namesMost {
		s.of[q] = n + 1
		return
	}
	var rarest question
	least := uint32(1<<32 - 1)
	for k, n := range s.of {
		if n < least {
			rarest, least = k, n
		}
	}
	delete(s.of, rarest)
	s.of[q] = least + 1
}

// names are the sketches of this hour and of the one before.
type names struct {
	now, before sketch
	hour        int64
}

func (n *names) turn(now time.Time) {
	hour := now.Unix() / 3600
	switch hour {
	case n.hour:
		return
	case n.hour + 1:
		n.before = n.now
	default:
		n.before = sketch{}
	}
	n.now, n.hour = sketch{}, hour
}

// Asked is a question and in how many of the samples it was.
type Asked struct {
	Name  wire.Name
	Type  wire.Type
	Class Class
	Count uint64
}

// top lists the most frequent questions of both hours, and how many samples there are.
func (n *names) top(now time.Time, most int) (list []Asked, total uint64) {
	n.turn(now)
	sum := map[question]uint64{}
	for _, s := range []*sketch{&n.now, &n.before} {
		total += s.total
		for q, c := range s.of {
			sum[q] += uint64(c)
		}
	}
	for q, c := range sum {
		list = append(list, Asked{wire.Name(q.name), q.kind, q.class, c})
	}
	slices.SortFunc(list, func(a, b Asked) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Class, b.Class))
	})
	return list[:min(len(list), most)], total
}
