package configs

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/courier"
	"github.com/headwaterdns/headwater/test/node"
)

// TestAlarms runs what docs/alarms.md prints: its commands, in order, against a server, and what it gives a receiver for checking signatures
// against what the server signs.
func TestAlarms(t *testing.T) {
	t.Parallel()
	doc, dir := text(t, "docs/alarms.md"), t.TempDir()
	n := node.Must(t)
	var zone struct{ ID string }
	n.Call(t, http.MethodPost, "/zones", map[string]any{"name": "example.com", "account": map[string]any{"id": n.Account}}, &zone)
	var script strings.Builder
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(doc, -1)
	for _, b := range blocks {
		script.WriteString(b[1] + "\necho\n")
	}
	if len(blocks) < 5 {
		t.Fatalf("%d blocks of commands", len(blocks))
	}
	out := shell(t, dir, script.String()+`cat webhook.json`, "SERVER="+n.HTTP, "TOKEN="+node.Token, "ACCOUNT="+n.Account, "ZONE="+zone.ID)
	for _, part := range []string{`"versions":50`, `"delivery_id"`, `"type":"test"`, "event: open", "whsec_"} {
		if !strings.Contains(out, part) {
			t.Errorf("no %s in\n%s", part, out)
		}
	}
	for rule := range strings.SplitSeq("secondary_behind secondary_silent secondary_ahead secondary_refuses secondary_expires secondary_differs transfers_refused parent_ns_differs dnssec_waits tsig_in_use", " ") {
		if !strings.Contains(doc, "| `"+rule+"` |") {
			t.Errorf("%s is not told of", rule)
		}
	}

	secret, body, now := courier.NewSecret(), []byte(`{"type":"alarms"}`), time.Now()
	check := func(body []byte, at time.Time) string {
		headers, _ := json.Marshal(map[string]string{
			"webhook-id": "1", "webhook-timestamp": jsonNumber(at.Unix()), "webhook-signature": courier.Sign(secret, "1", at, []byte(`{"type":"alarms"}`)),
		})
		return strings.TrimSpace(shell(t, dir, "cat > verify.py <<'EOF'\n"+block(t, doc, "a receiver that has none does this:")+
			"\nimport json, os\nprint(verify(os.environ['SECRET'], json.loads(os.environ['HEAD']), os.environ['BODY'].encode()))\nEOF\npython3 verify.py",
			"SECRET="+secret, "HEAD="+string(headers), "BODY="+string(body)))
	}
	for want, got := range map[string]string{"True": check(body, now), "False": check([]byte(`{"type":"forged"}`), now), "False ": check(body, now.Add(-time.Hour)) + " "} {
		if got != want {
			t.Errorf("the signature: %s, want %s", got, want)
		}
	}
}

func jsonNumber(n int64) string {
	b, _ := json.Marshal(n)
	return string(b)
}
