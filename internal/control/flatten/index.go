package flatten

import (
	"iter"
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// index finds the targets that a zone of an account has a part in: those at or below its apex, and those whose aliases led
// through it. All names below an apex stand beside each other.
type index struct{ tree *btree.BTreeG[indexed] }

// indexed is a name of a target's chain. path is the name from the root on, each label behind its length, so that what is
// above a name is the beginning of its path.
type indexed struct {
	account model.ID
	path    string
	target  *target
}

func newIndex() index {
	return index{btree.NewBTreeGOptions(before, btree.Options{NoLocks: true})}
}

func before(a, b indexed) bool {
	switch {
	case a.account != b.account:
		return a.account < b.account
	case a.path != b.path:
		return a.path < b.path
	}
	return a.number() < b.number()
}

func (i indexed) number() uint64 {
	if i.target == nil {
		return 0
	}
	return i.target.number
}

func pathOf(n wire.Name) string {
	var starts [128]int
	count := 0
	for at := 0; n[at] != 0; at += int(n[at]) + 1 {
		starts[count] = at
		count++
	}
	out := make([]byte, 0, len(n))
	for count--; count >= 0; count-- {
		at := starts[count]
		out = append(out, n[at:at+1+int(n[at])]...)
	}
	return string(out)
}

// within yields the targets of an account of whose chain a name is at or below apex, some of them more than once. The
// index must stay as it is meanwhile.
func (x *index) within(account model.ID, apex wire.Name) iter.Seq[*target] {
	path := pathOf(apex)
	return func(yield func(*target) bool) {
		x.tree.Ascend(indexed{account: account, path: path}, func(i indexed) bool {
			return i.account == account && strings.HasPrefix(i.path, path) && yield(i.target)
		})
	}
}

// set replaces the names of a target's chain.
func (x *index) set(t *target, chain []wire.Name) {
	if slices.Equal(t.chain, chain) {
		return
	}
	for _, n := range t.chain {
		x.tree.Delete(indexed{t.key.Account, pathOf(n), t})
	}
	for _, n := range chain {
		x.tree.Set(indexed{t.key.Account, pathOf(n), t})
	}
	t.chain = chain
}
