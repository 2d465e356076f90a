package dnssec_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

var algorithms = []dnssec.Algorithm{dnssec.RSASHA256, dnssec.ECDSAP256SHA256, dnssec.ECDSAP384SHA384, dnssec.ED25519}

// data reads one record's data, and fails the test on an error.
func data(t *testing.T, typ wire.Type, text string) []byte {
	t.Helper()
	b, err := rr.ParseData(typ, strings.Join(strings.Fields(text), " "), wire.Root)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return b
}

// vectors are the examples of RFC 6605 section 6 and RFC 8080 section 6.
var vectors = []struct {
	name, zone, dnskey, private, ds, owner, typ, rdata, rrsig string
	digest                                                    dnssec.Digest
}{
	{
		name: "P256", zone: "example.net", digest: dnssec.SHA256,
		dnskey:  "257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
		private: "Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=",
		ds:      "55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17",
		owner:   "www.example.net", typ: "A", rdata: "192.0.2.1",
		rrsig: "A 13 3 3600 20100909100439 20100812100439 55648 example.net. qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
	},
	{
		name: "P384", zone: "example.net", digest: dnssec.SHA384,
		dnskey:  "257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
		private: "Private-key-format: v1.2\nAlgorithm: 14 (ECDSAP384SHA384)\nPrivateKey: WURgWHCcYIYUPWgeLmiPY2DJJk02vgrmTfitxgqcL4vwW7BOrbawVmVe0d9V94SR",
		ds:      "10771 14 4 72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df983d6",
		owner:   "www.example.net", typ: "A", rdata: "192.0.2.1",
		rrsig: "A 14 3 3600 20100909102025 20100812102025 10771 example.net. /L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuzWTSSPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm",
	},
	{
		name: "Ed25519", zone: "example.com", digest: dnssec.SHA256,
		dnskey:  "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
		private: "Private-key-format: v1.2\nAlgorithm: 15 (ED25519)\nPrivateKey: ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=",
		ds:      "3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b",
		owner:   "example.com", typ: "MX", rdata: "10 mail.example.com.",
		rrsig: "MX 15 2 3600 20150819220000 20150729220000 3613 example.com. oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
	},
	{
		name: "Ed25519 2", zone: "example.com", digest: dnssec.SHA256,
		dnskey:  "257 3 15 zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
		private: "Private-key-format: v1.2\nAlgorithm: 15 (ED25519)\nPrivateKey: DSSF3o0s0f+ElWzj9E/Osxw8hLpk55chkmx0LYN5WiY=",
		ds:      "35217 15 2 401781b934e392de492ec77ae2e15d70f6575a1c0bc59c5275c04ebe80c6614c",
		owner:   "example.com", typ: "MX", rdata: "10 mail.example.com.",
		rrsig: "MX 15 2 3600 20150819220000 20150729220000 35217 example.com. zXQ0bkYgQTEFyfLyi9QoiY6D8ZdYo4wyUhVioYZXFdT410QPRITQSqJSnzQoSm5poJ7gD7AQR0O7KuI5k2pcBg==",
	},
}

