package primary

import (
	"context"
	"sync"

	"github.com/headwaterdns/headwater/internal/control/model"
)

type tails struct {
	sync.Mutex
	byZone map[model.ID]*tail
	wake   chan struct{}
}
type tail struct{}
type counters struct{}

// Run commits changes until ctx ends.
func (p *Primary) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Maintain keeps images fresh and the journal short until ctx ends.
func (p *Primary) Maintain(ctx context.Context) error { <-ctx.Done(); return nil }

// Observe counts a journal entry; feed calls it for each.
func (p *Primary) Observe(e model.Entry) {}
