package people

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"image/png"
	"net/http"
	"time"

	"github.com/pquerna/otp"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

func factorRoutes() []api.Route {
	const path = api.Own + "/user/second_factor"
	read, write := []string{"User Details Read", "User Details Write"}, []string{"User Details Write"}
	return []api.Route{
		api.NewRoute(http.MethodGet, path, api.ScopeUser, read, showFactor),
		api.NewRoute(http.MethodPost, path, api.ScopeUser, write, beginFactor),
		api.NewRoute(http.MethodPut, path, api.ScopeUser, write, confirmFactor),
		api.NewRoute(http.MethodPost, path+"/recovery_codes", api.ScopeUser, write, renewRecovery),
		api.NewRoute(http.MethodPost, path+"/remove", api.ScopeUser, write, removeFactor),
		api.NewRoute(http.MethodDelete, api.Own+"/users/{user_id}/second_factor", api.ScopeServer, nil, clearFactor),
	}
}

// factorAccountRoutes are about accounts, which are changed as zones are.
func factorAccountRoutes() []api.Route {
	return []api.Route{
		api.NewRoute(http.MethodPut, api.Own+"/accounts/{account_id}/second_factor", api.ScopeAccount, api.AccSetWrite, enforceFactor),
	}
}

// factorJSON tells how it stands with a user's second factor, that by codes and others; nothing of its secrets.
type factorJSON struct {
	Enabled  bool      `json:"enabled"`
	Since    api.Stamp `json:"enabled_on"`
	Recovery int       `json:"recovery_codes_left"`
	Passkeys int       `json:"passkeys"`
}

func showFactor(a *api.API, q *api.Request) error {
	f, err := a.Store.SecondFactor(q.Ctx(), q.Who.User.ID)
	if err != nil {
		return err
	}
	keys, err := a.Store.Passkeys(q.Ctx(), q.Who.User.ID)
	if err != nil {
		return err
	}
	return q.OK(factorJSON{!f.Since.IsZero(), api.Stamp(f.Since), len(f.Recovery), len(keys)})
}

// inPerson refuses everybody but a user who is signed in: what a token or a key could do to a second factor, who has stolen one could.
func inPerson(q *api.Request) error {
	if q.Who.SessionID() == "" || q.Who.Token != nil {
		return factorState("A second factor is set up and taken away in person: signed in, not by a token or a key.")
	}
	return nil
}

// pendingFactor is a secret that waits for its first code, in three forms. This answer is the only place where it stands.
type pendingFactor struct {
	Secret  string    `json:"secret"`
	URI     string    `json:"uri"`
	Image   string    `json:"image"`
	Expires api.Stamp `json:"expires_on"`
}

func beginFactor(a *api.API, q *api.Request) error {
	var in proof
	if err := in.read(q); err != nil {
		return err
	}
	if f, err := a.Store.SecondFactor(q.Ctx(), q.Who.User.ID); err != nil || !f.Since.IsZero() {
		return cmp.Or(err, factorState("There is an authenticator already: take it away first."))
	}
	secret := auth.NewFactorSecret()
	out := pendingFactor{Secret: auth.FactorText(secret), URI: auth.FactorURI(secret, q.R.Host, q.Who.User.Email)}
	out.Expires = api.Stamp(q.Now().Add(auth.FactorPending))
	var err error
	if out.Image, err = picture(out.URI); err != nil {
		return err
	}
	err = in.shown(q, func(tx model.PeopleTx) error {
		return tx.EditSecondFactor(q.Ctx(), q.Who.User.ID, func(f *model.SecondFactor) error {
			if !f.Since.IsZero() {
				return factorState("There is an authenticator already: take it away first.")
			}
			f.Pending, f.PendingSince = secret, q.Now()
			return nil
		})
	})
	if err != nil {
		return err
	}
	return q.OK(out)
}

func factorState(message string) error {
	return &model.Invalid{Code: model.CodeFactorState, Message: message}
}

