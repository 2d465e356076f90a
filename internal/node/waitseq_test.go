package node

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// A position that nobody has committed holds no request, and those that are on their way hold only so many.
func TestPositionsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		p := positions{
			wait: func(ctx context.Context, _ model.Seq) error { <-ctx.Done(); return ctx.Err() },
			head: func(context.Context) (model.Seq, error) { return 10, nil },
		}
		began := time.Now()
		_, refused := errors.AsType[*model.Invalid](p.Wait(ctx, 11))
		if took := time.Since(began); !refused || took > 0 {
			t.Errorf("a position of the future: refused %t after %s", refused, took)
		}
		var held sync.WaitGroup
		for range seqWaiters {
			held.Go(func() { _ = p.Wait(ctx, 10) })
		}
		synctest.Wait()
		if err := p.Wait(ctx, 10); !errors.Is(err, model.ErrUnavailable) || time.Since(began) > 0 {
			t.Errorf("one more than there is room for: %v", err)
		}
		cancel()
		held.Wait()
	})
}
