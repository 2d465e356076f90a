package primary

import (
	"bytes"
	"maps"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// What an Apply gets is its own down to the last pointer: one that writes into a slice or through a pointer must not
// change the old state as well, or the edit would look like none.

func cloneRecord(r *model.Record) model.Record {
	c := *r
	c.RData, c.Tags, c.Priority = bytes.Clone(r.RData), slices.Clone(r.Tags), clonePointer(r.Priority)
	return c
}

func cloneZone(z *model.Zone) model.Zone {
	c := *z
	c.NameServers, c.VanityNS = slices.Clone(z.NameServers), slices.Clone(z.VanityNS)
	c.OutgoingTransfers, c.Outgoing = clonePointer(z.OutgoingTransfers), clonePointer(z.Outgoing)
	if c.Outgoing != nil {
		c.Outgoing.Peers = slices.Clone(c.Outgoing.Peers)
	}
	return c
}

func cloneAccount(a *model.Account) model.Account {
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
