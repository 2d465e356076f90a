package people

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/passkey"
)

func passkeyRoutes() []api.Route {
	const keys, session = api.Own + "/user/passkeys", api.Own + "/session/passkey"
	read, write := []string{"User Details Read", "User Details Write"}, []string{"User Details Write"}
	return []api.Route{
		api.NewRoute(http.MethodGet, keys, api.ScopeUser, read, listPasskeys),
		api.NewRoute(http.MethodPost, keys, api.ScopeUser, write, beginPasskey),
		api.NewRoute(http.MethodPut, keys, api.ScopeUser, write, addPasskey),
		api.NewRoute(http.MethodPost, keys+"/proof", api.ScopeUser, write, beginProof),
		api.NewRoute(http.MethodPost, keys+"/{passkey_id}/remove", api.ScopeUser, write, removePasskey),
		api.NewRoute(http.MethodPost, session, api.ScopePublic, nil, beginEntry),
		api.NewRoute(http.MethodPut, session, api.ScopePublic, nil, finishEntry),
	}
}

// passkeysMost bounds a user's passkeys.
const passkeysMost = 20

// passkeyJSON is one, as its user sees it.
type passkeyJSON struct {
	ID      model.ID  `json:"id"`
	Name    string    `json:"name"`
	Created api.Stamp `json:"created_on"`
	Used    api.Stamp `json:"last_used_on"`
}

func renderPasskey(k *model.Passkey) passkeyJSON {
	return passkeyJSON{k.ID, k.Name, api.Stamp(k.Created), api.Stamp(k.Used)}
}

func listPasskeys(a *api.API, q *api.Request) error {
	list, err := a.Store.Passkeys(q.Ctx(), q.Who.User.ID)
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b model.Passkey) int { return a.Created.Compare(b.Created) })
	return api.OnePage(q, api.Each(list, renderPasskey))
}

// passkeyCookie keeps the one challenge that a browser was given last: a browser asks its user one thing at a time.
const passkeyCookie = "headwater_passkey"

// optionsJSON is what browsers hand to navigator.credentials, in the form that WebAuthn has for JSON.
type optionsJSON struct {
	Options any `json:"public_key"`
}

// challenge hands the browser a challenge, and what it must send with the answer.
func challenge(q *api.Request, options any, a passkey.Attempt) error {
	if q.Who != nil {
		a.Session = q.Who.SessionID()
	}
	if err := setSealed(q, passkeyCookie, a, passkey.Life); err != nil {
		return err
	}
	return q.OK(optionsJSON{options})
}

// takeAttempt takes the challenge back from the browser, once: it has to be for one of these, and of this session.
func takeAttempt(q *api.Request, uses ...passkey.Use) (a passkey.Attempt, err error) {
	if q.API.Passkeys == nil || q.API.Sessions == nil {
		return a, api.NotHere()
	}
	session := model.ID("")
	if q.Who != nil {
		session = q.Who.SessionID()
	}
	ok := seeSealed(q, passkeyCookie, &a)
	dropCookie(q, passkeyCookie)
	if !ok || !slices.Contains(uses, a.Use) || a.Session != session {
		return a, api.Invalid(model.CodePasskeyOver, "", "This was not begun in this browser, or is over. Please begin again.")
	}
	return a, nil
}

// passkeyRefused is what is told of an answer that does not do; the log has the reason.
func passkeyRefused(q *api.Request, owner model.ID, err error) error {
	r, bad := errors.AsType[*passkey.Refused](err)
	switch {
	case !bad:
		return err
	case r.Back:
		q.API.Log.Warn("a passkey's signature counter has gone back", "request", q.Id, "user", owner)
		return auth.PasskeyCopied(owner)
	}
	q.API.Log.Info("a passkey was refused", "request", q.Id, "user", owner, "error", r.Err)
	return auth.PasskeyRefused(owner)
}

