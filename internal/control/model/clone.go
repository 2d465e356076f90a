package model

import (
	"bytes"
	"maps"
	"slices"
)

// What an Apply gets is its own down to the last pointer: one that writes into a slice or through a pointer must not
// change the old state as well, or the edit would look like none.

// Clone is a copy of the record that shares nothing with it.
func (r *Record) Clone() Record {
	c := *r
	c.RData, c.Tags, c.Priority = bytes.Clone(r.RData), slices.Clone(r.Tags), clonePointer(r.Priority)
	return c
}

// Clone is a copy of the zone that shares nothing with it.
func (z *Zone) Clone() Zone {
	c := *z
	c.NameServers, c.VanityNS = slices.Clone(z.NameServers), slices.Clone(z.VanityNS)
	c.OutgoingTransfers, c.Outgoing = clonePointer(z.OutgoingTransfers), clonePointer(z.Outgoing)
	c.Updates = slices.Clone(z.Updates)
	for i := range c.Updates {
		c.Updates[i] = c.Updates[i].Clone()
	}
	if c.Outgoing != nil {
		c.Outgoing.Peers, c.Outgoing.Groups = slices.Clone(c.Outgoing.Peers), maps.Clone(c.Outgoing.Groups)
	}
	if c.FourEyes = clonePointer(z.FourEyes); c.FourEyes != nil {
		c.FourEyes.Except = slices.Clone(c.FourEyes.Except)
	}
	return c
}

// Clone is a copy of the account that shares nothing with it.
func (a *Account) Clone() Account {
	c := *a
	c.EdgeAddresses, c.SharesNames, c.Quotas = slices.Clone(a.EdgeAddresses), slices.Clone(a.SharesNames), maps.Clone(a.Quotas)
	return c
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}
