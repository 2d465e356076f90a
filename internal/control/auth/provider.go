package auth

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// LoginID is under which id a provider's account is kept. The parts are told apart by their lengths.
func LoginID(issuer, subject string) model.ID {
	b := binary.BigEndian.AppendUint64(nil, uint64(len(issuer)))
	return model.ID(hex.EncodeToString(Digest(string(b) + issuer + subject)[:16]))
}

// shown says that a second factor was shown for the session, at a provider's or to us.
func (s *session) shown() bool { return s != nil && s.row.Way == WayProviderFactor }

// PassFactor takes the code of a user who has come by a provider and has a second factor here; without one it does nothing.
func (s *Sessions) PassFactor(ctx context.Context, u *model.User, code string) error {
	return s.passFactor(ctx, u, code)
}

// Enter opens a session for a user who has shown who he is, by one of the ways.
func (s *Sessions) Enter(ctx context.Context, u model.User, way string, from netip.Addr, agent string) (NewSession, error) {
	if u.Suspended {
		return NewSession{}, suspended("user").of(u.ID)
	}
	out, err := s.issue(ctx, s.clock(), opening{sessionOfUser, u.ID, u.ID, "", way, sessionSecret(&u), from, agent}, u)
	if way == WayPassword || way == WayFactor || way == WayPasskey {
		out.Browser = s.newBrowser(u.Email)
	}
	return out, err
}

// ByProvider is the way of who comes by a provider, and whether a second factor counts.
func ByProvider(factor bool) string {
	if factor {
		return WayProviderFactor
	}
	return WayProvider
}

// Seal encrypts what a browser keeps for a while and must not read or change; use names what it is for. All nodes can open it.
func (s *Sessions) Seal(use string, v []byte, until time.Time) string {
	b := s.box()
	nonce := make([]byte, b.NonceSize())
	mustRead(nonce)
	text := append(binary.BigEndian.AppendUint64(nil, uint64(until.Unix())), v...)
	return base64.RawURLEncoding.EncodeToString(b.Seal(nonce, nonce, text, []byte(use))) //nolint:gosec // the nonce is drawn above
}

// Unseal opens it again; false for what is too old, was made for another use, or by nobody here.
func (s *Sessions) Unseal(use, value string) ([]byte, bool) {
	b := s.box()
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || len(raw) < b.NonceSize() {
		return nil, false
	}
	text, err := b.Open(nil, raw[:b.NonceSize()], raw[b.NonceSize():], []byte(use))
	if err != nil || len(text) < 8 || s.clock().Unix() >= int64(binary.BigEndian.Uint64(text)) {
		return nil, false
	}
	return text[8:], true
}

func (s *Sessions) box() cipher.AEAD {
	block, err := aes.NewCipher(s.mac("seal", nil))
	if err != nil {
		panic(err) // a digest has the size of a key
	}
	b, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return b
}
