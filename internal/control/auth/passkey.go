package auth

import (
	"context"
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Print is a fingerprint of what a user's sessions hang on: it is another one once the password or a second factor is.
func Print(u *model.User) []byte { return fingerprint(sessionSecret(u)) }

// Attempted runs the check of what a stranger has signed by a key, under the throttle: as with passwords, failures are counted for the key
// from an address, for the address, and for the key.
func (s *Sessions) Attempted(ctx context.Context, key model.ID, from netip.Addr, check func() (model.User, error)) (model.User, error) {
	return s.guarded(ctx, newAttempt("passkey "+string(key), from, ""), func() (model.User, bool, error) {
		u, err := check()
		return u, err == nil, err
	}, func(*model.User) error { return nil })
}

// FactorSince is since when a user has a second factor, whichever came first; zero: none is left. Recovery codes alone are none.
func FactorSince(f *model.SecondFactor, keys []model.Passkey) time.Time {
	since := f.Since
	for i := range keys {
		if since.IsZero() || keys[i].Created.Before(since) {
			since = keys[i].Created
		}
	}
	return since
}

// PasskeyRefused is the failure of an answer that does not do, whyever: strangers learn no more.
func PasskeyRefused(owner model.ID) *Failure {
	return &Failure{Status: statusForbidden, Code: model.CodePasskeyRefused, Why: WhyPasskey, Owner: owner, Message: "The passkey does not open this"}
}

// PasskeyCopied is the failure of an answer that only who has the key, or a copy, can give.
func PasskeyCopied(owner model.ID) *Failure {
	f := PasskeyRefused(owner)
	f.Why = WhyCounter
	f.Message = "The passkey's counter has gone back, so there may be a copy of it: remove it if it happens again"
	return f
}
