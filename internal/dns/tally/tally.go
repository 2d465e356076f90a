// Package tally picks, of what strangers can cause at will, the few that get a line of the log, and counts the rest.
//
// Events are told apart by where they come from and what they are. The first of a kind in a window get a line each, within
// a bound on lines altogether; the others are counted, and told as one line when the window ends. So a flood costs
// as many lines as a trickle, and no flood hides what is different. Memory is bounded likewise. The package knows no
// log: it says what is to be written.
package tally

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Config makes a Tally. Zero values mean the defaults stated.
type Config struct {
	// Window is after what time counts are told and begin anew; default 1 min.
	Window time.Duration
	// Each is how many events of one kind and source get a line of their own in a window; default 3. Those that can be sent
	// in anybody's name get one.
	Each int
	// Lines bounds the lines of a window in all; default 120. Events that can be sent in anybody's name get a quarter of it.
	Lines int
	// Kinds bounds how many kinds are told apart by source in a window; default 1,000. Beyond it sources are not looked at.
	Kinds int
}

// Event is what is counted: What must be one of few words, none of them a stranger's.
type Event struct {
	Source    netip.Addr
	What      string
	Forgeable bool // it came by a datagram without a signature: the source may be anybody's
}

// Rest is what got no line of its own in a window.
type Rest struct {
	What   string
	Source netip.Prefix // an IPv4 address or an IPv6 /64; invalid where there were too many to tell apart
	Count  uint64
}

type kind struct {
	source netip.Prefix
	what   string
}

type count struct{ lines, rest uint64 }

// pool is what is counted in a window, apart for forgeable events, so that those hide no others.
type pool struct {
	of    map[kind]count
	lines int
}

func newPools() [2]pool { return [2]pool{{of: map[kind]count{}}, {of: map[kind]count{}}} }

// Tally counts. Its methods may be called from anywhere.
type Tally struct {
	cfg   Config
	mu    sync.Mutex
	pools [2]pool // forgeable events at 1
}

// New returns a Tally.
func New(cfg Config) *Tally {
	cfg.Window = cmp.Or(cfg.Window, time.Minute)
	cfg.Each = cmp.Or(cfg.Each, 3)
	cfg.Lines = cmp.Or(cfg.Lines, 120)
	cfg.Kinds = cmp.Or(cfg.Kinds, 1000)
	return &Tally{cfg: cfg, pools: newPools()}
}

// Window is how often Rest should be asked for.
func (t *Tally) Window() time.Duration { return t.cfg.Window }

// Line counts an event and says whether it gets a line of its own.
func (t *Tally) Line(e Event) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	each, most, p := uint64(t.cfg.Each), t.cfg.Lines, &t.pools[0]
	if e.Forgeable {
		each, most, p = 1, t.cfg.Lines/4, &t.pools[1]
	}
	k := kind{source: sourceOf(e.Source), what: e.What}
	c, known := p.of[k]
	if !known && len(p.of) >= t.cfg.Kinds {
		k.source = netip.Prefix{}
		c = p.of[k]
	}
	line := c.lines < each && p.lines < most && k.source.IsValid()
	if line {
		c.lines++
		p.lines++
	} else {
		c.rest++
	}
	p.of[k] = c
	return line
}

// sourceOf is what counts as one source.
func sourceOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.Prefix(bits)
	return p
}

// Rest tells what got no line in the window that ends now, the most frequent first, and begins the next. Beyond twenty
// sources of one kind are told together.
func (t *Tally) Rest() []Rest {
	t.mu.Lock()
	pools := t.pools
	t.pools = newPools()
	t.mu.Unlock()
	var out []Rest
	for _, p := range pools {
		for k, c := range p.of {
			if c.rest > 0 {
				out = append(out, Rest{What: k.what, Source: k.source, Count: c.rest})
			}
		}
	}
	slices.SortFunc(out, func(a, b Rest) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.What, b.What), a.Source.Addr().Compare(b.Source.Addr()))
	})
	return fold(out)
}

const sourcesMost = 20

// fold joins all but the first few by what they are.
func fold(list []Rest) []Rest {
	out := list[:min(len(list), sourcesMost)]
	at := map[string]int{}
	for _, r := range list[len(out):] {
		i, known := at[r.What]
		if !known {
			i = len(out)
			at[r.What] = i
			out = append(slices.Clip(out), Rest{What: r.What})
		}
		out[i].Count += r.Count
	}
	return out
}
