package alarms

import (
	"net/mail"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/courier"
)

type webhookJSON struct {
	ID         model.ID      `json:"id"`
	Kind       string        `json:"kind"`
	Name       string        `json:"name"`
	URL        string        `json:"url"`
	Email      string        `json:"email"`
	Enabled    bool          `json:"enabled"`
	Severities []string      `json:"severities"`
	Secret     string        `json:"secret,omitempty"`
	Created    api.Stamp     `json:"created_on"`
	Modified   api.Stamp     `json:"modified_on"`
	Last       *lastDelivery `json:"last_delivery"`
}

type lastDelivery struct {
	State  string    `json:"state"`
	On     api.Stamp `json:"on"`
	Status *int      `json:"status"`
	Error  string    `json:"error"`
}

type deliveryJSON struct {
	ID       model.ID   `json:"id"`
	Type     string     `json:"type"`
	Alarms   []model.ID `json:"alarm_ids"`
	State    string     `json:"state"`
	Attempts int        `json:"attempts"`
	Created  api.Stamp  `json:"created_on"`
	Next     api.Stamp  `json:"next_on"`
	Done     api.Stamp  `json:"done_on"`
	Status   *int       `json:"status"`
	Error    string     `json:"error"`
}

// The types of messages.
const (
	typeAlarms = "alarms"
	typeTest   = "test"
)

func typeOf(d *model.Delivery) string {
	if d.Test {
		return typeTest
	}
	return typeAlarms
}

// states are the states of messages, as clients see them.
func stateOf(s model.DeliveryState) string {
	return [...]string{"waiting", "delivered", "failed"}[s]
}

func statusOf(d *model.Delivery) *int {
	if d.Status == 0 {
		return nil
	}
	return &d.Status
}

func renderDelivery(d *model.Delivery) deliveryJSON {
	out := deliveryJSON{
		ID: d.ID, Type: typeOf(d), Alarms: []model.ID{}, State: stateOf(d.State), Attempts: d.Attempts, Created: api.Stamp(d.Created),
		Done: api.Stamp(d.Done), Status: statusOf(d), Error: d.Error,
	}
	if d.State == model.DeliveryWaiting {
		out.Next = api.Stamp(d.Next)
	}
	for i := range d.Alarms {
		out.Alarms = append(out.Alarms, d.Alarms[i].ID)
	}
	return out
}

// Payload is what a webhook gets.
func Payload(d *model.Delivery) ([]byte, error) {
	type data struct {
		Account model.ID    `json:"account_id"`
		Alarms  []alarmJSON `json:"alarms"`
	}
	return api.Marshal(struct {
		Type string    `json:"type"`
		At   api.Stamp `json:"timestamp"`
		Data data      `json:"data"`
	}{typeOf(d), api.Stamp(d.Created), data{d.Account, api.Each(d.Alarms, renderAlarm)}})
}

func render(a *api.API, q *api.Request, w *model.Webhook, secret bool) (webhookJSON, error) {
	out := webhookJSON{
		ID: w.ID, Kind: w.Kind, Name: w.Name, URL: w.URL, Email: w.Email, Enabled: w.Enabled, Severities: api.OrEmpty(w.Severities),
		Created: api.Stamp(w.Created), Modified: api.Stamp(w.Modified),
	}
	if secret {
		out.Secret = w.Secret
	}
	last, _, err := a.Alarms.Deliveries(q.Ctx(), q.Account, w.ID, 0, 1)
	if err == nil && len(last) > 0 {
		d := &last[0]
		on := d.Done
		if on.IsZero() {
			on = d.Created
		}
		out.Last = &lastDelivery{stateOf(d.State), api.Stamp(on), statusOf(d), d.Error}
	}
	return out, err
}

func listWebhooks(a *api.API, q *api.Request) error {
	list, err := a.Alarms.Webhooks(q.Ctx(), q.Account)
	if err != nil {
		return err
	}
	out := make([]webhookJSON, 0, len(list))
	for i := range list {
		w, err := render(a, q, &list[i], false)
		if err != nil {
			return err
		}
		out = append(out, w)
	}
	return api.OnePage(q, out)
}

func missingWebhook(err error) error {
	return api.OrMissing(err, model.CodeWebhookNotFound, "There is no such webhook.")
}