// keyring finds passkeys and whose they are.
type keyring interface {
	Passkey(ctx context.Context, id model.ID) (model.Passkey, error)
	User(ctx context.Context, id model.ID) (model.User, error)
}

// tryPasskey says whether an answer does, and gives the passkey as it is to be kept then.
func tryPasskey(q *api.Request, in keyring, a *passkey.Attempt, answer passkey.Answer) (u model.User, k model.Passkey, refused *auth.Failure, err error) {
	k, err = in.Passkey(q.Ctx(), answer.Key)
	if errors.Is(err, model.ErrNotFound) {
		return u, k, auth.PasskeyRefused(a.User), nil
	}
	if err != nil {
		return u, k, nil, err
	}
	if u, err = in.User(q.Ctx(), k.User); err != nil {
		return u, k, nil, err
	}
	if a.User != "" && !bytes.Equal(a.Print, auth.Print(&u)) { // another password, or another factor, since it was begun
		return u, k, auth.PasskeyRefused(a.User), nil
	}
	k, err = q.API.Passkeys.Check(&u, k, a, answer, q.Now())
	if err == nil {
		return u, k, nil, nil
	}
	if f, ok := errors.AsType[*auth.Failure](passkeyRefused(q, cmp.Or(a.User, u.ID), err)); ok {
		return u, k, f, nil
	}
	return u, k, nil, err
}

// usePasskey takes an answer inside a transaction: of two that come with one challenge the first does, at whatever node.
func usePasskey(q *api.Request, tx model.PeopleTx, a *passkey.Attempt, answer passkey.Answer) (u model.User, refused *auth.Failure, err error) {
	u, k, refused, err := tryPasskey(q, tx, a, answer)
	if err != nil || refused != nil {
		return u, refused, err
	}
	first, err := tx.SpendChallenge(q.Ctx(), a.ID(), q.Now(), q.Now().Add(passkey.Life))
	if err != nil {
		return u, nil, err
	}
	if !first {
		return u, auth.PasskeyRefused(u.ID), nil
	}
	return u, nil, tx.PutPasskey(q.Ctx(), k)
}

// askOf asks for a signature by one of the user's passkeys.
func askOf(q *api.Request, use passkey.Use, u *model.User, to string) error {
	has, err := q.API.Store.Passkeys(q.Ctx(), u.ID)
	if err != nil {
		return err
	}
	if len(has) == 0 {
		return api.Missing(model.CodePasskeyNone, "The user has no passkey.")
	}
	options, a, err := q.API.Passkeys.Ask(use, u, has)
	if err != nil {
		return err
	}
	a.Print, a.To = auth.Print(u), to
	return challenge(q, options, a)
}

// beginProof asks who is signed in for one of his passkeys, before something is changed that takes a second factor.
func beginProof(a *api.API, q *api.Request) error {
	if a.Passkeys == nil {
		return api.NotHere()
	}
	if err := inPerson(q); err != nil {
		return err
	}
	return askOf(q, passkey.ToProve, &q.Who.User, "")
}

func beginPasskey(a *api.API, q *api.Request) error {
	if a.Passkeys == nil {
		return api.NotHere()
	}
	var in proof
	if err := in.read(q); err != nil {
		return err
	}
	var has []model.Passkey
	err := in.shown(q, func(tx model.PeopleTx) (err error) {
		has, err = tx.Passkeys(q.Ctx(), q.Who.User.ID)
		return err
	})
	if err != nil {
		return err
	}
	if len(has) >= passkeysMost {
		return badPasskey("", "A user has twenty passkeys at most.")
	}
	options, attempt, err := a.Passkeys.Register(&q.Who.User, has)
	if err != nil {
		return err
	}
	attempt.Print = auth.Print(&q.Who.User)
	return challenge(q, options, attempt)
}

func badPasskey(pointer, message string) error {
	return api.Invalid(model.CodePasskey, pointer, message)
}

// addedJSON is told once: recovery codes are new where the user had none.
type addedJSON struct {
	passkeyJSON

	Codes []string `json:"recovery_codes"`
}

