package cookie

import (
	"context"
	"sync/atomic"
	"time"
)

// Jar holds the secrets as they are now. Its zero value holds none yet.
type Jar struct{ keys atomic.Pointer[Keys] }

// Keys are the secrets; nil as long as there are none. It is on the hot path.
func (j *Jar) Keys() *Keys { return j.keys.Load() }

// Run loads the secrets at once and again and again, until ctx ends. While that fails those that it has go on.
func (j *Jar) Run(ctx context.Context, every time.Duration, load func(context.Context) (*Keys, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if k, err := load(ctx); err == nil {
			j.keys.Store(k)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
