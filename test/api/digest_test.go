package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// TestZoneDigest switches a zone's digest on and off: what is told is what is published. A zone that is too large for one has none, and
// one that has one does not grow beyond it.
func TestZoneDigest(t *testing.T) {
	t.Parallel()
	var s *server
	s = newServerOn(t, func(c *commit.Config) { c.Limits.DigestBytes = 2000 }, func(c *api.Config) {
		c.ZoneDigest = func(id model.ID) (out api.ZoneDigest, ok bool) {
			z := s.db.ByID(string(id))
			if z == nil {
				return out, false
			}
			v := z.State().Transfer
			out.Octets, out.Limit = v.Size(), 2000
			for _, set := range v.Own(v.Apex()) {
				if set.Type == wire.TypeZONEMD && len(set.Data) == 1 {
					out.Data = set.Data[0]
				}
			}
			return out, true
		}
	})
	name, id := s.zone("digest.example")
	at := "/headwater/v1/zones/" + id + "/zonemd"
	off := s.must("GET", at, nil).object(t)
	if off["enabled"] != false || off["digest"] != "" {
		t.Errorf("a new zone: %v", off)
	}
	s.fails(400, model.CodeZoneSetting, "PUT", at, `{}`)
	on := s.must("PUT", at, `{"enabled":true}`).object(t)
	if digest, _ := on["digest"].(string); on["enabled"] != true || len(digest) != 96 {
		t.Errorf("switched on: %v", on)
	}
	again := s.must("GET", at, nil).object(t)
	if again["digest"] != on["digest"] || again["serial"] != on["serial"] {
		t.Errorf("%v, and then %v", on, again)
	}
	large := `{"type":"TXT","name":"t","content":"` + strings.Repeat("x", 1990) + `"}`
	s.fails(400, model.CodeZONEMD, "POST", "/zones/"+id+"/dns_records", large)
	if now := s.must("GET", at, nil).object(t); now["serial"] != on["serial"] {
		t.Errorf("%s moved: %v", name, now)
	}
	if gone := s.must("PUT", at, `{"enabled":false}`).object(t); gone["digest"] != "" {
		t.Errorf("switched off: %v", gone)
	}
	s.must("POST", "/zones/"+id+"/dns_records", large)
	if r := s.fails(400, model.CodeZONEMD, "PUT", at, `{"enabled":true}`); !strings.Contains(r.Raw, `"/enabled"`) {
		t.Errorf("too large: %s", r.Raw)
	}
}

// TestErrorReports: what resolvers have reported is told as the node has it, and forgotten when somebody says so.
func TestErrorReports(t *testing.T) {
	t.Parallel()
	on := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	kept := []api.ErrorReport{{Name: "www.reports.example", Type: "A", Code: 7, Count: 3, First: on, Last: on, From: "192.0.2.1"}}
	s := newServer(t, func(c *api.Config) {
		c.ErrorReports = func(model.ID) api.ErrorReports {
			return api.ErrorReports{Agent: "agent.example", Ready: true, Node: "n1", Total: 3, Reports: kept}
		}
		c.ForgetReports = func(model.ID) int {
			n := len(kept)
			kept = nil
			return n
		}
	})
	_, id := s.zone("reports.example")
	at := "/headwater/v1/zones/" + id + "/error_reports"
	if got := string(s.must("GET", at, nil).Result); !strings.Contains(got, `"text":"Signature Expired","count":3`) || !strings.Contains(got, `"agent":"agent.example"`) {
		t.Error(got)
	}
	if got := string(s.must("DELETE", at, nil).Result); got != `{"forgotten":1}` {
		t.Error(got)
	}
	if got := string(s.must("GET", at, nil).Result); !strings.Contains(got, `"reports":[]`) {
		t.Error(got)
	}
}