// The keys of the RFCs give the records and the signatures of the RFCs. Those of ECDSA were made with a random number, so they
// are verified over the octets that we would sign.
func TestVectorsOfTheRFCs(t *testing.T) {
	t.Parallel()
	for _, v := range vectors {
		zone := wire.MustName(v.zone)
		k, _, err := dnssec.ParseBIND(zone, v.zone+". 3600 IN DNSKEY "+v.dnskey, v.private)
		if err != nil {
			t.Errorf("%s: %v", v.name, err)
			continue
		}
		if got := k.DS(zone, v.digest); !bytes.Equal(got, data(t, wire.TypeDS, v.ds)) || !k.Names(zone, got) {
			t.Errorf("%s: DS %x", v.name, got)
		}
		typ, _ := wire.ParseType(v.typ)
		set := &rr.Set{Owner: wire.MustName(v.owner), Type: typ, TTL: 3600, Data: [][]byte{data(t, typ, v.rdata)}}
		want := data(t, wire.TypeRRSIG, v.rrsig)
		sig, err := dnssec.ParseRRSIG(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := dnssec.SignSet(zone, set, k, sig.Inception(), sig.Expiration())
		if err != nil {
			t.Fatal(err)
		}
		head := len(zone) + dnssec.RRSIGFixed
		if !bytes.Equal(got[:head], want[:head]) {
			t.Errorf("%s: the members before the signature differ: %x, want %x", v.name, got[:head], want[:head])
		}
		if k.Algorithm == dnssec.ED25519 {
			if !bytes.Equal(got, want) {
				t.Errorf("%s: %x, want %x", v.name, got, want)
			}
			continue
		}
		text, _ := dnssec.AppendSigned(nil, want[:head], set)
		if !verifyECDSA(k, text, want[head:]) || !verifyECDSA(k, text, got[head:]) {
			t.Errorf("%s: the signature does not verify", v.name)
		}
	}
}

func verifyECDSA(k *dnssec.Key, text, sig []byte) bool {
	curve, sum := elliptic.P256(), sha256.Sum256(text)
	digest := sum[:]
	if k.Algorithm == dnssec.ECDSAP384SHA384 {
		long := sha512.Sum384(text)
		curve, digest = elliptic.P384(), long[:]
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(curve, append([]byte{4}, k.Public...))
	if err != nil {
		return false
	}
	r, s := new(big.Int).SetBytes(sig[:len(sig)/2]), new(big.Int).SetBytes(sig[len(sig)/2:])
	return ecdsa.Verify(pub, digest, r, s)
}

// run runs a tool in a directory, and fails the test if the tool does.
func run(t *testing.T, dir, tool string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", tool, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Keys that dnssec-keygen made come in, and go out again as the same key, which dnssec-dsfromkey gives the same DS and
// dnssec-signzone the same signatures.
func TestKeysOfBIND(t *testing.T) {
	t.Parallel()
	zone := wire.MustName("example.org")
	for _, a := range algorithms {
		dir := t.TempDir()
		name := strings.TrimSpace(run(t, dir, "dnssec-keygen", "-q", "-a", a.String(), "-b", "2048", "-f", "KSK", "example.org"))
		k, times := load(t, zone, filepath.Join(dir, name))
		if !k.SEP() || times.Created.IsZero() || times.Activate.IsZero() || !times.Delete.IsZero() {
			t.Errorf("%s: flags %d, times %v", a, k.Flags, times)
		}
		want := strings.Fields(run(t, dir, "dnssec-dsfromkey", "-2", name))
		if got := strings.Fields("example.org. IN DS " + rr.FormatData(wire.TypeDS, k.DS(zone, dnssec.SHA256))); !strings.EqualFold(strings.Join(got, " "), strings.Join(want, " ")) {
			t.Errorf("%s: DS %v, want %v", a, got, want)
		}
		der, err := k.Private()
		if err != nil {
			t.Fatal(err)
		}
		again, err := dnssec.ParsePrivate(&k.DNSKEY, der)
		if err != nil {
			t.Fatal(err)
		}
		out := t.TempDir()
		back, public, private, err := again.BIND(zone, times)
		if err != nil || back != name {
			t.Fatalf("%s: exported as %s, want %s: %v", a, back, name, err)
		}
		store(t, out, back, public, private)
		if got := strings.Fields(run(t, out, "dnssec-dsfromkey", "-2", back)); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: DS of the exported key %v, want %v", a, got, want)
		}
		sameSignature(t, out, back, k)
	}
}

func load(t *testing.T, zone wire.Name, base string) (*dnssec.Key, dnssec.Times) {
	t.Helper()
	pub, err := os.ReadFile(base + ".key")
	if err != nil {
		t.Fatal(err)
	}
	priv, err := os.ReadFile(base + ".private")
	if err != nil {
		t.Fatal(err)
	}
	k, times, err := dnssec.ParseBIND(zone, string(pub), string(priv))
	if err != nil {
		t.Fatal(err)
	}
	return k, times
}

func store(t *testing.T, dir, name, public, private string) {
	t.Helper()
	for ext, text := range map[string]string{".key": public, ".private": private} {
		if err := os.WriteFile(filepath.Join(dir, name+ext), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// sameSignature signs a small zone with dnssec-signzone and holds its signatures against ours. BIND's ECDSA is not
// deterministic: there, they only verify.
func sameSignature(t *testing.T, dir, name string, k *dnssec.Key) {
	t.Helper()
	const text = `@ 3600 IN SOA ns.example.org. h.example.org. 1 7200 3600 1209600 300
@ 3600 IN NS ns.Example.ORG.
ns 300 IN A 192.0.2.1
*.w 300 IN MX 10 Mail.Example.org.
*.w 300 IN MX 5 b.example.org.
s 60 IN SRV 1 2 3 Host.example.org.
h 60 IN HTTPS 1 . alpn=h2
`
	file := filepath.Join(dir, "zone")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "dnssec-signzone", "-q", "-z", "-S", "-K", ".", "-O", "full", "-s", "20260101000000", "-e", "20270101000000", "-o", "example.org", "-f", "signed", "zone")
	signed, err := os.ReadFile(filepath.Join(dir, "signed"))
	if err != nil {
		t.Fatal(err)
	}
	type rrset struct {
		owner wire.Name
		typ   wire.Type
	}
	sets, sigs := map[rrset]*rr.Set{}, map[rrset][][]byte{}
	for file := rr.NewReader(bytes.NewReader(signed), wire.Root); ; {
		e, err := file.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := e.Data()
		if err != nil {
			t.Fatal(err)
		}
		at := rrset{e.Owner, e.Type}
		if e.Type == wire.TypeRRSIG {
			at.typ = dnssec.RRSIG(data).Covers()
			sigs[at] = append(sigs[at], data)
			continue
		}
		if sets[at] == nil {
			sets[at] = &rr.Set{Owner: e.Owner, Type: e.Type, TTL: e.TTL}
		}
		sets[at].Data = append(sets[at].Data, data)
	}
	n := 0
	for at, list := range sigs {
		for _, want := range list {
			n++
			sig := dnssec.RRSIG(want)
			got, err := dnssec.SignSet(wire.MustName("example.org"), sets[at], k, sig.Inception(), sig.Expiration())
			if err != nil {
				t.Fatal(err)
			}
			if (k.Algorithm == dnssec.RSASHA256 || k.Algorithm == dnssec.ED25519) && !bytes.Equal(got, want) {
				t.Errorf("%s %s %s: %x, want %x", k.Algorithm, at.owner, at.typ, got, want)
			}
		}
	}
	if n < 10 {
		t.Errorf("%s: dnssec-signzone made %d signatures", k.Algorithm, n)
	}
}

// Signatures are the same each time, and no way of printing a key shows its private half.
func TestKeysAreDeterministicAndHidden(t *testing.T) {
	t.Parallel()
	zone := wire.MustName("example.org")
	set := &rr.Set{Owner: zone, Type: wire.TypeA, TTL: 60, Data: [][]byte{{192, 0, 2, 1}}}
	for _, a := range algorithms {
		k, err := dnssec.Generate(a, dnssec.FlagZone, nil)
		if err != nil {
			t.Fatal(err)
		}
		one, err := dnssec.SignSet(zone, set, k, 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		two, _ := dnssec.SignSet(zone, set, k, 1, 2)
		if !bytes.Equal(one, two) {
			t.Errorf("%s: two signatures of the same differ", a)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			if s := fmt.Sprintf(verb, k); s != fmt.Sprintf("key %d (private key)", k.Tag()) {
				t.Errorf("%s: %s prints %s", a, verb, s)
			}
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("a key", "key", k)
		slog.New(slog.NewTextHandler(&log, nil)).Info("a key", "key", k)
		if strings.Contains(log.String(), "rivate:") || strings.Contains(log.String(), "PrivateKey") {
			t.Errorf("%s: a log shows %s", a, log.String())
		}
		if err := k.Clashes([]*dnssec.DNSKEY{&k.DNSKEY}); !errors.Is(err, dnssec.ErrTwice) {
			t.Errorf("%s: %v", a, err)
		}
	}
}

// A table of what is no key of the zone: each is a clear error of its kind that shows nothing private.
func TestBadKeys(t *testing.T) {
	t.Parallel()
	v := vectors[0]
	record := v.zone + ". IN DNSKEY " + v.dnskey
	ed := vectors[2]
	rsa, err := dnssec.Generate(dnssec.RSASHA256, 257, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, rsaPub, rsaPriv, err := rsa.BIND(wire.MustName(v.zone), dnssec.Times{Created: time.Unix(1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	otherPrime := replaceLine(rsaPriv, "Prime1", "AQAB")
	for name, c := range map[string]struct {
		public, private string
		want            error
	}{
		"another zone":        {strings.Replace(record, "example.net", "example.org", 1), v.private, dnssec.ErrForeign},
		"below the zone":      {"www." + record, v.private, dnssec.ErrForeign},
		"no record":           {"; nothing\n", v.private, dnssec.ErrFile},
		"empty":               {"", "", dnssec.ErrFile},
		"two records":         {record + "\n" + record, v.private, dnssec.ErrFile},
		"another type":        {v.zone + ". IN DS " + v.ds, v.private, dnssec.ErrFile},
		"another class":       {strings.Replace(record, " IN ", " CH ", 1), v.private, dnssec.ErrFile},
		"bad owner":           {"a..b. IN DNSKEY " + v.dnskey, v.private, dnssec.ErrFile},
		"bad base64":          {strings.Replace(record, "Goj", "???", 1), v.private, dnssec.ErrFile},
		"short point":         {v.zone + ". IN DNSKEY 257 3 13 R29q", v.private, dnssec.ErrKey},
		"no point":            {strings.Replace(record, "Goj", "Gok", 1), v.private, dnssec.ErrKey},
		"revoked":             {strings.Replace(record, "257", "385", 1), v.private, dnssec.ErrKey},
		"no zone key":         {strings.Replace(record, "257", "1", 1), v.private, dnssec.ErrKey},
		"odd flags":           {strings.Replace(record, "257", "259", 1), v.private, dnssec.ErrKey},
		"protocol":            {strings.Replace(record, "257 3", "257 2", 1), v.private, dnssec.ErrKey},
		"SHA-1":               {strings.Replace(record, "3 13", "3 7", 1), v.private, dnssec.ErrAlgorithm},
		"Ed448":               {strings.Replace(record, "3 13", "3 16", 1), v.private, dnssec.ErrAlgorithm},
		"deletion":            {v.zone + ". IN DNSKEY 256 3 0 AA==", v.private, dnssec.ErrAlgorithm},
		"other algorithm":     {record, ed.private, dnssec.ErrPair},
		"other private key":   {record, strings.Replace(v.private, "GU6", "GU7", 1), dnssec.ErrPair},
		"no private key":      {record, "Private-key-format: v1.3\nAlgorithm: 13\n", dnssec.ErrFile},
		"no format":           {record, strings.Replace(v.private, "Private-key-format: v1.2\n", "", 1), dnssec.ErrFile},
		"other format":        {record, strings.Replace(v.private, "v1.2", "v2.0", 1), dnssec.ErrFile},
		"no algorithm":        {record, strings.Replace(v.private, "Algorithm: 13", "Algorithm: x", 1), dnssec.ErrPair},
		"not lines":           {record, v.private + "\nsecret-without-name", dnssec.ErrFile},
		"a member twice":      {record, v.private + "\nAlgorithm: 13", dnssec.ErrFile},
		"not base64":          {record, strings.Replace(v.private, "GU6", "G?6", 1), dnssec.ErrFile},
		"zero":                {record, replaceLine(v.private, "PrivateKey", "AAAA"), dnssec.ErrKey},
		"too long":            {record, replaceLine(v.private, "PrivateKey", strings.Repeat("AQAB", 12)), dnssec.ErrKey},
		"bad time":            {record, v.private + "\nCreated: yesterday", dnssec.ErrFile},
		"very long file":      {record, v.private + strings.Repeat("\n", 1<<15), dnssec.ErrFile},
		"Ed25519, bad length": {v.zone + ". IN DNSKEY " + ed.dnskey, replaceLine(ed.private, "PrivateKey", "AAAA"), dnssec.ErrKey},
		"RSA, no prime":       {rsaPub, replaceLine(rsaPriv, "Prime1", ""), dnssec.ErrFile},
		"RSA, other prime":    {rsaPub, otherPrime, dnssec.ErrKey},
		"RSA, huge exponent":  {rsaPub, replaceLine(rsaPriv, "PublicExponent", "AQABAQAB"), dnssec.ErrKey},
		"RSA, 512 bits":       {v.zone + ". IN DNSKEY 257 3 8 AwEAAb" + strings.Repeat("A", 86), v.private, dnssec.ErrKey},
		"RSA, no modulus":     {v.zone + ". IN DNSKEY 257 3 8 AwEAAQ==", v.private, dnssec.ErrKey},
	} {
		k, _, err := dnssec.ParseBIND(wire.MustName(v.zone), c.public, c.private)
		if !errors.Is(err, c.want) || k != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), "GU6") || strings.Contains(err.Error(), "secret-")) {
			t.Errorf("%s: the error shows what is in the file: %v", name, err)
		}
	}
}

func replaceLine(text, name, value string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, name+":") {
			line = name + ": " + value + "\n"
		}
		out.WriteString(line)
	}
	return out.String()
}

// Keys of equal tags do not stand beside each other, but those of different algorithms do.
func TestTagsDoNotCollide(t *testing.T) {
	t.Parallel()
	k, err := dnssec.Generate(dnssec.ED25519, 256, nil)
	if err != nil {
		t.Fatal(err)
	}
	twin := k.DNSKEY
	twin.Public = bytes.Clone(k.Public)
	twin.Public[0], twin.Public[2] = twin.Public[2], twin.Public[0] // the sum is the same
	if bytes.Equal(twin.Public, k.Public) {
		t.Skip("the key begins with two equal octets")
	}
	if err := twin.Clashes([]*dnssec.DNSKEY{&k.DNSKEY}); !errors.Is(err, dnssec.ErrTag) {
		t.Errorf("equal tags: %v", err)
	}
	other, err := dnssec.Generate(dnssec.ECDSAP256SHA256, 256, []*dnssec.DNSKEY{&k.DNSKEY})
	if err != nil || other.Clashes([]*dnssec.DNSKEY{&k.DNSKEY}) != nil {
		t.Errorf("another key: %v", err)
	}
}