func getWebhook(a *api.API, q *api.Request) error {
	w, err := a.Alarms.Webhook(q.Ctx(), q.Account, q.PathID("webhook_id"))
	if err != nil {
		return missingWebhook(err)
	}
	return answer(a, q, &w, false)
}

func answer(a *api.API, q *api.Request, w *model.Webhook, secret bool) error {
	out, err := render(a, q, w, secret)
	if err != nil {
		return err
	}
	return q.OK(out)
}

// webhookEdit is what a client says of a webhook.
type webhookEdit struct {
	Kind       api.Optional[string]   `json:"kind"`
	Name       api.Optional[string]   `json:"name"`
	URL        api.Optional[string]   `json:"url"`
	Email      api.Optional[string]   `json:"email"`
	Enabled    api.Optional[bool]     `json:"enabled"`
	Severities api.Optional[[]string] `json:"severities"`
	Rotate     bool                   `json:"rotate_secret"`
}

// webhooksMost is how many an account may have.
const webhooksMost = 20

func addWebhook(a *api.API, q *api.Request) error {
	var in webhookEdit
	if err := q.Decode(&in); err != nil {
		return err
	}
	w := model.Webhook{
		ID: auth.NewID(), Account: q.Account, Kind: in.Kind.Value, Enabled: true, Severities: []string{model.AlarmWarning, model.AlarmCritical}, Created: q.Now(),
	}
	if w.Kind != model.WebhookHTTPS && w.Kind != model.WebhookEmail {
		return api.Invalid(model.CodeWebhook, "/kind", "kind must be https or email.")
	}
	if w.Kind == model.WebhookHTTPS {
		w.Secret = courier.NewSecret()
	}
	return edited(a, q, true, func(tx model.AlarmTx) (*model.Webhook, error) {
		n, err := tx.CountWebhooks(q.Ctx())
		if err != nil {
			return nil, err
		}
		if n >= webhooksMost {
			return nil, api.Invalid(model.CodeWebhook, "", "An account may have 20 webhooks.")
		}
		if err := in.apply(a, q, tx, &w); err != nil {
			return nil, err
		}
		if err := tx.PutWebhook(q.Ctx(), w); err != nil {
			return nil, err
		}
		return &w, tx.Audit(q.Ctx(), q.Audit("create", "webhook", w.ID, nil, webhookFacts(&w)))
	})
}

func editWebhook(a *api.API, q *api.Request) error {
	var in webhookEdit
	if err := q.Decode(&in); err != nil {
		return err
	}
	return edited(a, q, in.Rotate, func(tx model.AlarmTx) (*model.Webhook, error) {
		w, err := tx.Webhook(q.Ctx(), q.PathID("webhook_id"))
		if err != nil {
			return nil, missingWebhook(err)
		}
		before := webhookFacts(&w)
		if in.Kind.Given() && in.Kind.Value != w.Kind {
			return nil, api.Invalid(model.CodeWebhook, "/kind", "A webhook keeps its kind.")
		}
		if in.Rotate && w.Kind == model.WebhookHTTPS {
			w.Secret = courier.NewSecret()
		}
		if err := in.apply(a, q, tx, &w); err != nil {
			return nil, err
		}
		if err := tx.PutWebhook(q.Ctx(), w); err != nil {
			return nil, err
		}
		return &w, tx.Audit(q.Ctx(), q.Audit("update", "webhook", w.ID, before, webhookFacts(&w)))
	})
}

// edited runs an edit and answers what came of it.
func edited(a *api.API, q *api.Request, secret bool, edit func(model.AlarmTx) (*model.Webhook, error)) error {
	var out *model.Webhook
	err := a.Alarms.EditAlarms(q.Ctx(), q.Account, func(tx model.AlarmTx) (err error) {
		out, err = edit(tx)
		return err
	})
	if err != nil {
		return err
	}
	return answer(a, q, out, secret)
}

