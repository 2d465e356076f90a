package journal

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Replaying what the journal has behind a small zone's image costs a start more than the image itself; of a large zone it
// is the image that costs more to write than its tail to replay.
const (
	smallMost  = 16 << 10 // octets of a small zone
	renewBatch = 256      // images in one commit: a change waits for no more than that
)

// RenewSmall writes new images of the small zones that have changed since theirs, for a start to load instead of the journal's
// entries. It is called before an orderly end, while everything runs, and ends early with ctx: what it leaves out is
// replayed. Journal and history stay as they are.
func (u *Upkeep) RenewSmall(ctx context.Context) error {
	if u.cfg.RenewImages == nil {
		return nil
	}
	behind := u.tails.behind()
	for len(behind) > 0 {
		some := behind[:min(len(behind), renewBatch)]
		behind = behind[len(some):]
		if err := u.renew(ctx, some); err != nil {
			return fmt.Errorf("renew images: %w", err)
		}
	}
	return nil
}

func (u *Upkeep) renew(ctx context.Context, zones []model.ID) error {
	images := make([]model.Image, 0, len(zones))
	for _, id := range zones {
		z := u.cfg.DB.ByID(string(id))
		if z == nil || !u.cfg.Duty(id) {
			continue
		}
		state := z.State()
		if state.Served.Size() > smallMost {
			continue
		}
		img := Encode(z.ID, z.AccountID(), state.Served, state.Transfer)
		img.Seq = model.Seq(state.Seq)
		images = append(images, img)
	}
	if len(images) == 0 {
		return ctx.Err()
	}
	if err := u.cfg.RenewImages(ctx, images); err != nil {
		return err
	}
	for i := range images {
		u.tails.done(images[i].Zone, images[i].Seq, 0)
	}
	u.images.Add(uint64(len(images)))
	return nil
}

// behind lists the zones that have changed since their image.
func (t *tails) behind() []model.ID {
	t.mu.Lock()
	defer t.mu.Unlock()
	var ids []model.ID
	for id, z := range t.byZone {
		if z.count > 0 {
			ids = append(ids, id)
		}
	}
	return ids
}
