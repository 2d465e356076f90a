package people

import (
	"encoding/json"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/passkey"
)

// proof is what a user shows before his ways in change, or become more: the password, and the second factor where he has one. Without the second half
// somebody who has found out a password would have himself a second factor made in an open browser.
type proof struct {
	Current string          `json:"current_password"`
	Code    string          `json:"code"`
	Passkey json.RawMessage `json:"passkey"` // in place of the code

	attempt passkey.Attempt
	answer  passkey.Answer
}

// read reads the proof, and looks at it.
func (p *proof) read(q *api.Request) error {
	if err := inPerson(q); err != nil {
		return err
	}
	if err := q.Decode(p); err != nil {
		return err
	}
	return p.look(q)
}

// look looks at the part of the proof that stands in no transaction.
func (p *proof) look(q *api.Request) (err error) {
	if err := confirmed(q, p.Current); err != nil {
		return err
	}
	if !given(p.Passkey) {
		return nil
	}
	if p.attempt, err = takeAttempt(q, passkey.ToProve); err != nil {
		return err
	}
	if p.answer, err = passkey.Read(p.Passkey); err != nil {
		return passkeyRefused(q, q.Who.User.ID, err)
	}
	return nil
}

func given(b json.RawMessage) bool { return len(b) > 0 && string(b) != "null" }

// freshFor is how young a session has to be that stands for a password, with who has none.
const freshFor = 10 * time.Minute

// confirmed asks for the password again, or, of who has none and comes by a provider, that he has signed in just now.
func confirmed(q *api.Request, password string) error {
	if q.Who.User.PasswordHash != "" {
		return confirm(q, password)
	}
	if q.Now().Sub(auth.SessionIssued(q.Who.SessionID())) > freshFor {
		return factorState("Sign in again first: without a password this takes a session of the last ten minutes.")
	}
	return nil
}

// shown runs change once the second factor was shown, in the same transaction. That it was wrong is written, too.
func (p *proof) shown(q *api.Request, change func(tx model.PeopleTx) error) error {
	var refused *auth.Failure
	err := q.People(func(tx model.PeopleTx) (err error) {
		if refused, err = p.check(q, tx); err != nil || refused != nil {
			return err
		}
		return change(tx)
	})
	if err == nil && refused != nil {
		refused.Owner = q.Who.User.ID
		return refused
	}
	return err
}

// check takes the second factor, if there is one; a nil proof needs none.
func (p *proof) check(q *api.Request, tx model.PeopleTx) (refused *auth.Failure, err error) {
	switch {
	case p == nil || q.Who.User.TwoFactor.IsZero():
		return nil, nil
	case given(p.Passkey):
		_, refused, err = usePasskey(q, tx, &p.attempt, p.answer)
	case p.Code == "":
		return auth.FactorNeeded(), nil
	default:
		err = tx.EditSecondFactor(q.Ctx(), q.Who.User.ID, func(f *model.SecondFactor) error {
			refused = auth.UseFactor(f, p.Code, q.Now())
			return nil
		})
	}
	return refused, err
}

// changeFactor changes what the user has of second factors, the user with it, and tells of it. His sessions end when they are to, and
// whenever he gets his first one or loses the last.
func changeFactor(q *api.Request, in *proof, what string, ends bool, change func(tx model.PeopleTx) error) (out model.User, err error) {
	id := q.Who.User.ID
	err = in.shown(q, func(tx model.PeopleTx) error {
		if err := change(tx); err != nil {
			return err
		}
		since, err := whatIsLeft(q, tx, id)
		if err != nil {
			return err
		}
		out, err = editUserIn(q, tx, id, func(u *model.User) {
			if ends || since.IsZero() != u.TwoFactor.IsZero() {
				u.Sessions = auth.NewSessionsValue()
			}
			u.TwoFactor, u.Modified = since, q.Now()
		}, changed(what))
		return err
	})
	return out, err
}

// whatIsLeft says since when the user has a second factor, and clears up behind the last. That one stays while an account of his asks for it.
func whatIsLeft(q *api.Request, tx model.PeopleTx, id model.ID) (since time.Time, err error) {
	keys, err := tx.Passkeys(q.Ctx(), id)
	if err != nil {
		return since, err
	}
	err = tx.EditSecondFactor(q.Ctx(), id, func(f *model.SecondFactor) error {
		if since = auth.FactorSince(f, keys); since.IsZero() {
			*f = model.SecondFactor{User: id}
		}
		return nil
	})
	if err != nil || !since.IsZero() {
		return since, err
	}
	list, err := tx.Members(q.Ctx(), "", id)
	if err != nil {
		return since, err
	}
	for _, m := range list {
		if m.Strict && m.Status == auth.MemberAccepted {
			return since, factorState("An account of yours asks its members for a second factor, and this is your last.")
		}
	}
	return since, nil
}