// picture is the QR code of an address, as an address of its own.
func picture(uri string) (string, error) {
	const side = 240 // pixels
	key, err := otp.NewKeyFromURL(uri)
	if err != nil {
		return "", fmt.Errorf("draw a QR code: %w", err)
	}
	img, err := key.Image(side, side)
	if err != nil {
		return "", fmt.Errorf("draw a QR code: %w", err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return "", fmt.Errorf("draw a QR code: %w", err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// recoveryJSON is told once.
type recoveryJSON struct {
	Codes []string `json:"recovery_codes"`
}

// confirmFactor makes the second factor count. All sessions that were opened without it end; this one goes on under a new name.
func confirmFactor(a *api.API, q *api.Request) error {
	if err := inPerson(q); err != nil {
		return err
	}
	var in struct {
		Code string `json:"code"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	var out recoveryJSON
	u, err := changeFactor(q, nil, "second factor", true, func(tx model.PeopleTx) error {
		return tx.EditSecondFactor(q.Ctx(), q.Who.User.ID, func(f *model.SecondFactor) (err error) {
			out.Codes, err = auth.ConfirmFactor(f, in.Code, q.Now())
			return err
		})
	})
	if err != nil {
		return err
	}
	if err := renewSession(q, u); err != nil {
		return err
	}
	return q.OK(out)
}

// renewRecovery draws new recovery codes; those before open nothing any more.
func renewRecovery(a *api.API, q *api.Request) error {
	var in proof
	if err := in.read(q); err != nil {
		return err
	}
	var out recoveryJSON
	_, err := changeFactor(q, &in, "recovery codes", false, func(tx model.PeopleTx) error {
		if q.Who.User.TwoFactor.IsZero() {
			return factorState("There is no second factor.")
		}
		return tx.EditSecondFactor(q.Ctx(), q.Who.User.ID, func(f *model.SecondFactor) error {
			out.Codes, f.Recovery = auth.NewRecoveryCodes()
			return nil
		})
	})
	if err != nil {
		return err
	}
	return q.OK(out)
}

// removeFactor takes the authenticator away. Recovery codes stay beside passkeys.
func removeFactor(a *api.API, q *api.Request) error {
	var in proof
	if err := in.read(q); err != nil {
		return err
	}
	u, err := changeFactor(q, &in, "second factor", true, func(tx model.PeopleTx) error {
		return tx.EditSecondFactor(q.Ctx(), q.Who.User.ID, func(f *model.SecondFactor) error {
			if f.Since.IsZero() {
				return factorState("There is no authenticator.")
			}
			*f = model.SecondFactor{User: f.User, Recovery: f.Recovery}
			return nil
		})
	})
	if err != nil {
		return err
	}
	if err := renewSession(q, u); err != nil {
		return err
	}
	return q.OK("")
}

// clearFactor is for who has lost both the authenticator and the recovery codes. Sessions end with it.
func clearFactor(a *api.API, q *api.Request) error {
	id := q.PathID("user_id")
	err := q.People(func(tx model.PeopleTx) error {
		if err := tx.DeleteSecondFactor(q.Ctx(), id); err != nil {
			return err
		}
		_, err := editUserIn(q, tx, id, func(u *model.User) {
			if !u.TwoFactor.IsZero() {
				u.TwoFactor, u.Sessions = time.Time{}, auth.NewSessionsValue()
			}
		}, changed("second factor"))
		return err
	})
	if err != nil {
		return api.OrMissing(err, model.CodeUserInvalid, "There is no such user.")
	}
	return q.OK(api.IDOnly{ID: id})
}

// enforceFactor has an account ask its members for a second factor, or not any more. Who has none himself would shut himself out.
func enforceFactor(a *api.API, q *api.Request) error {
	var in struct {
		Enforced api.Optional[bool] `json:"enforced"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	if !in.Enforced.Given() {
		return api.Invalid(model.CodeFactorState, "/enforced", "enforced must be true or false.")
	}
	if in.Enforced.Value && q.Who.User.ID != "" && q.Who.User.TwoFactor.IsZero() {
		return factorState("You have no second factor yourself: set one up first.")
	}
	res, err := q.Change(model.EditAccount{Action: "second_factor", Apply: func(acc model.Account) (model.Account, error) {
		acc.EnforceTwoFactor = in.Enforced.Value
		return acc, nil
	}})
	if err != nil {
		return api.OrMissing(err, model.CodeAccountInvalid, "There is no such account.")
	}
	return q.OK(renderAccount(res.Outcomes[0].Account))
}

// lockedAccounts are those that ask the user for a second factor first, by name.
func lockedAccounts(q *api.Request, who *auth.Identity) ([]api.AccountRef, error) {
	ids := who.Locked()
	if len(ids) == 0 {
		return []api.AccountRef{}, nil
	}
	list, _, err := q.API.Store.Accounts(q.Ctx(), ids, "", false, 0, reachMost)
	return api.Each(list, func(a *model.Account) api.AccountRef { return api.AccountRef{ID: a.ID, Name: a.Name} }), err
}
