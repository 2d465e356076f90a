package api

import (
	"errors"
	"net/http"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// All imports together hold no more than is allowed, those of an account leave something for others, and who is refused learns
// whether to come again.
func TestMemoryOfImportsIsShared(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	m := newMemory(8 * mib)
	status := func(err error) int {
		if bad, ok := errors.AsType[*model.Invalid](err); ok {
			return bad.Status
		}
		return 0
	}
	a, b, c := m.Share("one"), m.Share("one"), m.Share("two")
	for _, tt := range []struct {
		share *MemoryShare
		take  int64
		want  int
	}{
		{a, 100, 0},
		{a, 4 * mib, 0},
		{b, mib, 0},
		{b, mib, http.StatusTooManyRequests},
		{a, 4 * mib, http.StatusRequestEntityTooLarge},
		{c, 2 * mib, 0},
		{c, mib, http.StatusTooManyRequests},
		{c, 7 * mib, http.StatusRequestEntityTooLarge},
	} {
		if got := status(tt.share.Take(tt.take)); got != tt.want {
			t.Errorf("taking %d: %d, want %d; %d of %d are used", tt.take, got, tt.want, m.used, m.most)
		}
	}
	for _, s := range []*MemoryShare{a, b, c, a} {
		s.Give()
	}
	if m.used != 0 || len(m.byAccount) != 0 {
		t.Errorf("%d octets are held by nobody, %v", m.used, m.byAccount)
	}
}
