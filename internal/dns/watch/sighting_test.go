package watch_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/watch"
)

// Which key a peer uses follows from what all nodes saw. A sighting is node, key ("o" or "n", in capitals when it is certain), since and
// until when, in minutes.
func TestUses(t *testing.T) {
	t.Parallel()
	for seen, want := range map[string]watch.KeyUse{
		"": watch.UseUnseen, "a X 1 2": watch.UseUnseen,
		"a O 1 2": watch.UsesOld, "a o 1 2": watch.UsesOld, "a N 1 2": watch.UsesNew, "a n 1 2": watch.UseUnsure,
		"a O 1 2,a N 3 3": watch.UsesNew, "a N 1 2,a O 3 3": watch.UsesOld, "a N 1 2,a O 2 2": watch.UsesOld, "a O 1 2,a n 3 3": watch.UsesOld,
		// Another node began to see the new key after the old one was seen here for the last time, or before.
		"a O 1 2,b N 3 4": watch.UsesNew, "a O 1 5,b N 3 4": watch.UsesOld, "a O 1 5,b N 3 9": watch.UsesOld, "a O 1 5,b n 6 9": watch.UsesOld,
		"a O 1 5,a N 6 6,b N 3 9": watch.UsesNew, "a O 1 5,b N 3 184": watch.UsesOld, "a O 1 5,b N 3 185": watch.UsesNew,
		"a O 1 5,b O 1 7,c N 6 9": watch.UsesOld, "a n 1 9,b N 3 4": watch.UsesNew,
	} {
		var list []watch.Sighting
		for s := range strings.SplitSeq(seen, ",") {
			f := strings.Fields(s)
			if len(f) < 4 {
				continue
			}
			at := func(i int) time.Time {
				n, err := strconv.Atoi(f[i])
				if err != nil {
					t.Fatal(err)
				}
				return time.Unix(0, 0).Add(time.Duration(n) * time.Minute)
			}
			list = append(list, watch.Sighting{Node: f[0], Key: strings.ToLower(f[1]), Certain: f[1] == strings.ToUpper(f[1]), Since: at(2), Seen: at(3)})
		}
		if got, on := watch.Uses(list, "o", "n"); got != want || on.IsZero() != (want == watch.UseUnseen) {
			t.Errorf("%s: %s, %s, want %s", seen, got, on, want)
		}
	}
}
