package transfer

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func updateRoutes() []api.Route {
	const all, one = api.Own + "/zones/{zone_id}/update_policies", api.Own + "/zones/{zone_id}/update_policies/{policy_id}"
	return []api.Route{
		api.NewRoute(http.MethodGet, all, api.ScopeZone, api.DNSRead, listUpdatePolicies),
		api.NewRoute(http.MethodPost, all, api.ScopeZone, api.DNSWrite, createUpdatePolicy),
		api.NewRoute(http.MethodGet, one, api.ScopeZone, api.DNSRead, getUpdatePolicy),
		api.NewRoute(http.MethodPut, one, api.ScopeZone, api.DNSWrite, putUpdatePolicy),
		api.NewRoute(http.MethodPatch, one, api.ScopeZone, api.DNSWrite, patchUpdatePolicy),
		api.NewRoute(http.MethodDelete, one, api.ScopeZone, api.DNSWrite, deleteUpdatePolicy),
	}
}

// updatePolicyJSON is which records of a zone a key may change by messages (RFC 2136).
type updatePolicyJSON struct {
	ID       model.ID         `json:"id"`
	TSIG     model.ID         `json:"tsig_id"`
	Key      string           `json:"tsig_name"`
	Names    []updateNameJSON `json:"names"`
	Types    *[]string        `json:"types"` // null: all but those excepted, and those that have to be named
	Except   []string         `json:"types_except"`
	Comment  string           `json:"comment"`
	Created  api.Stamp        `json:"created_on"`
	Modified api.Stamp        `json:"modified_on"`
}

type updateNameJSON struct {
	Match model.UpdateMatch `json:"match"`
	Name  string            `json:"name,omitempty"`
}

// renderUpdatePolicies shows policies with the names of their keys, which are no secret to who may see the zone.
func renderUpdatePolicies(q *api.Request, list []model.UpdatePolicy) ([]updatePolicyJSON, error) {
	if len(list) == 0 {
		return nil, nil
	}
	tsigs, err := q.API.Store.TSIGs(q.Ctx(), q.Account)
	if err != nil {
		return nil, err
	}
	return api.Each(list, func(p *model.UpdatePolicy) updatePolicyJSON {
		out := updatePolicyJSON{
			ID: p.ID, TSIG: p.TSIG, Except: typeWords(p.Except), Comment: p.Comment, Created: api.Stamp(p.Created), Modified: api.Stamp(p.Modified),
			Names: api.Each(p.Names, func(n *model.UpdateName) updateNameJSON { return updateNameJSON{n.Match, n.Name} }),
		}
		if len(p.Types) > 0 {
			words := typeWords(p.Types)
			out.Types = &words
		}
		if at := slices.IndexFunc(tsigs, func(k model.TSIG) bool { return k.ID == p.TSIG }); at >= 0 {
			out.Key = tsigs[at].Name
		}
		return out
	}), nil
}

func okUpdatePolicy(q *api.Request, p *model.UpdatePolicy) error {
	list, err := renderUpdatePolicies(q, []model.UpdatePolicy{*p})
	if err != nil {
		return err
	}
	return q.OK(list[0])
}

func typeWords(list []wire.Type) []string {
	return api.Each(list, func(t *wire.Type) string { return t.String() })
}

// updatePolicyBody is what is sent of a policy.
type updatePolicyBody struct {
	TSIG    *string                        `json:"tsig_id"`
	Names   api.Optional[[]updateNameJSON] `json:"names"`
	Types   api.Optional[[]string]         `json:"types"`
	Except  api.Optional[[]string]         `json:"types_except"`
	Comment *string                        `json:"comment"`
}

// readUpdatePolicy reads a body and gives what makes of a policy what it says: of all of it, or with part of those members alone that were
// sent. What can be meant by one is for package rules to say.
func readUpdatePolicy(q *api.Request, part bool) (func(*model.UpdatePolicy), error) {
	var in updatePolicyBody
	if err := q.Decode(&in); err != nil {
		return nil, err
	}
	if given := in.TSIG != nil; given && !api.ValidID(*in.TSIG) || !given && !part {
		return nil, api.Invalid(model.CodeUpdateTSIG, "/tsig_id", "The tsig_id must be the id of a TSIG of the zone's account.")
	}
	var to model.UpdatePolicy
	for i, n := range in.Names.Value {
		name, err := nameOfPolicy(q, &n)
		if err != nil {
			return nil, api.Invalid(model.CodeUpdateNames, "/names/"+strconv.Itoa(i)+"/name", "The name "+strconv.Quote(n.Name)+" is not a domain name.")
		}
		to.Names = append(to.Names, model.UpdateName{Match: n.Match, Name: name})
	}
	if in.Types.Given() && len(in.Types.Value) == 0 {
		return nil, api.Invalid(model.CodeUpdateTypes, "/types", "With no type at all nothing may be changed; null is for all but types_except.")
	}
	var err error
	if to.Types, err = typesOfPolicy(in.Types.Value, "/types"); err != nil {
		return nil, err
	}
	if to.Except, err = typesOfPolicy(in.Except.Value, "/types_except"); err != nil {
		return nil, err
	}
	return func(p *model.UpdatePolicy) {
		if in.TSIG != nil {
			p.TSIG = model.ID(*in.TSIG)
		}
		if in.Names.Set || !part {
			p.Names = to.Names
		}
		if in.Types.Set || !part {
			p.Types = to.Types
		}
		if in.Except.Set || !part {
			p.Except = to.Except
		}
		switch {
		case in.Comment != nil:
			p.Comment = *in.Comment
		case !part:
			p.Comment = ""
		}
	}, nil
}

