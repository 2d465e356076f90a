package commit

import (
	"slices"

	"github.com/headwaterdns/headwater/internal/control/audit"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// auditOf says what happened to an object; before and after are model values, nil for none.
type auditOf struct {
	action, legacy, resource string
	id                       model.ID
	account                  model.ID // when not the change's
	before, after            any
}

// audit tells what an edit did. All that a change did in one log stands in one entry, which is written in the transaction of the
// change; what it is about is packed as it is, and shown by whoever reads the log.
func (p *plan) audit(e auditOf) {
	head := model.AuditHead{Account: p.change.Account, Actor: p.change.Actor, When: p.now}
	if p.zw != nil {
		head.Zone, head.ZoneName, head.Account = p.zw.row.ID, p.zw.row.Name.Host(), p.zw.row.Account
	}
	if e.account != "" {
		head.Account = e.account
	}
	n := len(p.told)
	if n == 0 || p.told[n-1].Account != head.Account || p.told[n-1].Zone != head.Zone {
		head.ID = p.cfg.NewID()
		p.told = append(p.told, model.Audit{AuditHead: head, Parts: make([]model.AuditPart, 0, min(len(p.change.Edits), 128))})
		n++
	}
	last := &p.told[n-1]
	last.Parts = append(last.Parts, model.AuditPart{
		Action: e.action, Legacy: e.legacy, Resource: e.resource, ResourceID: e.id, Before: e.before, After: e.after,
	})
}

// tell has what the change did written with the group. Nothing after it may refuse the change.
func (p *plan) tell() {
	for i := range p.told {
		audit.Spread(&p.told[i])
	}
	p.audits = slices.Concat(p.audits, p.told)
}

// auditImport tells an import in one entry: a million of them would help nobody.
func (p *plan) auditImport() {
	if p.added == 0 {
		return
	}
	p.audit(auditOf{action: "create", legacy: "rec_import", resource: "dns.record", id: p.zw.row.ID, after: model.AuditFacts{
		{Name: "imported", Number: int64(p.added)}, {Name: "skipped", Number: int64(p.passed)},
	}})
}

// zoneResource names the part of a zone that an edit's action is about.
func zoneResource(action string) string { return resource("zone", action) }

func accountResource(action string) string { return resource("account", action) }

// resource joins an object and an action such as "outgoing.enable" to what the audit log shows.
func resource(object, action string) string {
	if action == "" {
		return object
	}
	return object + "." + action
}
