package api_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
)

// TestStamp: times are written in UTC with six digits, whatever their zone.
func TestStamp(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(7, 7))
	for range 5000 {
		at := time.Unix(dice.Int64N(1<<37)-1<<35, dice.Int64N(1e9)).In(time.FixedZone("", dice.IntN(86400)-43200))
		got, want := string(api.Stamp(at).Append(nil)), at.UTC().Format(`"2006-01-02T15:04:05.000000Z"`)
		if got != want {
			t.Fatalf("%v is written %s, not %s", at, got, want)
		}
	}
	if got := string(api.Stamp{}.Append(nil)); got != "null" {
		t.Errorf("no time is written %s", got)
	}
}