func (in *webhookEdit) apply(a *api.API, q *api.Request, tx model.AlarmTx, w *model.Webhook) error {
	w.Modified = q.Now()
	if in.Name.Given() || w.Name == "" {
		if w.Name = in.Name.Value; !api.LabelText(w.Name) {
			return api.Invalid(model.CodeWebhook, "/name", "name must be some text of at most 100 characters.")
		}
	}
	if in.Enabled.Given() {
		w.Enabled = in.Enabled.Value
	}
	if in.Severities.Given() {
		w.Severities = in.Severities.Value
		slices.Sort(w.Severities)
		w.Severities = slices.Compact(w.Severities)
		if slices.ContainsFunc(w.Severities, func(s string) bool { return s != model.AlarmWarning && s != model.AlarmCritical }) {
			return api.Invalid(model.CodeWebhook, "/severities", "severities must be some of warning and critical.")
		}
	}
	if w.Kind == model.WebhookHTTPS {
		if in.URL.Given() || w.URL == "" {
			if w.URL = in.URL.Value; courier.CheckURL(w.URL) != nil {
				return api.Invalid(model.CodeWebhook, "/url", "url must be an https URL with a host, and without a user or a fragment.")
			}
		}
		return nil
	}
	if !a.Mails {
		return api.Invalid(model.CodeWebhook, "/kind", "This server sends no mail.")
	}
	if in.Email.Given() || w.Email == "" {
		return in.mailTo(q, tx, w)
	}
	return nil
}

// mailTo takes an address for mail: a member's, or what an administrator of the server says. Nobody else is to get mail from here.
func (in *webhookEdit) mailTo(q *api.Request, tx model.AlarmTx, w *model.Webhook) error {
	w.Email = in.Email.Value
	if _, err := mail.ParseAddress(w.Email); err != nil || !auth.ValidEmail(w.Email) {
		return api.Invalid(model.CodeWebhook, "/email", "email must be an e-mail address.")
	}
	if q.Who.ServerAdmin() {
		return nil
	}
	member, err := tx.MemberHas(q.Ctx(), w.Email)
	if err == nil && !member {
		err = api.Invalid(model.CodeWebhook, "/email", "email must be the address of a member of the account.")
	}
	return err
}

func deleteWebhook(a *api.API, q *api.Request) error {
	id := q.PathID("webhook_id")
	err := a.Alarms.EditAlarms(q.Ctx(), q.Account, func(tx model.AlarmTx) error {
		w, err := tx.Webhook(q.Ctx(), id)
		if err == nil {
			err = tx.DeleteWebhook(q.Ctx(), id)
		}
		if err != nil {
			return missingWebhook(err)
		}
		return tx.Audit(q.Ctx(), q.Audit("delete", "webhook", id, webhookFacts(&w), nil))
	})
	if err != nil {
		return err
	}
	return q.OK(api.IDOnly{ID: id})
}

// testWebhook has a message sent that says nothing.
func testWebhook(a *api.API, q *api.Request) error {
	d := model.Delivery{ID: auth.NewID(), Webhook: q.PathID("webhook_id"), Account: q.Account, Test: true, Created: q.Now(), Next: q.Now()}
	err := a.Alarms.EditAlarms(q.Ctx(), q.Account, func(tx model.AlarmTx) error {
		if _, err := tx.Webhook(q.Ctx(), d.Webhook); err != nil {
			return missingWebhook(err)
		}
		return tx.AddDelivery(q.Ctx(), d)
	})
	if err != nil {
		return err
	}
	return q.OK(struct {
		Delivery model.ID `json:"delivery_id"`
	}{d.ID})
}

func listDeliveries(a *api.API, q *api.Request) error {
	page, per, err := q.Page(pageUsual, pageMost)
	if err != nil {
		return err
	}
	id := q.PathID("webhook_id")
	if _, err := a.Alarms.Webhook(q.Ctx(), q.Account, id); err != nil {
		return missingWebhook(err)
	}
	list, total, err := a.Alarms.Deliveries(q.Ctx(), q.Account, id, api.Offset(page, per), per)
	if err != nil {
		return err
	}
	return q.List(api.Each(list, renderDelivery), api.Info(page, per, len(list), total))
}

// webhookFacts are a webhook for the audit log, without its secret.
func webhookFacts(w *model.Webhook) model.AuditFacts {
	out := model.AuditFacts{{Name: "kind", Text: w.Kind}, {Name: "name", Text: w.Name}}
	if w.Kind == model.WebhookHTTPS {
		out = append(out, model.AuditFact{Name: "url", Text: w.URL})
	} else {
		out = append(out, model.AuditFact{Name: "email", Text: w.Email})
	}
	if w.Enabled {
		return append(out, model.AuditFact{Name: "enabled", Number: 1})
	}
	return append(out, model.AuditFact{Name: "enabled", Number: 0})
}
