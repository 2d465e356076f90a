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
)

// FindOrMake finds the key that encrypts secrets at rest: from value (base64 of 32 bytes) when given, else from file, which
// is made with mode 0600 on the first start.
func FindOrMake(value, file string) (key [32]byte, err error) {
	key, err = Read(value, file)
	if value == "" && errors.Is(err, fs.ErrNotExist) {
		return makeKey(file)
	}
	return key, err
}

// Read is FindOrMake for a key that must be there.
func Read(value, file string) (key [32]byte, err error) {
	if value == "" {
		if value, err = File(file); err != nil {
			return key, fmt.Errorf("secret key: %w", err)
		}
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
	if err != nil || len(raw) != len(key) {
		// The value itself must not reach a log.
		return key, errors.New("the secret key must be base64 of 32 bytes")
	}
	copy(key[:], raw)
	return key, nil
}

func makeKey(file string) (key [32]byte, err error) {
	if _, err := rand.Read(key[:]); err != nil {
		return key, fmt.Errorf("make secret key: %w", err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return key, fmt.Errorf("write secret key: %w", err)
	}
	_, err = fmt.Fprintln(f, base64.StdEncoding.EncodeToString(key[:]))
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return key, fmt.Errorf("write secret key: %w", err)
	}
	return key, nil
}
