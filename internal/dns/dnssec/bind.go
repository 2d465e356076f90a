package dnssec

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// ErrFile is the error of key files that are not in BIND's form. Its text never quotes what stands in the file.
var ErrFile = errors.New("bad key file")

// maxFile bounds a key file, in octets: an RSA key of 4096 bits takes some 3,300.
const maxFile = 16 << 10

// Times is when a key was made and put to use; the zero time for what has not happened or is not known.
type Times struct {
	Created, Publish, Activate, Inactive, Delete time.Time
}

// fields lists the times under the names that BIND gives them, in its order.
func (t *Times) fields() []struct {
	name string
	at   *time.Time
} {
	return []struct {
		name string
		at   *time.Time
	}{{"Created", &t.Created}, {"Publish", &t.Publish}, {"Activate", &t.Activate}, {"Inactive", &t.Inactive}, {"Delete", &t.Delete}}
}

const bindTime = "20060102150405"

// The members of an RSA key in the order of BIND's files.
const (
	fieldModulus = "Modulus"
	fieldPublic  = "PublicExponent"
	fieldPrivate = "PrivateExponent"
	fieldPrime1  = "Prime1"
	fieldPrime2  = "Prime2"
	fieldExp1    = "Exponent1"
	fieldExp2    = "Exponent2"
	fieldCoeff   = "Coefficient"
	fieldKey     = "PrivateKey" // of all other algorithms
)

// ParseBIND reads a key of zone from the two files that BIND keeps of it, K<zone>+<algorithm>+<tag>.key and .private. A key
// of another zone is ErrForeign, files that do not belong together are ErrPair, all else that is wrong is ErrFile, ErrKey or
// ErrAlgorithm.
func ParseBIND(zone wire.Name, public, private string) (*Key, Times, error) {
	var times Times
	if len(public) > maxFile || len(private) > maxFile {
		return nil, times, fmt.Errorf("%w: it is longer than %d octets", ErrFile, maxFile)
	}
	record, err := parseKeyFile(zone, public)
	if err != nil {
		return nil, times, err
	}
	if !record.Algorithm.Known() {
		return nil, times, ErrAlgorithm
	}
	f, err := parsePrivateFile(private)
	if err != nil {
		return nil, times, err
	}
	var number uint8
	if _, err := fmt.Sscanf(f["Algorithm"], "%d", &number); err != nil || Algorithm(number) != record.Algorithm {
		return nil, times, fmt.Errorf("%w: the files tell of different algorithms", ErrPair)
	}
	for _, t := range times.fields() {
		if text := f[t.name]; text != "" {
			if *t.at, err = time.Parse(bindTime, text); err != nil {
				return nil, times, fmt.Errorf("%w: the time %s is not in the form YYYYMMDDHHMMSS", ErrFile, t.name)
			}
		}
	}
	signer, err := f.signer(record.Algorithm)
	if err != nil {
		return nil, times, err
	}
	k, err := pair(record, signer)
	return k, times, err
}

// parseKeyFile reads the one record of a .key file.
func parseKeyFile(zone wire.Name, text string) (*DNSKEY, error) {
	var record []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, ";")
		if f := strings.Fields(line); len(f) > 0 {
			if record != nil {
				return nil, fmt.Errorf("%w: the .key file has more than one record", ErrFile)
			}
			record = f
		}
	}
	at := 1 // behind the owner come a TTL and a class, each of which may be absent
	for at < len(record) && at <= 2 && (strings.EqualFold(record[at], "IN") || strings.Trim(record[at], "0123456789") == "") {
		at++
	}
	if len(record) < at+4 || !strings.EqualFold(record[at], "DNSKEY") {
		return nil, fmt.Errorf("%w: the .key file has no DNSKEY record", ErrFile)
	}
	owner, err := wire.ParseName(record[0])
	if err != nil {
		return nil, fmt.Errorf("%w: the owner of the DNSKEY record: %w", ErrFile, err)
	}
	if owner != zone {
		return nil, fmt.Errorf("%w: %s", ErrForeign, owner)
	}
	rdata, err := rr.ParseData(wire.TypeDNSKEY, strings.Join(record[at+1:], " "), wire.Root)
	if err != nil {
		return nil, fmt.Errorf("%w: the DNSKEY record cannot be read", ErrFile)
	}
	return ParseDNSKEY(rdata)
}

// privateFile holds the members of a .private file.
type privateFile map[string]string

func parsePrivateFile(text string) (privateFile, error) {
	f := privateFile{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if _, twice := f[name]; !ok || twice {
			return nil, fmt.Errorf("%w: the .private file is made of lines NAME: VALUE, each name once", ErrFile)
		}
		f[name] = strings.TrimSpace(value)
	}
	if !strings.HasPrefix(f["Private-key-format"], "v1.") {
		return nil, fmt.Errorf("%w: the .private file is not of format v1", ErrFile)
	}
	return f, nil
}

