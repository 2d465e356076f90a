package commit

// undo takes back what a refused change has done to the workspace: the steps are run newest first.
type undo []func()

func (u *undo) mark() int { return len(*u) }

func (u *undo) back(to int) {
	for i := len(*u) - 1; i >= to; i-- {
		(*u)[i]()
	}
	*u = (*u)[:to]
}

// assign sets *at to v.
func assign[T any](u *undo, at *T, v T) {
	old := *at
	*u = append(*u, func() { *at = old })
	*at = v
}

// put sets m[k] to v.
func put[K comparable, V any](u *undo, m map[K]V, k K, v V) {
	restore(u, m, k)
	m[k] = v
}

// drop removes k from m.
func drop[K comparable, V any](u *undo, m map[K]V, k K) {
	if _, there := m[k]; !there {
		return
	}
	restore(u, m, k)
	delete(m, k)
}

func restore[K comparable, V any](u *undo, m map[K]V, k K) {
	old, there := m[k]
	*u = append(*u, func() {
		if there {
			m[k] = old
			return
		}
		delete(m, k)
	})
}
