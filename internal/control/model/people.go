package model

import (
	"context"
	"time"
)

// PeopleTx is a write transaction about users, members and tokens. Such transactions come one after another, on all nodes
// together: what is read through one stays true until its end. New rows are added, known ones are edited as they stand in
// it, and a row that is gone is ErrNotFound, so nothing that was taken away is ever written back.
type PeopleTx interface {
	userTx
	memberTx
	tokenTx
	sessionTx
	factorTx
	loginTx
	passkeyTx
	// Audit adds entries to the audit log.
	Audit(ctx context.Context, a ...Audit) error
	// PutMeta notes a value under a name, as the store's own PutMeta does.
	PutMeta(ctx context.Context, key string, v []byte) error
}

type userTx interface {
	// Account reads an account; it is not edited here.
	Account(ctx context.Context, id ID) (Account, error)
	User(ctx context.Context, id ID) (User, error)
	UserByEmail(ctx context.Context, email string) (User, error)
	// Administrators lists the administrators of the server, by id.
	Administrators(ctx context.Context) ([]User, error)
	// AddUser fails with an *Invalid when another user has the e-mail address, compared without case, or the id.
	AddUser(ctx context.Context, u User) error
	// EditUser hands edit the user as it is and writes what edit makes of it; an error of edit changes nothing.
	EditUser(ctx context.Context, id ID, edit func(*User) error) (User, error)
}

type memberTx interface {
	// Members lists the memberships of an account, of a user, or of both together, oldest first; either may be empty.
	Members(ctx context.Context, account, user ID) ([]Member, error)
	// AddMember fails with an *Invalid when the user is a member of the account already.
	AddMember(ctx context.Context, m Member) error
	EditMember(ctx context.Context, account, id ID, edit func(*Member) error) (Member, error)
	DeleteMember(ctx context.Context, account, id ID) error
}

type sessionTx interface {
	Session(ctx context.Context, id ID) (Session, error)
	// EndSession ends a session of the owner, ErrNotFound if there is none; EndSessions ends all but the one to keep, and counts them.
	EndSession(ctx context.Context, owner, id ID) error
	EndSessions(ctx context.Context, owner, keep ID) (int, error)
}

type factorTx interface {
	// EditSecondFactor hands edit what the user has, empty where there is none, and writes what edit makes of it.
	EditSecondFactor(ctx context.Context, user ID, edit func(*SecondFactor) error) error
	// DeleteSecondFactor takes all away that is one: the authenticator, the recovery codes, and the passkeys.
	DeleteSecondFactor(ctx context.Context, user ID) error
}

type passkeyTx interface {
	Passkey(ctx context.Context, id ID) (Passkey, error)
	Passkeys(ctx context.Context, user ID) ([]Passkey, error)
	// AddPasskey fails with an *Invalid when somebody has it already.
	AddPasskey(ctx context.Context, k Passkey) error
	PutPasskey(ctx context.Context, k Passkey) error
	DeletePasskey(ctx context.Context, user, id ID) error
	// SpendChallenge notes until when a challenge, by its digest, must not be answered again; false: it has been already.
	SpendChallenge(ctx context.Context, id ID, now, until time.Time) (first bool, err error)
}

type loginTx interface {
	Login(ctx context.Context, id ID) (Login, error)
	Logins(ctx context.Context, user ID) ([]Login, error)
	// AddLogin fails with an *Invalid when somebody is known so already.
	AddLogin(ctx context.Context, l Login) error
	DeleteLogin(ctx context.Context, user, id ID) error
}

type tokenTx interface {
	Token(ctx context.Context, id ID) (Token, error)
	// Tokens lists all tokens of a user (account empty) or of an account (user empty), by the time of issue.
	Tokens(ctx context.Context, user, account ID) ([]Token, error)
	// TokensMadeBy lists the tokens that a token has made.
	TokensMadeBy(ctx context.Context, id ID) ([]Token, error)
	AddToken(ctx context.Context, t Token) error
	EditToken(ctx context.Context, id ID, edit func(*Token) error) (Token, error)
	DeleteToken(ctx context.Context, id ID) error
}
