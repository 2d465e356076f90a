package node

import (
	"errors"
	"testing"
)

func TestParseRoles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		list []string
		want string // as String tells it; empty where it is refused
	}{
		{[]string{"api", "dns", "notify"}, "api,dns,notify"},
		{[]string{"notify", " DNS "}, "dns,notify"},
		{[]string{"api", ""}, "api"},
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"api", "api"}, ""},
		{[]string{"dsn"}, ""},
	} {
		r, err := parseRoles(tt.list)
		if (err == nil) != (tt.want != "") || (err == nil && r.String() != tt.want) {
			t.Errorf("%q: %s, %v", tt.list, r, err)
		}
	}
}

// What cannot run is said before anything is opened.
func TestCheck(t *testing.T) {
	t.Parallel()
	good := func() *Config {
		return &Config{Data: "/absent", Roles: []string{"api", "dns", "notify"}, Nameservers: []string{"ns1.example.net"}, ProbeRate: 1}
	}
	if err := good().Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"one role on SQLite":    func(c *Config) { c.Roles = []string{"api"} },
		"no name server":        func(c *Config) { c.Nameservers = []string{" "} },
		"edge address":          func(c *Config) { c.EdgeAddresses = []string{"example.com"} },
		"offered NOTIFY source": func(c *Config) { c.NotifyOffer = []string{"192.0.2.0/24"} },
		"NOTIFY source":         func(c *Config) { c.NotifySource = []string{"192.0.2.1:53"} },
		"proxy":                 func(c *Config) { c.TrustedProxies = []string{"10.0.0.0/33"} },
		"certificate alone":     func(c *Config) { c.TLSCert = "cert.pem" },
		"secret not there":      func(c *Config) { c.MetricsTokenFile = "/absent" },
		"key of TLS by itself":  func(c *Config) { c.TLSKey = "key.pem" },
		"no questions a second": func(c *Config) { c.ProbeRate = 0 },
		"rarely is often":       func(c *Config) { c.ProbeInterval, c.ProbeMost = 2, 1 },
		"database not readable": func(c *Config) { c.DatabaseFile = "/absent" },
	} {
		c := good()
		change(c)
		if err := c.Check(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	c := good()
	c.Roles = []string{"api"}
	if err := c.Check(); !errors.Is(err, errSoleNode) {
		t.Error(err)
	}
}
