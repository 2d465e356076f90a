package engine

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// ErrSecretKey is what Open answers when the database was made with another secret key.
var ErrSecretKey = errors.New("the secret key is not the one that this database was made with")

// errSealed is a secret that was changed, or that stands in a row where it was not put.
var errSealed = errors.New("a stored secret cannot be opened")

// ErrNoKey is a secret on a node that has no key.
var ErrNoKey = fmt.Errorf("this node has no secret key: %w", model.ErrSealed)

// sealer encrypts what must not be read from the tables: XChaCha20-Poly1305 with a random nonce in front, bound to the
// row by its name. While a store gets a new key, what older ones have sealed can be read.
type sealer struct {
	aead  cipher.AEAD
	older []cipher.AEAD
}

// NewSealer encrypts with a key and opens with it and with older ones.
func NewSealer(key [32]byte, older ...[32]byte) (*sealer, error) {
	out := &sealer{}
	for i, k := range append([][32]byte{key}, older...) {
		aead, err := chacha20poly1305.NewX(k[:])
		switch {
		case err != nil:
			return nil, fmt.Errorf("secret key: %w", err)
		case i == 0:
			out.aead = aead
		default:
			out.older = append(out.older, aead)
		}
	}
	return out, nil
}

// Seal encrypts for the row; no secret is no octets, also without a key. A secret is ErrNoKey then.
func (s *sealer) Seal(row string, secret []byte) ([]byte, error) {
	switch {
	case len(secret) == 0:
		return []byte{}, nil
	case s == nil:
		return nil, ErrNoKey
	}
	box := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(secret)+chacha20poly1305.Overhead)
	_, _ = rand.Read(box) // never fails (crypto/rand)
	return s.aead.Seal(box, box, secret, []byte(row)), nil
}

// Open decrypts what seal wrote for the same row; without a key it answers errNoKey.
func (s *sealer) Open(row string, box []byte) ([]byte, error) {
	if len(box) == 0 {
		return nil, nil
	}
	if s == nil {
		return nil, ErrNoKey
	}
	if len(box) < chacha20poly1305.NonceSizeX {
		return nil, errSealed
	}
	nonce, sealed := box[:chacha20poly1305.NonceSizeX], box[chacha20poly1305.NonceSizeX:]
	if secret, err := s.aead.Open(nil, nonce, sealed, []byte(row)); err == nil {
		return secret, nil
	}
	for _, aead := range s.older {
		if secret, err := aead.Open(nil, nonce, sealed, []byte(row)); err == nil {
			return secret, nil
		}
	}
	return nil, errSealed
}

// Fresh says whether the current key has sealed a box.
func (s *sealer) Fresh(row string, box []byte) bool {
	current := sealer{aead: s.aead}
	_, err := current.Open(row, box)
	return err == nil
}

// KeyCheck names a meta row that only the right key opens.
const KeyCheck = "store.key-check"

// checkKey compares the key with the one of the first start.
func (s *DB) checkKey(ctx context.Context) error {
	if s.Config.ReadOnly {
		err := s.openCheck(ctx, s.Read)
		for !s.Config.Existing && errors.Is(err, model.ErrNotFound) && ctx.Err() == nil { // another node is just about to write it
			Pause(ctx, tablesPause)
			err = s.openCheck(ctx, s.Read)
		}
		return err
	}
	box, err := s.Secret.Seal(KeyCheck, []byte("headwater"))
	if err != nil {
		return err
	}
	return s.Write(ctx, false, func(c Conn) error {
		const first = `INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`
		if _, err := c.Exec(ctx, first, KeyCheck, box); err != nil {
			return fmt.Errorf("write key check: %w", err)
		}
		return s.openCheck(ctx, c)
	})
}

func (s *DB) openCheck(ctx context.Context, c Conn) error {
	var box []byte
	if err := c.One(ctx, []any{&box}, SelectMeta, KeyCheck); err != nil {
		return fmt.Errorf("read key check: %w", err)
	}
	if _, err := s.Secret.Open(KeyCheck, box); err != nil {
		return ErrSecretKey
	}
	return nil
}
