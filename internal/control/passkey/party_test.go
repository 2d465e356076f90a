package passkey_test

import (
	"testing"

	"github.com/headwaterdns/headwater/internal/control/passkey"
)

// TestNew: a party is one at addresses where browsers do passkeys, and under a name that they take there.
func TestNew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		domain  string
		origins []string
		ok      bool
	}{
		{"", []string{"https://dns.example.com"}, true},
		{"", []string{"https://DNS.example.com:8443/", "https://dns.example.com"}, true},
		{"example.com", []string{"https://dns.example.com", "https://dns2.example.com"}, true},
		{"", []string{"http://localhost:8080"}, true},
		{"", nil, false},
		{"", []string{"dns.example.com"}, false},
		{"", []string{"http://dns.example.com"}, false},
		{"", []string{"https://192.0.2.1"}, false},
		{"", []string{"https://[2001:db8::1]"}, false},
		{"", []string{"https://dns.example.com", "https://dns2.example.com"}, false},
		{"ple.com", []string{"https://dns.example.com"}, false},
		{"example.net", []string{"https://dns.example.com"}, false},
		{"https://example.com", []string{"https://dns.example.com"}, false},
	} {
		if _, err := passkey.New(passkey.Config{Domain: c.domain, Origins: c.origins}); (err == nil) != c.ok {
			t.Errorf("%q at %q: %v", c.domain, c.origins, err)
		}
	}
}