func (f privateFile) octets(name string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(f[name], " ", ""))
	if err != nil || len(b) == 0 {
		return nil, fmt.Errorf("%w: %s is missing, or not base64", ErrFile, name)
	}
	return b, nil
}

// signer makes the private key.
func (f privateFile) signer(a Algorithm) (crypto.Signer, error) {
	if a == RSASHA256 {
		return f.rsa()
	}
	b, err := f.octets(fieldKey)
	if err != nil {
		return nil, err
	}
	if a == ED25519 {
		if len(b) != ed25519.SeedSize {
			return nil, fmt.Errorf("%w: the private key has a bad length", ErrKey)
		}
		return ed25519.NewKeyFromSeed(b), nil
	}
	// Some tools drop leading zeros.
	size := (a.curve().Params().BitSize + 7) / 8
	if len(b) > size {
		return nil, fmt.Errorf("%w: the private key has a bad length", ErrKey)
	}
	k, err := ecdsa.ParseRawPrivateKey(a.curve(), append(make([]byte, size-len(b)), b...))
	if err != nil {
		return nil, fmt.Errorf("%w: the private key is out of bounds", ErrKey)
	}
	return k, nil
}

func (f privateFile) rsa() (crypto.Signer, error) {
	var n [5]*big.Int
	for i, name := range []string{fieldModulus, fieldPublic, fieldPrivate, fieldPrime1, fieldPrime2} {
		b, err := f.octets(name)
		if err != nil {
			return nil, err
		}
		n[i] = new(big.Int).SetBytes(b)
	}
	if n[1].BitLen() > 31 || n[0].BitLen() > rsaMost {
		return nil, fmt.Errorf("%w: the exponent or the modulus is too large", ErrKey)
	}
	k := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n[0], E: int(n[1].Int64())}, D: n[2], Primes: n[3:5]}
	if err := k.Validate(); err != nil { // exponents and coefficient are worked out anew
		return nil, fmt.Errorf("%w: the members of the RSA key do not go together", ErrKey)
	}
	k.Precompute()
	return k, nil
}

// BIND gives the two files of a key, as dnssec-keygen writes them, and the name that they have in common.
func (k *Key) BIND(zone wire.Name, t Times) (name, public, private string, err error) {
	name = fmt.Sprintf("K%s+%03d+%05d", fileName(zone), uint8(k.Algorithm), k.tag)
	var pub, priv strings.Builder
	role := "zone-signing"
	if k.SEP() {
		role = "key-signing"
	}
	fmt.Fprintf(&pub, "; This is a %s key, keyid %d, for %s\n", role, k.tag, zone)
	fmt.Fprintf(&priv, "Private-key-format: v1.3\nAlgorithm: %d (%s)\n", uint8(k.Algorithm), k.Algorithm)
	if err := k.writePrivate(&priv); err != nil {
		return "", "", "", err
	}
	for _, f := range t.fields() {
		if !f.at.IsZero() {
			stamp := f.at.UTC().Format(bindTime)
			fmt.Fprintf(&pub, "; %s: %s\n", f.name, stamp)
			fmt.Fprintf(&priv, "%s: %s\n", f.name, stamp)
		}
	}
	fmt.Fprintf(&pub, "%s IN DNSKEY %s\n", zone, rr.FormatData(wire.TypeDNSKEY, k.RData()))
	return name, pub.String(), priv.String(), nil
}

// fileName is a name as BIND has it in the names of files: a slash, as in RFC 2317, must not stand there.
func fileName(n wire.Name) string {
	var b strings.Builder
	for l := range n.Labels() {
		for i := range len(l) {
			if c := l[i]; c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		}
		b.WriteByte('.')
	}
	if n == wire.Root {
		return "."
	}
	return b.String()
}

func (k *Key) writePrivate(w *strings.Builder) error {
	line := func(name string, b []byte) { fmt.Fprintf(w, "%s: %s\n", name, base64.StdEncoding.EncodeToString(b)) }
	switch p := k.private.(type) {
	case *rsa.PrivateKey:
		if len(p.Primes) != 2 {
			return fmt.Errorf("%w: RSA keys of more than two primes have no form in BIND's files", ErrKey)
		}
		line(fieldModulus, p.N.Bytes())
		line(fieldPublic, big.NewInt(int64(p.E)).Bytes())
		line(fieldPrivate, p.D.Bytes())
		line(fieldPrime1, p.Primes[0].Bytes())
		line(fieldPrime2, p.Primes[1].Bytes())
		line(fieldExp1, p.Precomputed.Dp.Bytes())
		line(fieldExp2, p.Precomputed.Dq.Bytes())
		line(fieldCoeff, p.Precomputed.Qinv.Bytes())
	case *ecdsa.PrivateKey:
		b, err := p.Bytes()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrKey, err)
		}
		line(fieldKey, b)
	case ed25519.PrivateKey:
		line(fieldKey, p.Seed())
	}
	return nil
}