// addPasskey keeps what the authenticator has made. Where it is the first second factor, all sessions that were opened without end; this one
// goes on under a new name.
func addPasskey(a *api.API, q *api.Request) error {
	if err := inPerson(q); err != nil {
		return err
	}
	var in struct {
		Name    string          `json:"name"`
		Passkey json.RawMessage `json:"passkey"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	if !api.LabelText(in.Name) {
		return badPasskey("/name", "A passkey needs a name of up to 100 visible characters.")
	}
	attempt, err := takeAttempt(q, passkey.ToRegister)
	if err != nil {
		return err
	}
	k, err := a.Passkeys.Registered(&q.Who.User, &attempt, in.Passkey, q.Now())
	if r, bad := errors.AsType[*passkey.Refused](err); bad {
		q.API.Log.Info("a passkey was not registered", "request", q.Id, "user", q.Who.User.ID, "error", r.Err)
		return badPasskey("/passkey", "This is no answer to what was asked. Please begin again.")
	}
	if err != nil {
		return err
	}
	k.Name = in.Name
	before := q.Who.User.Sessions
	out := addedJSON{Codes: []string{}}
	u, err := changeFactor(q, nil, "passkeys", false, func(tx model.PeopleTx) error { return keepPasskey(q, tx, &attempt, k, &out) })
	if err != nil {
		return err
	}
	if !bytes.Equal(u.Sessions, before) {
		if err := renewSession(q, u); err != nil {
			return err
		}
	}
	out.passkeyJSON = renderPasskey(&k)
	return q.OK(out)
}

func keepPasskey(q *api.Request, tx model.PeopleTx, a *passkey.Attempt, k model.Passkey, out *addedJSON) error {
	first, err := tx.SpendChallenge(q.Ctx(), a.ID(), q.Now(), q.Now().Add(passkey.Life))
	if err != nil {
		return err
	}
	if !first || !bytes.Equal(a.Print, auth.Print(&q.Who.User)) {
		return api.Invalid(model.CodePasskeyOver, "", "This is over. Please begin again.")
	}
	has, err := tx.Passkeys(q.Ctx(), k.User)
	if err != nil {
		return err
	}
	if len(has) >= passkeysMost {
		return badPasskey("", "A user has twenty passkeys at most.")
	}
	if err := tx.AddPasskey(q.Ctx(), k); err != nil {
		return err
	}
	err = tx.EditSecondFactor(q.Ctx(), k.User, func(f *model.SecondFactor) error {
		out.Codes = []string{}
		if len(f.Recovery) == 0 {
			out.Codes, f.Recovery = auth.NewRecoveryCodes()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return tx.Audit(q.Ctx(), q.ToldOfUser(k.User, "create", "passkey", k.ID, nil, passkeyFacts(&k))...)
}

func passkeyFacts(k *model.Passkey) model.AuditFacts {
	return model.AuditFacts{{Name: "name", Text: k.Name}}
}

// removePasskey takes one away, and ends all other sessions: one of them may have been opened by it.
func removePasskey(a *api.API, q *api.Request) error {
	var in proof
	if err := in.read(q); err != nil {
		return err
	}
	id := q.PathID("passkey_id")
	u, err := changeFactor(q, &in, "passkeys", true, func(tx model.PeopleTx) error {
		k, err := tx.Passkey(q.Ctx(), id)
		if err != nil {
			return err
		}
		if err := tx.DeletePasskey(q.Ctx(), q.Who.User.ID, id); err != nil {
			return err
		}
		return tx.Audit(q.Ctx(), q.ToldOfUser(q.Who.User.ID, "delete", "passkey", id, passkeyFacts(&k), nil)...)
	})
	if err != nil {
		return api.OrMissing(err, model.CodePasskeyNone, "There is no such passkey.")
	}
	if err := renewSession(q, u); err != nil {
		return err
	}
	return q.OK(api.IDOnly{ID: id})
}
