package people

import (
	"bytes"
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

// factorJSON tells how it stands with a user's second factor; nothing of its secrets.
type factorJSON struct {
	Enabled  bool      `json:"enabled"`
	Since    api.Stamp `json:"enabled_on"`
	Recovery int       `json:"recovery_codes_left"`
}

func showFactor(a *api.API, q *api.Request) error {
	f, err := a.Store.SecondFactor(q.Ctx(), q.Who.User.ID)
	if err != nil {
		return err
	}
	return q.OK(factorJSON{!f.Since.IsZero(), api.Stamp(f.Since), len(f.Recovery)})
}

// inPerson refuses everybody but a user who is signed in: what a token or a key could do to a second factor, who has stolen one could.
func inPerson(q *api.Request) error {
	if q.Who.SessionID() == "" || q.Who.Token != nil {
		return factorState("A second factor is set up and taken away in person: signed in, not by a token or a key.")
	}
	return nil
}

// factorBody is what is asked for before a second factor changes.
type factorBody struct {
	Current string `json:"current_password"`
	Code    string `json:"code"`
}

func (b *factorBody) read(q *api.Request) error {
	if err := inPerson(q); err != nil {
		return err
	}
	if err := q.Decode(b); err != nil {
		return err
	}
	return confirm(q, b.Current)
}

// pendingFactor is a secret that waits for its first code, in three forms. This answer is the only place where it stands.
type pendingFactor struct {
	Secret  string    `json:"secret"`
	URI     string    `json:"uri"`
	Image   string    `json:"image"`
	Expires api.Stamp `json:"expires_on"`
}

func beginFactor(a *api.API, q *api.Request) error {
	var in factorBody
	if err := in.read(q); err != nil {
		return err
	}
	secret := auth.NewFactorSecret()
	out := pendingFactor{Secret: auth.FactorText(secret), URI: auth.FactorURI(secret, q.R.Host, q.Who.User.Email)}
	out.Expires = api.Stamp(q.Now().Add(auth.FactorPending))
	var err error
	if out.Image, err = picture(out.URI); err != nil {
		return err
	}
	err = q.People(func(tx model.PeopleTx) error {
		return tx.EditSecondFactor(q.Ctx(), q.Who.User.ID, func(f *model.SecondFactor) error {
			if !f.Since.IsZero() {
				return factorState("There is a second factor already: take it away first.")
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
	var in factorBody
	if err := q.Decode(&in); err != nil {
		return err
	}
	var out recoveryJSON
	u, err := changeFactor(q, "second factor", func(tx model.PeopleTx, id model.ID) (err error) {
		return tx.EditSecondFactor(q.Ctx(), id, func(f *model.SecondFactor) error {
			out.Codes, err = auth.ConfirmFactor(f, in.Code, q.Now())
			return err
		})
	}, func(u *model.User) { u.TwoFactor, u.Sessions = q.Now(), auth.NewSessionsValue() })
	if err != nil {
		return err
	}
	if err := renewSession(q, u); err != nil {
		return err
	}
	return q.OK(out)
}

// changeFactor changes what a user has of second factors, the user with it, and tells of it.
func changeFactor(
	q *api.Request, what string, factor func(tx model.PeopleTx, id model.ID) error, edit func(*model.User),
) (out model.User, err error) {
	id := q.Who.User.ID
	err = q.People(func(tx model.PeopleTx) error {
		if err := factor(tx, id); err != nil {
			return err
		}
		out, err = editUserIn(q, tx, id, edit, changed(what))
		return err
	})
	return out, err
}

// withCode runs change once the user's code has been taken, in the same transaction. That a code was wrong is written, too.
func withCode(q *api.Request, code, what string, change func(tx model.PeopleTx, f *model.SecondFactor) error, edit func(*model.User)) (model.User, error) {
	var refused *auth.Failure
	u, err := changeFactor(q, what, func(tx model.PeopleTx, id model.ID) error {
		refused = nil
		return tx.EditSecondFactor(q.Ctx(), id, func(f *model.SecondFactor) error {
			if f.Since.IsZero() {
				return factorState("There is no second factor.")
			}
			if refused = auth.UseFactor(f, code, q.Now()); refused == nil {
				return change(tx, f)
			}
			return nil
		})
	}, func(u *model.User) {
		if refused == nil {
			edit(u)
		}
	})
	if err == nil && refused != nil {
		refused.Owner = q.Who.User.ID
		return u, refused
	}
	return u, err
}

// renewRecovery draws new recovery codes; those before open nothing any more.
func renewRecovery(a *api.API, q *api.Request) error {
	var in factorBody
	if err := in.read(q); err != nil {
		return err
	}
	var out recoveryJSON
	_, err := withCode(q, in.Code, "recovery codes", func(_ model.PeopleTx, f *model.SecondFactor) error {
		out.Codes, f.Recovery = auth.NewRecoveryCodes()
		return nil
	}, func(u *model.User) { u.Modified = q.Now() })
	if err != nil {
		return err
	}
	return q.OK(out)
}

// removeFactor takes the second factor away, unless an account of the user asks for one.
func removeFactor(a *api.API, q *api.Request) error {
	var in factorBody
	if err := in.read(q); err != nil {
		return err
	}
	u, err := withCode(q, in.Code, "second factor", func(tx model.PeopleTx, f *model.SecondFactor) error {
		list, err := tx.Members(q.Ctx(), "", f.User)
		if err != nil {
			return err
		}
		for _, m := range list {
			if m.Strict && m.Status == auth.MemberAccepted {
				return factorState("An account of yours asks its members for a second factor.")
			}
		}
		*f = model.SecondFactor{User: f.User}
		return nil
	}, func(u *model.User) { u.TwoFactor, u.Sessions = time.Time{}, auth.NewSessionsValue() })
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
