package alarm

import (
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// condition is a rule that is broken, or whose alarm is raised: what is kept of it between two looks.
type condition struct {
	raised bool      // in the store, as far as is known
	since  time.Time // the rule is broken without a break; zero: it is not
	clear  time.Time // and not broken, while raised; zero: it is
}

// step takes a verdict, and says what is to be done (raise or clear, if anything) and when to look again.
func (c *condition) step(v *verdict, set model.AlarmSetting, now time.Time, first bool) (change, raise bool, again time.Time) {
	is := v.is
	if !set.Enabled {
		is = no
	}
	switch is {
	case unsure:
	case yes:
		c.clear = time.Time{}
		if c.since.IsZero() {
			c.since = now
			if (first || v.sure) && !v.since.IsZero() && v.since.Before(now) { // it began before this process looked
				c.since = v.since
			}
		}
	case no:
		c.since = time.Time{}
		if c.raised && c.clear.IsZero() {
			c.clear = now
		}
	}
	switch {
	case !c.raised && !c.since.IsZero():
		at := c.since.Add(set.After)
		if v.now || !now.Before(at) {
			return true, true, time.Time{}
		}
		return false, false, at
	case c.raised && !c.clear.IsZero():
		at := c.clear.Add(set.Clear)
		if !set.Enabled || !now.Before(at) {
			return true, false, time.Time{}
		}
		return false, false, at
	}
	return false, false, time.Time{}
}

// idle says that there is nothing to be kept.
func (c *condition) idle() bool { return !c.raised && c.since.IsZero() }
