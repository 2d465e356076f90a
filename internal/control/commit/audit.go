package commit

import (
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// auditOf says what happened to an object; before and after are model values, nil for none.
type auditOf struct {
	action, legacy, resource string
	id                       model.ID
	account                  model.ID // when not the change's
	before, after            any
}

// audit adds an entry to the audit log; it is written in the transaction of the change.
func (p *plan) audit(e auditOf) {
	entry := p.entry(e)
	if e.before != nil {
		entry.Before = p.cfg.Describe(e.before)
	}
	if e.after != nil {
		entry.After = p.cfg.Describe(e.after)
	}
	assign(&p.undo, &p.audits, append(p.audits, entry))
}

func (p *plan) entry(e auditOf) model.Audit {
	entry := model.Audit{
		ID: p.cfg.NewID(), Account: p.change.Account, Actor: p.change.Actor, When: p.now,
		Action: e.action, Legacy: e.legacy, Resource: e.resource, ResourceID: e.id,
	}
	if p.zw != nil {
		entry.Zone, entry.ZoneName, entry.Account = p.zw.row.ID, p.zw.row.Name.Host(), p.zw.row.Account
	}
	if e.account != "" {
		entry.Account = e.account
	}
	return entry
}

// auditImport tells an import in one entry: a million of them would help nobody.
func (p *plan) auditImport() {
	if p.added == 0 {
		return
	}
	entry := p.entry(auditOf{action: "create", legacy: "rec_import", resource: "dns.record", id: p.zw.row.ID})
	entry.After = fmt.Appendf(nil, `{"imported":%d,"skipped":%d}`, p.added, p.passed)
	assign(&p.undo, &p.audits, append(p.audits, entry))
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
