package estate_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
)

// Answers tell where errors are reported; a report counts when it comes by TCP, or with a cookie of ours, and is answered; who may have
// forged its source is sent to TCP first.
func TestErrorReports(t *testing.T) {
	t.Parallel()
	n := node.Must(t, "--report-agent", "Agent.example.net")
	var agent, z object
	n.Call(t, "POST", "/zones", map[string]any{"name": "example.net"}, &agent)
	n.Call(t, "POST", "/zones", map[string]any{"name": "broken.test"}, &z)
	var is struct {
		Agent   string
		Ready   bool
		Total   int
		Reports []struct {
			Name, Type, Text, From string
			Code, Count            int
		}
	}
	path := "/headwater/v1/zones/" + z.ID + "/error_reports"
	n.Call(t, "GET", path, nil, &is)
	if is.Agent != "agent.example.net" || is.Ready || is.Total != 0 {
		t.Errorf("%+v", is)
	}
	n.Call(t, "POST", "/zones/"+agent.ID+"/dns_records", map[string]any{"type": "TXT", "name": "*._er.agent", "content": `"report received"`, "ttl": 60}, nil)
	dig := func(args ...string) string {
		t.Helper()
		args = append([]string{"@" + n.DNS.Addr().String(), "-p", fmt.Sprint(n.DNS.Port()), "+tries=1", "+time=60"}, args...)
		out, err := testkit.Dig(t, args...)
		if err != nil {
			t.Fatalf("dig %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	// The option has the agent's name as in a message: 05 agent 07 example 03 net 00.
	const option = "OPT=18: 05 61 67 65 6e 74 07 65 78 61 6d 70 6c 65 03 6e 65 74 00"
	for args, want := range map[string]bool{
		"broken.test SOA": true, "+tcp nothing.broken.test A": true, "broken.test SOA +noedns +nocookie": false, "x.agent.example.net A": false, "www.example.net A": true,
	} {
		if out := dig(strings.Fields(args)...); strings.Contains(out, option) != want {
			t.Errorf("%s:\n%s", args, out)
		}
	}
	const name = "_er.1.www.broken.test.7._er.agent.example.net"
	if out := dig("+ignore", "+nocookie", name, "TXT"); !strings.Contains(out, " tc") || strings.Contains(out, "ANSWER: 1") {
		t.Errorf("by UDP:\n%s", out)
	}
	out := dig("+ignore", name, "TXT") // with a cookie of its own alone
	server := regexp.MustCompile(`COOKIE: ([0-9a-f]{48})`).FindStringSubmatch(out)
	if server == nil || !strings.Contains(out, " tc") {
		t.Fatalf("by UDP with a client's cookie:\n%s", out)
	}
	n.Call(t, "GET", path, nil, &is)
	if !is.Ready || is.Total != 0 {
		t.Errorf("%+v", is)
	}
	for _, by := range [][]string{{"+tcp"}, {"+ignore", "+cookie=" + server[1]}} {
		if out := dig(append(by, name, "TXT")...); !strings.Contains(out, `"report received"`) {
			t.Errorf("%v:\n%s", by, out)
		}
	}
	dig("+tcp", "_er.28.elsewhere.example.9._er.agent.example.net", "TXT")
	testkit.Until(t, func() string {
		if n.Call(t, "GET", path, nil, &is); is.Total < 2 {
			return fmt.Sprintf("%+v", is)
		}
		return ""
	})
	if len(is.Reports) != 1 || is.Total != 2 {
		t.Fatalf("%+v", is)
	}
	if r := is.Reports[0]; r.Name != "www.broken.test" || r.Type != "A" || r.Code != 7 || r.Text != "Signature Expired" || r.Count != 2 || r.From != "127.0.0.1" {
		t.Errorf("%+v", r)
	}
	var gone struct{ Forgotten int }
	n.Call(t, "DELETE", path, nil, &gone)
	is.Reports = nil
	if n.Call(t, "GET", path, nil, &is); gone.Forgotten != 1 || len(is.Reports) != 0 {
		t.Errorf("%+v, %+v", gone, is)
	}
}
