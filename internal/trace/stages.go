package trace

import "time"

// stagesMost bounds how many stages are noted, of changes that are tried again and again.
const stagesMost = 64

// Group is what changes go through that are committed together: noted once for all of them, and told by each in its own trace.
// One goroutine notes; they tell once it is over. Nil notes nothing.
type Group struct {
	name    string
	changes int
	book    *Book
	now     func() time.Time
	leads   []Change
	begun   []stage
	until   time.Time
	left    int // stages beyond those that are noted
}

type stage struct {
	name string
	at   time.Time
}

// NewGroup is a group of so many changes, which the book is told of once they are durable. The name is that of the spans that
// the stages are below.
func NewGroup(name string, changes int, book *Book, now func() time.Time) *Group {
	return &Group{name: name, changes: changes, book: book, now: now}
}

// Begin ends the stage before and begins another. The name is one of few, written in the program.
func (g *Group) Begin(stageName string) {
	if g == nil {
		return
	}
	if len(g.begun) == stagesMost {
		g.left++
		return
	}
	g.begun = append(g.begun, stage{stageName, g.now()})
}

// LeadsTo says what the changes lead to if they become durable, instead of what was said before: they may have been planned anew.
func (g *Group) LeadsTo(changes []Change) { g.leads = changes }

// News tells other nodes what the changes lead to, as Book.News does.
func (g *Group) News() []string {
	if g == nil {
		return nil
	}
	return g.book.News(g.leads)
}

// Durable says that they are, before anybody is shown where they have led to.
func (g *Group) Durable() {
	if g == nil {
		return
	}
	g.book.Put(g.now(), g.leads...)
	g.Begin("publish")
}

// End ends the last stage.
func (g *Group) End() {
	if g != nil {
		g.until = g.now()
	}
}

// Tell records the stages below a change's span, which the change has waited for since then; failed says of what it failed.
func (g *Group) Tell(of Span, since time.Time, failed string) {
	if g == nil || len(g.begun) == 0 {
		return
	}
	all := of.Child(g.name, Internal, since, Number("headwater.changes", int64(g.changes)))
	if g.left > 0 {
		all.Set(Number("headwater.stages.left_out", int64(g.left)))
	}
	all.Child("queue", Internal, since).End(g.begun[0].at, "")
	for i, b := range g.begun {
		until := g.until
		if i+1 < len(g.begun) {
			until = g.begun[i+1].at
		}
		all.Child(b.name, Internal, b.at).End(until, "")
	}
	all.End(g.until, failed)
}
