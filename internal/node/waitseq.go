package node

import (
	"context"
	"sync/atomic"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// seqWaiters bounds requests that wait for what another node has committed: it comes within milliseconds.
const seqWaiters = 256

// positions waits for journal positions that clients name.
type positions struct {
	wait func(ctx context.Context, seq model.Seq) error
	head func(ctx context.Context) (model.Seq, error)
	now  atomic.Int64
}

// Wait returns when this node shows a position. One that the journal does not have is refused at once: whoever was told of a
// position was told after it was committed.
func (p *positions) Wait(ctx context.Context, seq model.Seq) error {
	if p.now.Add(1) > seqWaiters {
		p.now.Add(-1)
		return model.ErrUnavailable
	}
	defer p.now.Add(-1)
	head, err := p.head(ctx)
	if err != nil {
		return err
	}
	if seq > head {
		return &model.Invalid{Code: model.CodeRequestInvalid, Message: "Headwater-Seq names a position that the journal does not have."}
	}
	return p.wait(ctx, seq)
}

// waitSeq is for the API, whose requests mostly name what this node shows.
func (n *Node) waitSeq(ctx context.Context, seq model.Seq) error {
	if n.feed.Health().Seq >= seq {
		return nil
	}
	return n.positions.Wait(ctx, seq)
}
