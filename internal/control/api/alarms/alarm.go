package alarms

import (
	"net/http"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// Routes are the operations of alarms and events.
func Routes() []api.Route {
	const account = api.Own + "/accounts/{account_id}"
	const one, hooks, hook = account + "/alarms/{alarm_id}", account + "/webhooks", account + "/webhooks/{webhook_id}"
	read := func(method, path string, handle func(*api.API, *api.Request) error) api.Route {
		return api.NewRoute(method, path, api.ScopeAccount, api.AccSetRead, kept(handle))
	}
	write := func(method, path string, handle func(*api.API, *api.Request) error) api.Route {
		return api.NewRoute(method, path, api.ScopeAccount, api.AccSetWrite, kept(handle))
	}
	return slices.Concat(streamRoutes(), []api.Route{
		read(http.MethodGet, account+"/alarms", listAlarms),
		read(http.MethodGet, one, getAlarm),
		write(http.MethodPatch, one, editAlarm),
		read(http.MethodGet, account+"/alarm_rules", getRules),
		write(http.MethodPatch, account+"/alarm_rules", editRules),
		read(http.MethodGet, hooks, listWebhooks),
		write(http.MethodPost, hooks, addWebhook),
		read(http.MethodGet, hook, getWebhook),
		write(http.MethodPatch, hook, editWebhook),
		write(http.MethodDelete, hook, deleteWebhook),
		write(http.MethodPost, hook+"/test", testWebhook),
		read(http.MethodGet, hook+"/deliveries", listDeliveries),
	})
}

// kept is a handler for a server that keeps alarms.
func kept(handle func(*api.API, *api.Request) error) func(*api.API, *api.Request) error {
	return func(a *api.API, q *api.Request) error {
		if a.Alarms == nil {
			return api.NotHere()
		}
		return handle(a, q)
	}
}

type alarmJSON struct {
	ID             model.ID        `json:"id"`
	Rule           model.AlarmRule `json:"rule"`
	Severity       string          `json:"severity"`
	State          string          `json:"state"`
	Account        model.ID        `json:"account_id"`
	Zone           model.ID        `json:"zone_id"`
	ZoneName       string          `json:"zone_name"`
	Peer           model.ID        `json:"peer_id"`
	Subject        string          `json:"subject"`
	Text           string          `json:"text"`
	Raised         api.Stamp       `json:"raised_on"`
	Changed        api.Stamp       `json:"changed_on"`
	Cleared        api.Stamp       `json:"cleared_on"`
	Episode        int             `json:"episode"`
	Acknowledged   api.Stamp       `json:"acknowledged_on"`
	AcknowledgedBy string          `json:"acknowledged_by"`
	SilencedUntil  api.Stamp       `json:"silenced_until"`
	SilencedBy     string          `json:"silenced_by"`
}

// The states of an alarm, and what lists take for either.
const (
	stateRaised  = "raised"
	stateCleared = "cleared"
	stateAll     = "all"
)

func renderAlarm(a *model.Alarm) alarmJSON {
	out := alarmJSON{
		ID: a.ID, Rule: a.Rule, Severity: a.Severity, State: stateCleared, Account: a.Account, Zone: a.Zone, ZoneName: a.ZoneName,
		Subject: a.Subject, Text: a.Text, Raised: api.Stamp(a.RaisedOn), Changed: api.Stamp(a.Changed), Cleared: api.Stamp(a.Cleared),
		Episode: a.Episode, Acknowledged: api.Stamp(a.Acknowledged), AcknowledgedBy: a.AcknowledgedBy,
		SilencedUntil: api.Stamp(a.SilencedUntil), SilencedBy: a.SilencedBy,
	}
	if a.Raised {
		out.State = stateRaised
	}
	if a.Rule != model.AlarmKeyWaits {
		out.Peer = a.Object
	}
	return out
}

// Page sizes of alarms and messages.
const (
	pageUsual = 50
	pageMost  = 500
)

func listAlarms(a *api.API, q *api.Request) error {
	v := q.R.URL.Query()
	page, per, err := q.Page(pageUsual, pageMost)
	if err != nil {
		return err
	}
	query := model.AlarmQuery{Account: q.Account, Zone: model.ID(api.Last(v, "zone_id")), Rule: model.AlarmRule(api.Last(v, "rule")), Offset: api.Offset(page, per), Limit: per}
	if query.Zone != "" && !api.ValidID(string(query.Zone)) {
		return api.Invalid(model.CodeRequestInvalid, "", "zone_id must be an identifier.")
	}
	switch api.Last(v, "state") {
	case "", stateRaised:
		query.Raised = model.SwitchOn
	case stateCleared:
		query.Raised = model.SwitchOff
	case stateAll:
	default:
		return api.Invalid(model.CodeRequestInvalid, "", "state must be raised, cleared or all.")
	}
	list, total, err := a.Alarms.Alarms(q.Ctx(), query)
	if err != nil {
		return err
	}
	return q.List(api.Each(list, renderAlarm), api.Info(page, per, len(list), total))
}

func missingAlarm(err error) error {
	return api.OrMissing(err, model.CodeAlarmNotFound, "There is no such alarm.")
}

func getAlarm(a *api.API, q *api.Request) error {
	alarm, err := a.Alarms.Alarm(q.Ctx(), q.Account, q.PathID("alarm_id"))
	if err != nil {
		return missingAlarm(err)
	}
	return q.OK(renderAlarm(&alarm))
}

// silenceMost is for how long an alarm may be silenced.
const silenceMost = 366 * 24 * time.Hour

// editAlarm notes that somebody looks after an alarm, or that nobody is to be told of it for a while.
func editAlarm(a *api.API, q *api.Request) error {
	var in struct {
		Acknowledged api.Optional[bool]   `json:"acknowledged"`
		Silenced     api.Optional[string] `json:"silenced_until"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	now, until := q.Now(), time.Time{}
	if in.Silenced.Given() {
		var err error
		if until, err = time.Parse(time.RFC3339, in.Silenced.Value); err != nil || until.After(now.Add(silenceMost)) {
			return api.Invalid(model.CodeAlarmInvalid, "/silenced_until", "silenced_until must be a time of RFC 3339, at most a year from now, or null.")
		}
	}
	alarm, err := a.Alarms.EditAlarm(q.Ctx(), q.Account, q.PathID("alarm_id"), now, func(alarm *model.Alarm) error {
		switch {
		case !in.Acknowledged.Given():
		case !in.Acknowledged.Value:
			alarm.Acknowledged, alarm.AcknowledgedBy = time.Time{}, ""
		case !alarm.Raised:
			return api.Invalid(model.CodeAlarmInvalid, "/acknowledged", "Only an alarm that is raised can be acknowledged.")
		default:
			alarm.Acknowledged, alarm.AcknowledgedBy = now, who(q)
		}
		if in.Silenced.Set {
			alarm.SilencedUntil, alarm.SilencedBy = until, ""
			if !until.IsZero() {
				alarm.SilencedBy = who(q)
			}
		}
		return nil
	})
	if err != nil {
		return missingAlarm(err)
	}
	return q.OK(renderAlarm(&alarm))
}

// who is the one who asks, as alarms name people: by e-mail, or by the name of the account's token.
func who(q *api.Request) string {
	if q.Who.User.Email != "" {
		return q.Who.User.Email
	}
	if q.Who.Token != nil {
		return q.Who.Token.Name
	}
	return ""
}
