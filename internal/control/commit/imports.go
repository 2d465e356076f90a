package commit

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Changes of a zone's records wait for an import so long, and ask so often about one of another node.
const (
	importPatience = 15 * time.Second
	importPause    = 250 * time.Millisecond
)

// errImporting is the answer to changes of records that come while an import is on its way. It may be tried again.
func errImporting() error {
	e := invalid(model.CodeImporting, "An import into this zone is on its way. Try again when it is over.")
	e.Status = 503
	return e
}

func isImporting(err error) bool {
	var bad *model.Invalid
	return errors.As(err, &bad) && bad.Code == model.CodeImporting
}

// imports are the large imports of this node, by zone.
type imports struct {
	mu     sync.Mutex
	byZone map[model.ID]chan struct{} // closed at the end
}

// begin notes an import until end is called.
func (i *imports) begin(zone model.ID) (end func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.byZone == nil {
		i.byZone = map[model.ID]chan struct{}{}
	}
	over := make(chan struct{})
	i.byZone[zone] = over
	return func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		delete(i.byZone, zone)
		close(over)
	}
}

// wait returns when an import into a zone may be over; false when patience or the context are at their end before.
func (i *imports) wait(ctx context.Context, zone model.ID, patience time.Time) bool {
	left := time.Until(patience)
	if left <= 0 {
		return false
	}
	i.mu.Lock()
	over := i.byZone[zone]
	i.mu.Unlock()
	if over == nil {
		left = min(left, importPause)
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-over:
		return true
	case <-timer.C:
		return over == nil
	case <-ctx.Done():
		return false
	}
}
