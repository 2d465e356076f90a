package people

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

func tokenRoutes() []api.Route {
	const account = api.Client + "/accounts/{account_id}/tokens"
	ofUser := tokenSet{api.Client + "/user/tokens", api.ScopeUser, []string{"API Tokens Read", "API Tokens Write"}, []string{"API Tokens Write"}}
	ofAccount := tokenSet{account, api.ScopeAccount, []string{"Account API Tokens Read", "Account API Tokens Write"}, []string{"Account API Tokens Write"}}
	return slices.Concat(ofUser.routes(), ofAccount.routes())
}

// tokenSet is where a kind of tokens lives: those of a user, or those of an account.
type tokenSet struct {
	path        string
	scope       api.Scope
	read, write []string
}

func (s tokenSet) routes() []api.Route {
	one := s.path + "/{token_id}"
	return []api.Route{
		api.NewRoute(http.MethodGet, s.path, s.scope, s.read, listTokens),
		api.NewRoute(http.MethodPost, s.path, s.scope, s.write, createToken),
		api.NewRoute(http.MethodGet, s.path+"/verify", api.ScopeAny, nil, verifyToken),
		api.NewRoute(http.MethodGet, s.path+"/permission_groups", s.scope, s.read, listPermissionGroups),
		api.NewRoute(http.MethodGet, one, s.scope, s.read, getToken),
		api.NewRoute(http.MethodPut, one, s.scope, s.write, putToken),
		api.NewRoute(http.MethodDelete, one, s.scope, s.write, deleteToken),
		api.NewRoute(http.MethodPut, one+"/value", s.scope, s.write, rollToken),
	}
}

// tokenJSON is a token as clients see it. Value is set in the answer to its creation and nowhere else.
type tokenJSON struct {
	ID        model.ID        `json:"id"`
	Name      string          `json:"name"`
	Status    string          `json:"status"`
	Issued    api.Stamp       `json:"issued_on"`
	Modified  api.Stamp       `json:"modified_on"`
	LastUsed  api.Stamp       `json:"last_used_on"`
	NotBefore *moment         `json:"not_before,omitempty"`
	Expires   *moment         `json:"expires_on,omitempty"`
	Policies  []policyAnswer  `json:"policies"`
	Condition json.RawMessage `json:"condition,omitempty"`
	MadeBy    *makerAnswer    `json:"made_by,omitempty"`
	Value     string          `json:"value,omitempty"`
}

// makerAnswer says who made a token: the user, and the token that the user came by.
type makerAnswer struct {
	User  model.ID `json:"user_id,omitempty"`
	Token model.ID `json:"token_id,omitempty"`
}

type policyAnswer struct {
	ID        model.ID        `json:"id"`
	Effect    string          `json:"effect"`
	Groups    []groupAnswer   `json:"permission_groups"`
	Resources json.RawMessage `json:"resources"`
}

type groupAnswer struct {
	ID   model.ID `json:"id"`
	Name string   `json:"name"`
}

// moment is a time that a client chose: answered as short as it can be.
type moment time.Time

// MarshalJSON writes RFC 3339 in UTC.
func (m moment) MarshalJSON() ([]byte, error) {
	return []byte(time.Time(m).UTC().Format(`"` + time.RFC3339Nano + `"`)), nil
}

func orNoMoment(t time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	m := moment(t)
	return &m
}

func renderToken(now time.Time, t *model.Token) tokenJSON {
	out := tokenJSON{
		ID: t.ID, Name: t.Name, Status: auth.TokenStatus(t, now), Issued: api.Stamp(t.Issued), Modified: api.Stamp(t.Modified),
		LastUsed: api.Stamp(t.LastUsed), NotBefore: orNoMoment(t.NotBefore), Expires: orNoMoment(t.Expires),
		Condition: t.Condition, Policies: []policyAnswer{},
	}
	if t.Maker != (model.Maker{}) {
		out.MadeBy = &makerAnswer{t.Maker.User, t.Maker.Token}
	}
	for i := range t.Policies {
		p := &t.Policies[i]
		a := policyAnswer{ID: p.ID, Effect: p.Effect, Groups: []groupAnswer{}, Resources: p.Resources}
		for _, id := range p.Groups {
			g, _ := auth.GroupByID(id)
			a.Groups = append(a.Groups, groupAnswer{id, g.Name})
		}
		out.Policies = append(out.Policies, a)
	}
	return out
}

