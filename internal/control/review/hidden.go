package review

import (
	"fmt"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// hidden tells of a zone inside that answers for names which have records here. A delegation to it, with glue, is as it should
// be.
func (r *reviewer) hidden(inside *model.Zone) {
	v, at := r.State.Served, inside.Name
	var glue []wire.Name
	first := wire.Name("")
	look := func(owner wire.Name, sets []rr.Set) bool {
		for _, s := range sets {
			switch {
			case owner == at && (s.Type == wire.TypeNS || s.Type == wire.TypeDS):
			case stands(s.Type) && s.Type != wire.TypeCNAME && slices.Contains(glue, owner):
			default:
				first = owner
				return false
			}
		}
		return true
	}
	sets := v.Data(at)
	for _, s := range sets {
		if s.Type == wire.TypeNS {
			for _, d := range s.Data {
				glue = append(glue, wire.Name(d))
			}
		}
	}
	if look(at, sets) {
		v.Below(at, func(name []byte) bool { return look(wire.Name(name), v.Data(wire.Name(name))) })
	}
	if first == "" {
		return
	}
	whose := "of this account"
	if inside.Account != r.Zone.Account {
		whose = "of another account"
	}
	r.add(model.Finding{
		Reason: model.ReasonHidden, Severity: model.SeverityWarning, Name: at, Type: wire.TypeSOA,
		Message: fmt.Sprintf("The zone %s, %s, answers on this server for that name and all below it. What this zone has there, such as "+
			"%s, is not answered by us, and is answered by secondaries that have this zone alone.", at.Host(), whose, first.Host()),
	})
}
