package zone

// Walkers are Walker in two parts, for who needs all records in one order: what stands at names of the zone, and the chain of NSEC3, nil
// for none.
func (v *Version) Walkers() (own, chain *Walker) {
	if t := v.hashed(); t != nil {
		chain = t.Walker(nil)
	}
	return v.tree.Walker(nil), chain
}
