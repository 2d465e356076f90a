package commit

import (
	"context"
	"errors"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// farthest is the longest step that a serial may take (RFC 1982 section 3.2): who holds the serial before it takes the one
// after it for newer.
const farthest = 1<<31 - 1

// nextSerial follows a zone's serial by one, or goes on to what was asked for. The first one after a restore is a jump: what
// the store has lost was published, and its serials must not be used for anything else.
func (s *workspace) nextSerial(ctx context.Context, z *zoneWork, serial uint32) (uint32, error) {
	mark, err := s.restoredMark(ctx)
	if err != nil {
		return 0, err
	}
	next := serial + 1
	if mark.Ever() && z.read.Seq <= mark.Seq {
		next = s.leap(z, serial, mark.Jump)
	}
	if z.raise != nil && *z.raise-serial <= farthest && *z.raise-serial > next-serial {
		next = *z.raise
	}
	return nonZero(next), nil
}

// leap goes past what may have been published after serial in the time that is lost: past the time, which serials begin
// with, by the mark's jump, and past what secondaries are known to hold, as far as those can be believed. Whether the clock
// is right does not matter: it only takes the serial back to where people expect it.
func (s *workspace) leap(z *zoneWork, serial, jump uint32) uint32 {
	const believed = farthest / 2 // who holds more than that ahead of us has another zone, or means harm
	step := jump
	if late := uint32(s.now.Unix()) - serial; late <= believed {
		step += late
	}
	for _, held := range s.cfg.Held(z.row.ID) {
		if ahead := held - serial; ahead <= believed {
			step = max(step, ahead+1)
		}
	}
	return serial + step
}

// firstSerial is the time, or one more than the last zone of this name had, whichever is newer (RFC 1982): a secondary
// that still holds the old zone takes the new one. After a restore there may have been such a zone in what was lost.
func (p *plan) firstSerial(ctx context.Context, n wire.Name) (uint32, error) {
	serial := uint32(p.now.Unix())
	mark, err := p.restoredMark(ctx)
	if err != nil {
		return 0, err
	}
	if past := uint32(mark.At.Unix()) + mark.Jump; !mark.At.IsZero() && wire.SerialNewer(past, serial) {
		serial = past
	}
	last, err := p.tx.LastSerial(ctx, n)
	if z := p.named[n]; z != nil && z.gone && !z.fresh {
		last, err = z.row.Serial, nil
	}
	if errors.Is(err, model.ErrNotFound) {
		return nonZero(serial), nil
	}
	if err == nil && !wire.SerialNewer(serial, last) {
		serial = last + 1
	}
	return nonZero(serial), wrap(err, "last serial of %s", n.Host())
}

// raiseSerial plans a version with a serial that somebody asked for. Serials have no end but a horizon (RFC 1982): a number
// is ahead of another by less than half the space, or it is behind. What looks larger and is behind by that rule is refused,
// for secondaries would take it for older.
func (p *plan) raiseSerial(ctx context.Context, e model.RaiseSerial) (model.Outcome, error) {
	z, err := p.zone(ctx)
	if err != nil {
		return model.Outcome{}, err
	}
	now := z.row.Serial
	if z.raise != nil {
		now = *z.raise
	}
	switch wanted := nonZero(e.AtLeast); {
	case wanted == now || e.AtLeast < now && wire.SerialNewer(now, wanted):
		return zoneOutcome(z), nil
	case !wire.SerialNewer(wanted, now):
		return model.Outcome{}, invalid(model.CodeSerial, "The serial cannot go from %d to %d in one step: it may be raised by 2147483647 at most "+
			"(RFC 1982), to %d, because secondaries take anything farther off for older.", now, e.AtLeast, nonZero(now+farthest))
	case z.fresh:
		assign(&p.undo, &z.row.Serial, wanted)
		assign(&p.undo, &z.serial, wanted)
	default:
		assign(&p.undo, &z.raise, &wanted)
		p.touch(z, z.row.Name)
	}
	p.audit(auditOf{
		action: "update", legacy: "set", resource: "zone.serial", id: z.row.ID,
		before: model.AuditFacts{{Name: "serial", Number: int64(now)}}, after: model.AuditFacts{{Name: "at_least", Number: int64(e.AtLeast)}},
	})
	return zoneOutcome(z), nil
}

// restoredMark reads the store's mark once for a group.
func (s *workspace) restoredMark(ctx context.Context) (model.Restored, error) {
	if s.mark == nil {
		mark, err := s.tx.Restored(ctx)
		if err != nil {
			return mark, fmt.Errorf("was the store restored: %w", err)
		}
		s.mark = &mark
	}
	return *s.mark, nil
}

// nonZero passes over 0, which some software takes for none at all.
func nonZero(serial uint32) uint32 {
	if serial == 0 {
		return 1
	}
	return serial
}
