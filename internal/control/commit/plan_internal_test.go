package commit

import (
	"testing"

	"github.com/headwaterdns/headwater/internal/testkit"
)

func TestUndo(t *testing.T) {
	t.Parallel()
	var u undo
	m, v := map[string]int{"a": 1}, 5
	put(&u, m, "b", 2)
	keep := u.mark()
	put(&u, m, "a", 9)
	put(&u, m, "a", 10)
	drop(&u, m, "b")
	drop(&u, m, "none")
	assign(&u, &v, 6)
	u.back(keep)
	if diff := testkit.Diff(map[string]int{"a": 1, "b": 2}, m); diff != "" || v != 5 {
		t.Error(v, diff)
	}
	u.back(0)
	if diff := testkit.Diff(map[string]int{"a": 1}, m); diff != "" {
		t.Error(diff)
	}
}
