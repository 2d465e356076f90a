package cores

import (
	"sync/atomic"
	"time"
)

// share is how many times as long as it was away polite work goes on before it yields again.
const share = 16

// Polite makes a function that yields a core in the midst of work of one that takes no more than its share. To yield costs
// nothing where nobody waits, and next to nothing where threads wait that need the core for a moment. But the kernel lets
// everybody through who wants to run, and beside those that compute for long, of this program or of others, who yields every
// quarter of a millisecond would hardly run at all, with others waiting for what it holds.
func Polite(yield func(), clock func() time.Time) func() {
	start := clock()
	var next atomic.Int64
	return func() {
		from := clock().Sub(start)
		if int64(from) < next.Load() {
			return
		}
		yield()
		now := clock().Sub(start)
		next.Store(int64(now + share*(now-from)))
	}
}
