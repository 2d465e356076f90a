package course

import (
	"slices"
	"time"
)

// Version is a serial of a zone, when it was there, and when each peer was first seen with it or a later one.
type Version struct {
	Serial uint32
	On     time.Time
	Taken  map[string]time.Duration // by peer
}

// View is what is known of a zone. Strips and Hours end with the cell and the hour of now.
type View struct {
	Since    time.Time // nothing is known from before
	End      time.Time // of the last cell of strips
	HourEnd  time.Time // of the last hour
	Versions []Version // newest first
	Strips   map[string][]uint8
	Hours    []Transfers
}

// Zone tells what is known of a zone.
func (c *Course) Zone(id string) View {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Now()
	v := View{
		Since: c.since, End: now.Truncate(StripStep).Add(StripStep), HourEnd: now.Truncate(time.Hour).Add(time.Hour),
		Strips: map[string][]uint8{}, Hours: make([]Transfers, HoursKept),
	}
	z := c.of[id]
	if z == nil {
		return v
	}
	for i := range slices.Backward(z.versions) {
		one := Version{Serial: z.versions[i].serial, On: z.versions[i].on, Taken: map[string]time.Duration{}}
		for _, a := range z.versions[i].taken {
			one.Taken[a.peer] = time.Duration(a.ms) * time.Millisecond
		}
		v.Versions = append(v.Versions, one)
	}
	for peer, s := range z.peers {
		v.Strips[peer] = s.day(now)
	}
	v.Hours = z.hours.day(now)
	return v
}

// Converged is how long versions took until the last of the peers that are linked now had them, newest first. A version that was
// overtaken counts from when it was there until a later one was taken.
func (v *View) Converged(peers []string) (out []time.Duration) {
	for _, one := range v.Versions {
		last, all := time.Duration(0), len(peers) > 0
		for _, p := range peers {
			d, ok := one.Taken[p]
			last, all = max(last, d), all && ok
		}
		if all {
			out = append(out, last)
		}
	}
	return out
}
