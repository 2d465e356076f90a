package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/headwaterdns/headwater/internal/control/model"
)

const (
	tokenBody  = 40 // random characters of an issued token
	keyDigits  = 37 // hexadecimal digits of an issued global key
	alphabet   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	userPrefix = "cfut_"
	accPrefix  = "cfat_"
)

// NewID returns a fresh object id: six octets of the time in milliseconds and ten that nobody can foresee. What is made
// together thus stands together in the store's indexes, and a change writes one page of each instead of many.
func NewID() model.ID {
	var b [16]byte
	mustRead(b[idTime:])
	now := time.Now().UnixMilli()
	for i := range idTime {
		b[i] = byte(now >> (8 * (idTime - 1 - i)))
	}
	return model.ID(hex.EncodeToString(b[:]))
}

// idTime is how many octets of an id are its time.
const idTime = 6

// NewUserToken returns a fresh token value: "cfut_", 40 letters and digits, and eight hexadecimal digits of CRC-32 over
// all before, by which secret scanners recognise it.
func NewUserToken() string { return newToken(userPrefix) }

// NewAccountToken is NewUserToken for tokens that belong to an account: "cfat_".
func NewAccountToken() string { return newToken(accPrefix) }

// NewKey returns a fresh global API key: 37 hexadecimal digits, the classic form that every client accepts.
func NewKey() string {
	var b [(keyDigits + 1) / 2]byte
	mustRead(b[:])
	return hex.EncodeToString(b[:])[:keyDigits]
}

// Digest is how tokens and keys are kept: SHA-256, enough for values that nobody can guess.
func Digest(secret string) []byte {
	d := sha256.Sum256([]byte(secret))
	return d[:]
}

func sameDigest(digest []byte, secret string) bool {
	return subtle.ConstantTimeCompare(digest, Digest(secret)) == 1
}

func newToken(prefix string) string {
	head := prefix + randomText(tokenBody)
	return fmt.Sprintf("%s%08x", head, crc32.ChecksumIEEE([]byte(head)))
}

// randomText draws each character evenly: octets past the last whole run of the alphabet are drawn again.
func randomText(n int) string {
	const limit = 256 - 256%len(alphabet)
	out := make([]byte, 0, n)
	var b [64]byte
	for len(out) < n {
		mustRead(b[:])
		for _, c := range b {
			if int(c) < limit && len(out) < n {
				out = append(out, alphabet[int(c)%len(alphabet)])
			}
		}
	}
	return string(out)
}

// mustRead fills b; crypto/rand.Read ends the program rather than fail.
func mustRead(b []byte) { _, _ = rand.Read(b) }

// ValidToken says whether s looks like a token: 35 to 50 characters of the older form, or a cf?t_ prefix with 32 to 256.
func ValidToken(s string) bool {
	for _, p := range []string{userPrefix, accPrefix, "cfk_"} {
		if rest, ok := strings.CutPrefix(s, p); ok && len(rest) >= 32 && len(rest) <= 256 {
			return plain(rest)
		}
	}
	return len(s) >= 35 && len(s) <= 50 && plain(s)
}

// ValidKey says whether s looks like a global API key.
func ValidKey(s string) bool { return len(s) >= 32 && len(s) <= 256 && plain(s) }

// maxEmail is the longest e-mail address, in octets (RFC 5321 section 4.5.3.1, less the angle brackets).
const maxEmail = 254

// ValidEmail says whether s looks like an e-mail address. It is a name to sign in with, so the check is a loose one: two
// parts of visible text around one "@", and not long.
func ValidEmail(s string) bool {
	if len(s) > maxEmail || !utf8.ValidString(s) {
		return false
	}
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && !strings.Contains(domain, "@") &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) })
}

func plain(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
