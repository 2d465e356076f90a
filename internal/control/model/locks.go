package model

import (
	"fmt"
	"slices"
)

// Locks are accounts and zones that a transaction keeps others from writing until its end.
type Locks struct{ Accounts, Zones []ID }

// With is l and more, in order and without repetition.
func (l Locks) With(more Locks) Locks {
	union := func(a, b []ID) []ID {
		all := slices.Concat(a, b)
		slices.Sort(all)
		return slices.Compact(all)
	}
	return Locks{Accounts: union(l.Accounts, more.Accounts), Zones: union(l.Zones, more.Zones)}
}

// UnlockedError tells of rows that a transaction may not touch because it has not locked them. Locks are taken all at once, at
// the beginning, so that all transactions take them in one order: this one has to begin anew with more.
type UnlockedError struct{ Missing Locks }

func (e *UnlockedError) Error() string {
	return fmt.Sprintf("not locked: accounts %v, zones %v", e.Missing.Accounts, e.Missing.Zones)
}
