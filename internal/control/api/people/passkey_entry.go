package people

import (
	"encoding/json"
	"net/http"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/passkey"
)

// ownPage refuses what a page of another origin has sent for its visitor.
func ownPage(q *api.Request) error {
	if http.NewCrossOriginProtection().Check(q.R) != nil {
		return auth.Forbidden(false)
	}
	return nil
}

// beginEntry asks for a passkey: of anybody, of who has a password, or of who has come back from the provider.
func beginEntry(a *api.API, q *api.Request) error {
	if a.Passkeys == nil || a.Sessions == nil {
		return api.NotHere()
	}
	if err := ownPage(q); err != nil {
		return err
	}
	var in struct {
		Email    string `json:"email"`
		Password string `json:"password"`
		Provider bool   `json:"provider"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	switch {
	case in.Provider:
		var h half
		if !seeSealed(q, halfCookie, &h) {
			return notBegun()
		}
		u, err := a.Store.User(q.Ctx(), h.User)
		if err != nil {
			return err
		}
		return askOf(q, passkey.ToComplete, &u, h.To)
	case in.Email != "" || in.Password != "":
		r := signInRequest(q, in.Email, in.Password, "")
		u, err := a.Sessions.Password(q.Ctx(), &r, func(*model.User) error { return nil })
		if err != nil {
			return err
		}
		return askOf(q, passkey.ToFollow, &u, "")
	}
	options, attempt, err := a.Passkeys.Ask(passkey.ToEnter, nil, nil)
	if err != nil {
		return err
	}
	return challenge(q, options, attempt)
}

// entryWay is how somebody has come in who has answered a challenge.
func entryWay(use passkey.Use) string {
	switch use {
	case passkey.ToFollow:
		return auth.WayFactor
	case passkey.ToComplete:
		return auth.WayProviderFactor
	default:
		return auth.WayPasskey
	}
}

// finishEntry takes the answer and opens the session.
func finishEntry(a *api.API, q *api.Request) error {
	if err := ownPage(q); err != nil {
		return err
	}
	var in struct {
		Passkey json.RawMessage `json:"passkey"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	attempt, err := takeAttempt(q, passkey.ToEnter, passkey.ToFollow, passkey.ToComplete)
	if err != nil {
		return err
	}
	answer, err := passkey.Read(in.Passkey)
	if err != nil {
		return passkeyRefused(q, attempt.User, err)
	}
	u, err := a.Sessions.Attempted(q.Ctx(), answer.Key, q.Addr(), func() (model.User, error) { return enterBy(q, &attempt, answer) })
	if err != nil {
		return err
	}
	return enter(a, q, u, entryWay(attempt.Use), attempt.To)
}

// enterBy takes a stranger's answer. It is tried before anything is written: strangers who make answers up take no turn at the database from
// others, and have nobody's rights looked at again.
func enterBy(q *api.Request, attempt *passkey.Attempt, answer passkey.Answer) (u model.User, err error) {
	u, _, refused, err := tryPasskey(q, q.API.Store, attempt, answer)
	if err == nil && refused == nil {
		err = q.API.Store.EditPeople(q.Ctx(), func(tx model.PeopleTx) (err error) {
			u, refused, err = usePasskey(q, tx, attempt, answer)
			return err
		})
	}
	if err == nil && refused != nil {
		err = refused
	}
	return u, err
}