// owner is whose tokens the path speaks of: the account's, or else the user's.
func owner(q *api.Request) (user, account model.ID) {
	if q.Account != "" {
		return "", q.Account
	}
	return q.Who.User.ID, ""
}

func listTokens(a *api.API, q *api.Request) error {
	page, per, err := q.Page(usualPage, mostPage)
	if err != nil {
		return err
	}
	asc := strings.EqualFold(api.Last(q.R.URL.Query(), "direction"), "asc")
	if _, err := q.Direction(); err != nil {
		return err
	}
	user, account := owner(q)
	if api.Last(q.R.URL.Query(), "include_expired") == "false" {
		return listFreshTokens(q, user, account, !asc, page, per)
	}
	list, total, err := a.Store.Tokens(q.Ctx(), user, account, !asc, api.Offset(page, per), per)
	if err != nil {
		return err
	}
	return q.List(api.Each(list, func(t *model.Token) tokenJSON { return renderToken(q.Now(), t) }), api.Info(page, per, len(list), total))
}

// listFreshTokens leaves expired ones out, which only the clock can tell.
func listFreshTokens(q *api.Request, user, account model.ID, desc bool, page, per int) error {
	list, _, err := q.API.Store.Tokens(q.Ctx(), user, account, desc, 0, 0)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(t model.Token) bool { return auth.TokenStatus(&t, q.Now()) == auth.StatusExpired })
	out := api.Slice(list, page, per)
	return q.List(api.Each(out, func(t *model.Token) tokenJSON { return renderToken(q.Now(), t) }), api.Info(page, per, len(out), len(list)))
}

// tokenBody is a token as sent.
type tokenBody struct {
	Name      string               `json:"name"`
	Policies  []policyJSON         `json:"policies"`
	NotBefore api.Optional[string] `json:"not_before"`
	Expires   api.Optional[string] `json:"expires_on"`
	Condition json.RawMessage      `json:"condition"`
	Status    api.Optional[string] `json:"status"`
}

// maxTokenName bounds a token's name, in octets.
const maxTokenName = 120

// fill puts what was sent into t, a fresh token or the one that is replaced.
func (b *tokenBody) fill(t *model.Token) (err error) {
	if strings.TrimSpace(b.Name) == "" || len(b.Name) > maxTokenName {
		return badToken("/name", "A token needs a name of at most %d characters.", maxTokenName)
	}
	t.Name = b.Name
	if t.Policies, err = parsePolicies(b.Policies, t.Policies); err != nil {
		return err
	}
	if err := ownResources(t); err != nil {
		return err
	}
	if t.NotBefore, err = parseMoment(&b.NotBefore, "/not_before"); err != nil {
		return err
	}
	if t.Expires, err = parseMoment(&b.Expires, "/expires_on"); err != nil {
		return err
	}
	if !t.Expires.IsZero() && !t.NotBefore.Before(t.Expires) {
		return badToken("/expires_on", "A token must not expire before it begins.")
	}
	if t.Condition, t.In, t.NotIn, err = parseCondition(b.Condition); err != nil {
		return err
	}
	switch {
	case !b.Status.Given(), b.Status.Value == auth.StatusExpired: // as read back by clients that send all they got
	case b.Status.Value == auth.StatusActive, b.Status.Value == auth.StatusDisabled:
		t.Status = b.Status.Value
	default:
		return badToken("/status", "The status must be active or disabled.")
	}
	return nil
}

// ownResources refuses resources that the token's owner can never have: other users, and for an account's token other
// accounts.
func ownResources(t *model.Token) error {
	for i := range t.Policies {
		for _, s := range t.Policies[i].Scopes {
			at := "/policies/" + strconv.Itoa(i) + "/resources"
			switch {
			case s.Kind == auth.KindUser && (t.User == "" || s.ID != "*" && model.ID(s.ID) != t.User):
				return badToken(at, "A token cannot reach another user.")
			case s.Kind == auth.KindAccount && t.Account != "" && s.ID != "*" && model.ID(s.ID) != t.Account,
				s.Account != "" && t.Account != "" && s.Account != t.Account:
				return badToken(at, "The token of an account cannot reach another account.")
			}
		}
	}
	return nil
}

func parseMoment(o *api.Optional[string], at string) (time.Time, error) {
	if !o.Given() || o.Value == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, o.Value)
	if err != nil {
		return time.Time{}, badToken(at, "A time must be written as RFC 3339 says.")
	}
	return t.UTC(), nil
}

