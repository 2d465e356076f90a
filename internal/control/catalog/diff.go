package catalog

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Diff is what leads from what a catalog lists to what it should list.
type Diff struct {
	Put      []Member // new, or in another group
	Replaced []Member // another zone of that name is put: they go together with it, or the name would stand twice (RFC 9432 section 5.1)
	Lost     []Member
	had      int
}

// Compare makes a Diff; its lists are in order of the labels.
func Compare(has, wants map[string]Member) Diff {
	d := Diff{had: len(has)}
	names := make(map[wire.Name]struct{}, len(wants))
	for _, m := range wants {
		names[m.Zone] = struct{}{}
		if has[m.Unique] != m {
			d.Put = append(d.Put, m)
		}
	}
	for label, m := range has {
		if _, stays := wants[label]; stays {
			continue
		}
		if _, again := names[m.Zone]; again {
			d.Replaced = append(d.Replaced, m)
		} else {
			d.Lost = append(d.Lost, m)
		}
	}
	for _, list := range [][]Member{d.Put, d.Replaced, d.Lost} {
		slices.SortFunc(list, func(a, b Member) int { return cmp.Compare(a.Unique, b.Unique) })
	}
	return d
}

// A catalog may lose so many members at once without anybody's word, or so small a share, whichever is more: consumers throw a
// zone away with all its data as soon as it is not listed any more.
const (
	freeLosses = 3
	freeShare  = 10
)

// Held says whether the losses are so many that somebody has to confirm them.
func (d *Diff) Held() bool { return len(d.Lost) > max(freeLosses, d.had/freeShare) }

// Losses names the losses: who confirms means these, and no others that may have come since. It is empty without any.
func (d *Diff) Losses() string {
	if len(d.Lost) == 0 {
		return ""
	}
	h := sha256.New()
	for _, m := range d.Lost {
		h.Write([]byte(m.Unique + "\n"))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// byName are the replaced members by the name of their zone.
func (d *Diff) byName() map[wire.Name][]Member {
	out := map[wire.Name][]Member{}
	for _, m := range d.Replaced {
		out[m.Zone] = append(out[m.Zone], m)
	}
	return out
}

// sorted lists members in order of their labels.
func sorted(of map[string]Member) []Member {
	out := make([]Member, 0, len(of))
	for _, label := range slices.Sorted(maps.Keys(of)) {
		out = append(out, of[label])
	}
	return out
}
