package auth

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Bounds of a password, in octets: the upper one keeps hashing cheap to refuse.
const (
	MinPassword = 10
	MaxPassword = 1024
)

// ErrPasswordLength is returned for passwords outside the bounds.
var ErrPasswordLength = fmt.Errorf("password must have %d to %d characters", MinPassword, MaxPassword)

// Work factors of argon2id for new hashes: 19 MiB, two passes, one lane. A hash carries its own, so they can rise later.
const (
	argonMemory = 19 * 1024 // KiB
	argonPasses = 2
	argonKey    = 32
	argonSalt   = 16
)

// HashPassword returns the argon2id hash of a password in PHC string form.
func HashPassword(password string) (string, error) {
	if len(password) < MinPassword || len(password) > MaxPassword {
		return "", ErrPasswordLength
	}
	var salt [argonSalt]byte
	mustRead(salt[:])
	key := argon2.IDKey([]byte(password), salt[:], argonPasses, argonMemory, 1, argonKey)
	e := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, argonMemory, argonPasses,
		e.EncodeToString(salt[:]), e.EncodeToString(key)), nil
}

// NewPassword returns a fresh password of 24 letters and digits.
func NewPassword() string { return randomText(24) }

var errPHC = errors.New("stored password hash cannot be read")

// verifyPassword says whether password matches a stored hash, in constant time. An empty hash matches nothing, after the
// same work, so that time does not tell who exists.
func verifyPassword(hash, password string) (bool, error) {
	if len(password) > MaxPassword {
		return false, nil
	}
	memory, passes, lanes := uint32(argonMemory), uint32(argonPasses), uint8(1)
	salt, want := make([]byte, argonSalt), make([]byte, argonKey)
	if hash != "" {
		var err error
		if memory, passes, lanes, salt, want, err = parsePHC(hash); err != nil {
			return false, err
		}
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, lanes, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1 && hash != "", nil
}

func parsePHC(s string) (memory, passes uint32, lanes uint8, salt, key []byte, err error) {
	part := strings.Split(s, "$")
	if len(part) != 6 || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return 0, 0, 0, nil, nil, errPHC
	}
	if _, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes); err != nil {
		return 0, 0, 0, nil, nil, errPHC
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(part[4])
	key, err2 := base64.RawStdEncoding.DecodeString(part[5])
	const maxMemory, maxPasses = 1 << 20, 64
	if err1 != nil || err2 != nil || memory < 8 || memory > maxMemory || passes < 1 || passes > maxPasses ||
		lanes < 1 || len(key) < 16 {
		return 0, 0, 0, nil, nil, errPHC
	}
	return memory, passes, lanes, salt, key, nil
}
