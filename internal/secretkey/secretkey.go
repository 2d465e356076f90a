// Package secretkey knows files that hold secrets: who may be able to read them, and the form of the key that encrypts secrets
// at rest. It must not know what is encrypted.
package secretkey

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"unicode"
)

// Keys are the key that encrypts, and behind it older ones that only open what they have encrypted.
type Keys [][32]byte

// Current is the key that encrypts.
func (k Keys) Current() [32]byte { return k[0] }

// Older are the others.
func (k Keys) Older() [][32]byte { return k[1:] }

// FindOrMake finds the keys that encrypt secrets at rest: in value when given, else in a file, which is made with mode 0600
// and one key on the first start.
func FindOrMake(value, file string) (Keys, error) {
	keys, err := Read(value, file)
	if value == "" && errors.Is(err, fs.ErrNotExist) {
		return makeKey(file)
	}
	return keys, err
}

// Read is FindOrMake for keys that must be there. Each is base64 of 32 bytes; white space or commas stand between.
func Read(value, file string) (Keys, error) {
	if value == "" {
		var err error
		if value, err = File(file); err != nil {
			return nil, fmt.Errorf("secret key: %w", err)
		}
	}
	var keys Keys
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || r == ',' }) {
		raw, err := base64.StdEncoding.DecodeString(word)
		if err != nil || len(raw) != 32 {
			// The value itself must not reach a log.
			return nil, ErrForm
		}
		keys = append(keys, [32]byte(raw))
	}
	if len(keys) == 0 {
		return nil, ErrForm
	}
	return keys, nil
}

// ErrForm is a key that is none.
var ErrForm = errors.New("the secret key must be base64 of 32 bytes")

// New makes a key up.
func New() (key [32]byte) {
	_, _ = rand.Read(key[:]) // never fails (crypto/rand)
	return key
}

// Write replaces a file of keys, wholly or not at all, and durably. Who owned it owns it on.
func Write(file string, keys Keys) error {
	var text strings.Builder
	for _, k := range keys {
		fmt.Fprintln(&text, base64.StdEncoding.EncodeToString(k[:]))
	}
	return WriteFile(file, text.String())
}

func makeKey(file string) (Keys, error) {
	key := New()
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write secret key: %w", err)
	}
	_, err = fmt.Fprintln(f, base64.StdEncoding.EncodeToString(key[:]))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("write secret key: %w", err)
	}
	return Keys{key}, nil
}
