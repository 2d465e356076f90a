package zone

// Ahead is what a step leads to, worked out before anybody may see it: while the step is being made durable. It is a guess that
// holds if the zone's versions are still those that it began with when the step is applied, and costs nothing but work if not.
type Ahead struct {
	step     *Step
	from, to faces
}

// faces are the versions of both faces.
type faces struct{ served, transfer *Version }

// Ahead works out what a step leads to; nil if the zone is not there or the step does not fit, which applying it will tell. Unlike all
// that changes the DB, it may be called beside it.
func (db *DB) Ahead(id string, s *Step) *Ahead {
	z := db.ByID(id)
	if z == nil {
		return nil
	}
	from := z.State().faces()
	to, err := from.step(s)
	if err != nil {
		return nil
	}
	return &Ahead{step: s, from: from, to: to}
}

// AheadOf is that where somebody knows already what a step leads to from a state.
func AheadOf(s *State, step *Step, served, transfer *Version) *Ahead {
	return &Ahead{step: step, from: s.faces(), to: faces{served: served, transfer: transfer}}
}

// Step is the step that was looked at; that of nil is nil.
func (a *Ahead) Step() *Step {
	if a == nil {
		return nil
	}
	return a.step
}

func (s *State) faces() faces { return faces{served: s.Served, transfer: s.Transfer} }

// next is what a step leads to from here, taken from a guess if that holds; nil is none.
func (f faces) next(s *Step, a *Ahead) (faces, error) {
	if a != nil && a.step == s && a.from == f {
		return a.to, nil
	}
	return f.step(s)
}

// step applies a step to both faces.
func (f faces) step(st *Step) (next faces, err error) {
	next = f
	if !st.Transfer.Empty() {
		if next.transfer, err = f.transfer.Apply(&st.Transfer); err != nil {
			return faces{}, err
		}
	}
	switch {
	case st.Served != nil:
		next.served, err = f.served.Apply(st.Served)
	case f.served == f.transfer:
		next.served = next.transfer
	case !st.Transfer.Empty():
		next.served, err = f.served.Apply(&st.Transfer)
	}
	return next, err
}
