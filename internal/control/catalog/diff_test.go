package catalog_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/catalog"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// listed makes members of words "label:zone:group".
func listed(words ...string) map[string]catalog.Member {
	out := map[string]catalog.Member{}
	for _, w := range words {
		f := strings.Split(w+"::", ":")
		out[f[0]] = catalog.Member{Unique: f[0], Zone: wire.MustName(f[1]), Group: f[2]}
	}
	return out
}

func TestCompare(t *testing.T) {
	t.Parallel()
	labels := func(list []catalog.Member) string {
		var out []string
		for _, m := range list {
			out = append(out, m.Unique)
		}
		return strings.Join(out, " ")
	}
	for _, tt := range []struct {
		name                string
		has, wants          map[string]catalog.Member
		put, replaced, lost string
		held                bool
	}{
		{"nothing to do", listed("a:one", "b:two:g"), listed("a:one", "b:two:g"), "", "", "", false},
		{"new ones", listed("a:one"), listed("a:one", "b:two", "c:three"), "b c", "", "", false},
		{"another group", listed("a:one"), listed("a:one:g"), "a", "", "", false},
		{"the last one", listed("a:one"), listed(), "", "", "a", false},
		{"three of three", listed("a:one", "b:two", "c:three"), listed(), "", "", "a b c", false},
		{"four of four", listed("a:one", "b:two", "c:three", "d:four"), listed(), "", "", "a b c d", true},
		{"made again", listed("a:one", "b:two"), listed("b:two", "c:one"), "c", "a", "", false},
		{"a name that stands twice", listed("a:one", "b:one"), listed("b:one"), "", "a", "", false},
		{
			"all made again", listed("a:one", "b:two", "c:three", "d:four"), listed("e:one", "f:two", "g:three", "h:four"),
			"e f g h", "a b c d", "", false,
		},
	} {
		d := catalog.Compare(tt.has, tt.wants)
		if labels(d.Put) != tt.put || labels(d.Replaced) != tt.replaced || labels(d.Lost) != tt.lost || d.Held() != tt.held || (d.Losses() == "") != (tt.lost == "") {
			t.Errorf("%s: %+v, held %v", tt.name, d, d.Held())
		}
	}
}

// A tenth goes without a word, and what is confirmed is these losses and no others.
func TestHeld(t *testing.T) {
	t.Parallel()
	has := map[string]catalog.Member{}
	for i := range 100 {
		label := fmt.Sprint("m", i)
		has[label] = catalog.Member{Unique: label, Zone: wire.MustName(label + ".example")}
	}
	wants := func(lost ...int) map[string]catalog.Member {
		out := maps.Clone(has)
		for _, i := range lost {
			delete(out, fmt.Sprint("m", i))
		}
		return out
	}
	ten, more := catalog.Compare(has, wants(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)), catalog.Compare(has, wants(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10))
	same, other := catalog.Compare(has, wants(10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)), catalog.Compare(has, wants(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11))
	if ten.Held() || !more.Held() {
		t.Errorf("ten of a hundred held: %v; eleven: %v", ten.Held(), more.Held())
	}
	if more.Losses() != same.Losses() || more.Losses() == other.Losses() {
		t.Error("losses are not told apart")
	}
}

func TestGroupText(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{"gold": true, "a.b-c_D9": true, "": false, "two words": false, `"`: false, strings.Repeat("a", 64): false, "é": false} {
		if catalog.GroupText(text) != ok {
			t.Errorf("%q: %v", text, !ok)
		}
	}
}