// seenPolicy says what If-Match has against a policy as it is now (RFC 9110 section 13.1.1): of two who change what they both saw, the second is
// told what it is now, instead of wiping out the first.
func seenPolicy(q *api.Request) func(*model.UpdatePolicy) error {
	sent := q.R.Header.Values("If-Match")
	return func(p *model.UpdatePolicy) error {
		tags := strings.FieldsFunc(strings.Join(sent, ","), func(c rune) bool { return c == ',' || c == ' ' || c == '\t' })
		if len(sent) == 0 || slices.Contains(tags, "*") || slices.Contains(tags, string(api.Stamp(p.Modified).Append(nil))) {
			return nil
		}
		return &model.Invalid{
			Code: model.CodeUpdateChanged, Status: http.StatusPreconditionFailed,
			Message: "The policy was changed since; If-Match names another version of it. It is now: " + p.Facts().Words() + ".",
		}
	}
}

// nameOfPolicy reads a name as clients of the API may write it, and gives it as it is kept.
func nameOfPolicy(q *api.Request, n *updateNameJSON) (string, error) {
	if n.Match == model.MatchSelf || n.Name == "" {
		return n.Name, nil
	}
	_, name, err := api.ParseHost(n.Name, q.Zone.Name)
	return name.Host(), err
}

func typesOfPolicy(list []string, at string) (out []wire.Type, err error) {
	for i, s := range list {
		t, err := wire.ParseType(s)
		if err != nil {
			return nil, api.Invalid(model.CodeUpdateTypes, at+"/"+strconv.Itoa(i), strconv.Quote(s)+" is no type of records.")
		}
		out = append(out, t)
	}
	return out, nil
}

func listUpdatePolicies(_ *api.API, q *api.Request) error {
	list, err := renderUpdatePolicies(q, q.Zone.Updates)
	if err != nil {
		return err
	}
	return api.OnePage(q, list)
}

func getUpdatePolicy(_ *api.API, q *api.Request) error {
	at := slices.IndexFunc(q.Zone.Updates, func(p model.UpdatePolicy) bool { return p.ID == q.PathID("policy_id") })
	if at < 0 {
		return api.OrMissing(model.ErrNotFound, model.CodeUpdateMissing, "There is no such update policy.")
	}
	return okUpdatePolicy(q, &q.Zone.Updates[at])
}

func createUpdatePolicy(_ *api.API, q *api.Request) error {
	onto, err := readUpdatePolicy(q, false)
	if err != nil {
		return err
	}
	var p model.UpdatePolicy
	onto(&p)
	return changeUpdatePolicy(q, model.PutUpdatePolicy{Policy: p})
}

func putUpdatePolicy(_ *api.API, q *api.Request) error   { return editUpdatePolicy(q, false) }
func patchUpdatePolicy(_ *api.API, q *api.Request) error { return editUpdatePolicy(q, true) }

func editUpdatePolicy(q *api.Request, part bool) error {
	onto, err := readUpdatePolicy(q, part)
	if err != nil {
		return err
	}
	seen := seenPolicy(q)
	return changeUpdatePolicy(q, model.EditUpdatePolicy{ID: q.PathID("policy_id"), Apply: func(p model.UpdatePolicy) (model.UpdatePolicy, error) {
		if err := seen(&p); err != nil {
			return p, err
		}
		onto(&p)
		return p, nil
	}})
}

func changeUpdatePolicy(q *api.Request, e model.Edit) error {
	res, err := q.Change(e)
	if err != nil {
		return err
	}
	return okUpdatePolicy(q, res.Outcomes[0].UpdatePolicy)
}

func deleteUpdatePolicy(_ *api.API, q *api.Request) error {
	id := q.PathID("policy_id")
	if _, err := q.Change(model.DeleteUpdatePolicy{ID: id, Check: seenPolicy(q)}); err != nil {
		return err
	}
	return q.OK(api.IDOnly{ID: id})
}
