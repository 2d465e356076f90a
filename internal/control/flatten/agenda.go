package flatten

import (
	"container/heap"
	"time"
)

// timed is what waits in an agenda until a time. slot tells where in the agenda, and is that agenda's to write.
type timed interface {
	comparable
	when() time.Time
	slot() *int
}

// nowhere is the slot of what stands in no agenda.
const nowhere = -1

// agenda holds what waits, the earliest first.
type agenda[T timed] struct{ items entries[T] }

// first is what waits the shortest; ok is false when nothing does.
func (a *agenda[T]) first() (x T, ok bool) {
	if len(a.items) == 0 {
		return x, false
	}
	return a.items[0], true
}

// put adds x, or moves it when its time is another than before.
func (a *agenda[T]) put(x T) {
	if i := *x.slot(); i != nowhere {
		heap.Fix(&a.items, i)
		return
	}
	heap.Push(&a.items, x)
}

// remove takes x out, if it is there.
func (a *agenda[T]) remove(x T) {
	if i := *x.slot(); i != nowhere {
		heap.Remove(&a.items, i)
	}
}

// entries is the heap; its methods are called by package heap alone.
type entries[T timed] []T

func (e entries[T]) Len() int           { return len(e) }
func (e entries[T]) Less(i, j int) bool { return e[i].when().Before(e[j].when()) }
func (e entries[T]) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	*e[i].slot(), *e[j].slot() = i, j
}

// Push adds an item at the end.
func (e *entries[T]) Push(x any) {
	item := x.(T)
	*item.slot() = len(*e)
	*e = append(*e, item)
}

// Pop takes the last item off.
func (e *entries[T]) Pop() any {
	last := len(*e) - 1
	item := (*e)[last]
	var zero T
	(*e)[last] = zero // or the array keeps it alive
	*e = (*e)[:last]
	*item.slot() = nowhere
	return item
}