func createToken(a *api.API, q *api.Request) error {
	var in tokenBody
	if err := q.Decode(&in); err != nil {
		return err
	}
	t := model.Token{ID: auth.NewID(), Status: auth.StatusActive, Issued: q.Now(), Modified: q.Now()}
	t.User, t.Account = owner(q)
	t.Maker.User = q.Who.User.ID
	if q.Who.Token != nil {
		t.Maker.Token = q.Who.Token.ID
	}
	if err := in.fill(&t); err != nil {
		return err
	}
	if !t.Expires.IsZero() && !t.Expires.After(q.Now()) {
		return badToken("/expires_on", "A token must not be expired when it is made.")
	}
	value := newTokenValue(q)
	t.Hash = auth.Digest(value)
	err := q.People(func(tx model.PeopleTx) error {
		if err := covers(q, &t); err != nil {
			return err
		}
		all, err := tx.Tokens(q.Ctx(), t.User, t.Account)
		if err == nil {
			err = allow(q, tx, model.QuotaTokens, t.Account, len(all))
		}
		if err != nil {
			return err
		}
		if err := tx.AddToken(q.Ctx(), t); err != nil {
			return err
		}
		return tx.Audit(q.Ctx(), toldOfToken(q, "create", &t, nil, t)...)
	})
	if err != nil {
		return err
	}
	out := renderToken(q.Now(), &t)
	out.Value = value
	return q.OK(out)
}

func newTokenValue(q *api.Request) string {
	if q.Account != "" {
		return auth.NewAccountToken()
	}
	return auth.NewUserToken()
}

// covers refuses what a token must not do with a token that may more than itself: make it, change it, or have it anew.
func covers(q *api.Request, t *model.Token) error {
	accountOf := func(id model.ID) model.ID {
		z, err := q.API.Store.Zone(q.Ctx(), id)
		if err != nil {
			return ""
		}
		return z.Account
	}
	if !q.Who.Covers(t, accountOf) {
		return beyond("A token can make and change only tokens that may no more than itself.")
	}
	return nil
}

func beyond(message string) error {
	return &model.Invalid{Code: model.CodeTokenBeyond, Message: message, Status: http.StatusForbidden}
}

// toldOfToken tells of a token in the log of its owner.
func toldOfToken(q *api.Request, action string, t *model.Token, before, after any) []model.Audit {
	if t.User != "" {
		return q.ToldOfUser(t.User, action, "token", t.ID, before, after)
	}
	return []model.Audit{q.Told(t.Account, action, "token", t.ID, before, after)}
}

// ownToken says whether a token is of the owner in the path; all others are not there.
func ownToken(q *api.Request, t *model.Token) error {
	if user, account := owner(q); t.User != user || t.Account != account {
		return model.ErrNotFound
	}
	return nil
}

func noToken(err error) error {
	return api.OrMissing(err, model.CodeTokenNotFound, "There is no such token.")
}

func getToken(a *api.API, q *api.Request) error {
	t, err := a.Store.Token(q.Ctx(), q.PathID("token_id"))
	if err == nil {
		err = ownToken(q, &t)
	}
	if err != nil {
		return noToken(err)
	}
	return q.OK(renderToken(q.Now(), &t))
}

// editToken changes the token in the path as it is now; before is what the audit log shows of it.
func editToken(q *api.Request, edit func(*model.Token) error, tell func(t *model.Token, before model.Token) []model.Audit) (model.Token, error) {
	var out model.Token
	err := q.People(func(tx model.PeopleTx) error {
		var before model.Token
		var err error
		out, err = tx.EditToken(q.Ctx(), q.PathID("token_id"), func(t *model.Token) error {
			if err := ownToken(q, t); err != nil {
				return err
			}
			before = *t
			if err := covers(q, t); err != nil {
				return err
			}
			if err := edit(t); err != nil {
				return err
			}
			t.Modified = q.Now()
			return covers(q, t)
		})
		if err != nil {
			return err
		}
		return tx.Audit(q.Ctx(), tell(&out, before)...)
	})
	return out, noToken(err)
}

func putToken(a *api.API, q *api.Request) error {
	var in tokenBody
	if err := q.Decode(&in); err != nil {
		return err
	}
	t, err := editToken(q, in.fill, func(t *model.Token, before model.Token) []model.Audit {
		return toldOfToken(q, "update", t, before, *t)
	})
	if err != nil {
		return err
	}
	return q.OK(renderToken(q.Now(), &t))
}

