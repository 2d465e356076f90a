package alarms

import (
	"slices"
	"strconv"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

type ruleJSON struct {
	Rule     model.AlarmRule `json:"rule"`
	Enabled  bool            `json:"enabled"`
	Severity string          `json:"severity"`
	After    int64           `json:"after"`       // seconds
	Clear    int64           `json:"clear_after"` // seconds
	Versions *int            `json:"versions,omitempty"`
	Before   *int64          `json:"before,omitempty"` // seconds
	Default  bool            `json:"default"`
}

type rulesJSON struct {
	Rules []ruleJSON `json:"rules"`
}

func renderRules(s *model.AlarmSettings) rulesJSON {
	return rulesJSON{api.Each(s.All(), func(r *model.AlarmSetting) ruleJSON {
		out := ruleJSON{
			Rule: r.Rule, Enabled: r.Enabled, Severity: r.Severity, After: int64(r.After.Seconds()), Clear: int64(r.Clear.Seconds()),
			Default: !slices.ContainsFunc(s.Rules, func(own model.AlarmSetting) bool { return own.Rule == r.Rule }),
		}
		switch r.Rule {
		case model.AlarmBehind:
			out.Versions = &r.Versions
		case model.AlarmExpires:
			before := int64(r.Before.Seconds())
			out.Before = &before
		default:
		}
		return out
	})}
}

func getRules(a *api.API, q *api.Request) error {
	s, err := a.Alarms.AlarmSettings(q.Ctx(), q.Account)
	if err != nil {
		return err
	}
	return q.OK(renderRules(&s))
}

// ruleEdit is what a client changes of a rule.
type ruleEdit struct {
	Rule     model.AlarmRule      `json:"rule"`
	Default  bool                 `json:"default"`
	Enabled  api.Optional[bool]   `json:"enabled"`
	Severity api.Optional[string] `json:"severity"`
	After    api.Optional[int64]  `json:"after"`
	Clear    api.Optional[int64]  `json:"clear_after"`
	Versions api.Optional[int]    `json:"versions"`
	Before   api.Optional[int64]  `json:"before"`
}

// Bounds of rules.
const (
	longest      = 30 * 24 * time.Hour
	versionsMost = 1_000_000
)

// editRules changes the rules that are named, and of them the members that are there.
func editRules(a *api.API, q *api.Request) error {
	var in struct {
		Rules []ruleEdit `json:"rules"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	var out model.AlarmSettings
	err := a.Alarms.EditAlarms(q.Ctx(), q.Account, func(tx model.AlarmTx) error {
		s, err := tx.Settings(q.Ctx())
		if err != nil {
			return err
		}
		before := ruleFacts(&s)
		for i := range in.Rules {
			if err := in.Rules[i].apply(&s, "/rules/"+strconv.Itoa(i)); err != nil {
				return err
			}
		}
		if err := tx.PutSettings(q.Ctx(), s); err != nil {
			return err
		}
		out = s
		return tx.Audit(q.Ctx(), q.Audit("update", "alarm_rules", q.Account, before, ruleFacts(&s)))
	})
	if err != nil {
		return err
	}
	return q.OK(renderRules(&out))
}

func (e *ruleEdit) apply(s *model.AlarmSettings, at string) error {
	all := s.All()
	i := slices.IndexFunc(all, func(r model.AlarmSetting) bool { return r.Rule == e.Rule })
	if i < 0 {
		return api.Invalid(model.CodeAlarmInvalid, at+"/rule", "There is no such rule.")
	}
	s.Rules = slices.DeleteFunc(slices.Clone(s.Rules), func(r model.AlarmSetting) bool { return r.Rule == e.Rule })
	if e.Default {
		return nil
	}
	r := all[i]
	if e.Enabled.Given() {
		r.Enabled = e.Enabled.Value
	}
	if e.Severity.Given() {
		if r.Severity = e.Severity.Value; r.Severity != model.AlarmWarning && r.Severity != model.AlarmCritical {
			return api.Invalid(model.CodeAlarmInvalid, at+"/severity", "severity must be warning or critical.")
		}
	}
	for _, t := range []struct {
		name string
		in   *api.Optional[int64]
		to   *time.Duration
	}{{"after", &e.After, &r.After}, {"clear_after", &e.Clear, &r.Clear}, {"before", &e.Before, &r.Before}} {
		if !t.in.Given() {
			continue
		}
		if t.in.Value < 0 || t.in.Value > int64(longest.Seconds()) {
			return api.Invalid(model.CodeAlarmInvalid, at+"/"+t.name, t.name+" must be seconds from 0 to 2592000.")
		}
		*t.to = time.Duration(t.in.Value) * time.Second
	}
	if e.Versions.Given() {
		if r.Versions = e.Versions.Value; r.Versions < 0 || r.Versions > versionsMost {
			return api.Invalid(model.CodeAlarmInvalid, at+"/versions", "versions must be a number from 0 to 1000000.")
		}
	}
	s.Rules = append(s.Rules, r)
	return nil
}

// ruleFacts are an account's own rules for the audit log.
func ruleFacts(s *model.AlarmSettings) model.AuditFacts {
	out := model.AuditFacts{}
	for _, r := range s.Rules {
		enabled := "off"
		if r.Enabled {
			enabled = "on, " + r.Severity + ", after " + r.After.String() + ", cleared after " + r.Clear.String()
		}
		out = append(out, model.AuditFact{Name: string(r.Rule), Text: enabled})
	}
	return out
}
