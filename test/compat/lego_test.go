package compat_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-acme/lego/v5/challenge/dns01"
	"github.com/go-acme/lego/v5/providers/dns/cloudflare"
	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/test/node"
)

// TestLego presents a DNS-01 challenge and cleans up, with a token and with the global key. It sets the environment and
// lego's resolver, so it does not run beside others.
func TestLego(t *testing.T) {
	s := open(t)
	old := dns01.DefaultClient()
	dns01.SetDefaultClient(dns01.NewClient(&dns01.Options{RecursiveNameservers: []string{s.DNS.String()}, Timeout: 10 * time.Second}))
	t.Cleanup(func() { dns01.SetDefaultClient(old) })
	for i, env := range []map[string]string{
		{"CF_DNS_API_TOKEN": node.Token}, {"CF_DNS_API_TOKEN": node.Token, "CF_ZONE_API_TOKEN": node.Token}, {"CF_API_EMAIL": node.Email, "CF_API_KEY": node.Key},
	} {
		zone := "lego" + strconv.Itoa(i) + ".example"
		t.Run(zone, func(t *testing.T) {
			for k, v := range env {
				t.Setenv(k, v)
			}
			t.Setenv("CLOUDFLARE_BASE_URL", s.URL)
			present(t, s, zone)
		})
	}
}

func present(t *testing.T, s *server, zone string) {
	s.Call(t, http.MethodPost, "/zones", map[string]any{"name": zone}, nil)
	p, err := cloudflare.NewDNSProvider()
	check(t, err)
	domain, keyAuth := "www."+zone, "token.thumbprint"
	info := dns01.GetChallengeInfo(t.Context(), domain, keyAuth)
	check(t, p.Present(t.Context(), domain, "token", keyAuth))
	equal(t, "challenge", strings.Join(texts(t, s, info.EffectiveFQDN), " "), info.Value)
	check(t, p.CleanUp(t.Context(), domain, "token", keyAuth))
	equal(t, "challenges after cleaning up", len(texts(t, s, info.EffectiveFQDN)), 0)
}

// texts asks the node for the TXT records of a name.
func texts(t *testing.T, s *server, name string) []string {
	t.Helper()
	r, err := dns.Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeTXT), s.DNS.String())
	check(t, err)
	var out []string
	for _, rr := range r.Answer {
		if x, ok := rr.(*dns.TXT); ok {
			out = append(out, strings.Join(x.Txt, ""))
		}
	}
	return out
}