// rollToken replaces the value; the old one is unknown from then on.
func rollToken(a *api.API, q *api.Request) error {
	value := newTokenValue(q)
	_, err := editToken(q, func(t *model.Token) error {
		t.Hash = auth.Digest(value)
		return nil
	}, func(t *model.Token, _ model.Token) []model.Audit {
		return toldOfToken(q, "update", t, nil, changed("value"))
	})
	if err != nil {
		return err
	}
	return q.OK(value)
}

// removedToken answers a deletion. Made are tokens that the deleted one has made and that are still there, Removed those
// that went with it.
type removedToken struct {
	ID      model.ID    `json:"id"`
	Made    []tokenName `json:"made,omitempty"`
	Removed []tokenName `json:"removed,omitempty"`
}

type tokenName struct {
	ID      model.ID `json:"id"`
	Name    string   `json:"name"`
	Account model.ID `json:"account_id,omitempty"`
}

// deleteToken removes a token, with made=delete also all that it has made, and what those have made.
func deleteToken(a *api.API, q *api.Request) error {
	var out removedToken
	err := q.People(func(tx model.PeopleTx) error {
		t, err := tx.Token(q.Ctx(), q.PathID("token_id"))
		if err == nil {
			err = ownToken(q, &t)
		}
		if err == nil {
			err = covers(q, &t)
		}
		if err != nil {
			return err
		}
		out = removedToken{ID: t.ID}
		return removeToken(q, tx, &t, &out)
	})
	if err != nil {
		return noToken(err)
	}
	return q.OK(out)
}

func removeToken(q *api.Request, tx model.PeopleTx, t *model.Token, out *removedToken) error {
	made, err := tx.TokensMadeBy(q.Ctx(), t.ID)
	if err != nil {
		return err
	}
	if err := tx.DeleteToken(q.Ctx(), t.ID); err != nil {
		return err
	}
	if err := tx.Audit(q.Ctx(), toldOfToken(q, "delete", t, *t, nil)...); err != nil {
		return err
	}
	for i := range made {
		m := &made[i]
		name := tokenName{m.ID, m.Name, m.Account}
		if api.Last(q.R.URL.Query(), "made") != "delete" || !mayRemove(q, m) {
			out.Made = append(out.Made, name)
			continue
		}
		out.Removed = append(out.Removed, name)
		if err := removeToken(q, tx, m, out); err != nil {
			return err
		}
	}
	return nil
}

// mayRemove says whether who asks could remove the token by its own path.
func mayRemove(q *api.Request, t *model.Token) bool {
	if t.User != "" {
		return t.User == q.Who.User.ID
	}
	return q.Who.Can([]string{"Account API Tokens Write"}, t.Account, "")
}

type verified struct {
	ID        model.ID `json:"id"`
	Status    string   `json:"status"`
	NotBefore *moment  `json:"not_before,omitempty"`
	Expires   *moment  `json:"expires_on,omitempty"`
}

// verifyToken answers any good token without asking for a permission; below an account it must be the account's own.
func verifyToken(a *api.API, q *api.Request) error {
	t := q.Who.Token
	if t == nil {
		return badToken("", "Only an API token can be verified.")
	}
	if id := q.PathID("account_id"); id != "" && t.Account != id {
		return auth.Forbidden(false)
	}
	return q.OK(verified{t.ID, auth.TokenStatus(t, q.Now()), orNoMoment(t.NotBefore), orNoMoment(t.Expires)},
		api.Message{Code: 10000, Message: "This API Token is valid and active"})
}

type permissionGroup struct {
	ID          model.ID `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Scopes      []string `json:"scopes"`
}

// listPermissionGroups shows what a token of the owner can hold: an account's token has no groups of user scope.
func listPermissionGroups(a *api.API, q *api.Request) error {
	v := q.R.URL.Query()
	out := []permissionGroup{}
	for _, g := range auth.Groups() {
		if q.Account != "" && g.Scope == auth.ScopeUser || differs(unescaped(api.Last(v, "name")), g.Name) ||
			differs(unescaped(api.Last(v, "scope")), g.Scope) {
			continue
		}
		verb := "Grants reading: "
		if g.Write {
			verb = "Grants reading and changing: "
		}
		what := strings.TrimSuffix(strings.TrimSuffix(g.Name, " Read"), " Write")
		out = append(out, permissionGroup{g.ID, g.Name, verb + what, []string{g.Scope}})
	}
	return api.OnePage(q, out)
}

// unescaped undoes a second percent-encoding, which some clients apply; no group's name has a percent sign.
func unescaped(s string) string {
	if out, err := url.QueryUnescape(s); err == nil {
		return out
	}
	return s
}
