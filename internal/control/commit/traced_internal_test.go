package commit

import (
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/trace"
)

// TestUntracedCostsNothing: what a change does for its trace is nothing where nobody traces, and nothing where this one is not recorded.
func TestUntracedCostsNothing(t *testing.T) {
	group := []*request{{ctx: t.Context()}, {ctx: t.Context()}}
	for name, book := range map[string]*trace.Book{"off": nil, "not recorded": trace.NewBook()} {
		c := &Committer{cfg: Config{Traced: book}}
		var s workspace
		if n := testing.AllocsPerRun(100, func() {
			for _, r := range group {
				r.traced = c.trace(r.ctx)
			}
			of := c.tracing(group)
			of.Begin("lock")
			s.leadsTo(group, of)
			of.Durable()
			of.End()
			tracedBy(of, group, nil)
			for _, r := range group {
				r.told()
			}
			group[0].traced.alone(c, "zone", 1).End()
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// told is a span that knows whether it failed.
type told struct{ failed chan string }

func (s told) Child(string, trace.Kind, time.Time, ...trace.Attr) trace.Span { return s }
func (told) Event(string, time.Time, ...trace.Attr)                          {}
func (told) Set(...trace.Attr)                                               {}
func (told) Traceparent() string                                             { return "" }
func (s told) End(_ time.Time, failed string) {
	if failed != "" {
		s.failed <- failed
	}
}

// TestFailureIsNamedByItsKind: what a refusal says may repeat the record; its trace does not.
func TestFailureIsNamedByItsKind(t *testing.T) {
	t.Parallel()
	s := told{make(chan string, 1)}
	c := &Committer{cfg: Config{Traced: trace.NewBook(), Clock: time.Now}}
	r := &request{ctx: trace.With(t.Context(), s), err: invalid(model.CodeRequestInvalid, "the secret of %s", "somebody")}
	r.traced = c.trace(r.ctx)
	of := c.tracing([]*request{r})
	of.Begin("plan")
	of.End()
	tracedBy(of, []*request{r}, nil)
	r.told()
	if got := <-s.failed; got != "refused" {
		t.Errorf("%q", got)
	}
}
