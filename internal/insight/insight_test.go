package insight

import (
	"slices"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/watch"
)

// A state without a rank would be shown as not known.
func TestEveryStateHasARank(t *testing.T) {
	t.Parallel()
	for _, s := range watch.States() {
		if slices.Index(severity, s) <= 0 {
			t.Errorf("%s has none", s)
		}
	}
}
