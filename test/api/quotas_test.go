package api_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// withQuotas starts a server whose accounts may hold so much.
func withQuotas(t *testing.T, q model.Quotas) *server {
	t.Helper()
	return newServerOn(t, func(c *commit.Config) { c.Quotas = q })
}

// used is what the account's quotas say that it holds of one thing.
func (s *server) used(name model.Quota) string {
	s.t.Helper()
	q := s.must("GET", "/headwater/v1/accounts/"+string(s.account)+"/quotas", nil).object(s.t)[string(name)].(map[string]any)
	return fmt.Sprint(q["used"])
}

const readToken = `{"name":"t%d","policies":[{"effect":"allow","permission_groups":[{"id":"82e64a83756745bbbb1c9c2701bf816b"}],` +
	`"resources":{"com.cloudflare.api.account.zone.*":"*"}}]}`

// TestQuotasAtTheEdge has many clients take what is left at once: as many get it as the quota says, not one more, what is
// refused is refused by the quota's code, and what is given back can be taken again.
func TestQuotasAtTheEdge(t *testing.T) {
	t.Parallel()
	s := withQuotas(t, model.Quotas{
		model.QuotaZones: 3, model.QuotaRecords: 9, model.QuotaZoneRecords: 7, model.QuotaTSIGs: 3, model.QuotaPeers: 3, model.QuotaACLs: 3,
		model.QuotaTokens: 4, model.QuotaMembers: 2,
	})
	z, _ := s.zone("first.test")
	other, _ := s.zone("second.test")
	s.record(other, `{"name":"a","type":"TXT","content":"x"}`)
	dns := "/accounts/" + string(s.account) + "/secondary_dns"
	for _, tt := range []struct {
		quota      model.Quota
		path, body string
		free       int64 // of what the quota leaves
		code       int
	}{
		{model.QuotaZones, "/zones", `{"name":"z%d.test"}`, 1, model.CodeQuotaExceeded},
		{model.QuotaZoneRecords, z + "/dns_records", `{"name":"n%d","type":"TXT","content":"x"}`, 7, model.CodeQuota},
		{model.QuotaRecords, other + "/dns_records", `{"name":"n%d","type":"TXT","content":"x"}`, 1, model.CodeQuota},
		{model.QuotaTSIGs, dns + "/tsigs", `{"name":"k%d.test","algo":"hmac-sha256."}`, 3, model.CodeQuotaExceeded},
		{model.QuotaPeers, dns + "/peers", `{"name":"p%d"}`, 3, model.CodeQuotaExceeded},
		{model.QuotaTokens, "/accounts/" + string(s.account) + "/tokens", readToken, 4, model.CodeQuotaExceeded},
		{model.QuotaTokens, "/user/tokens", readToken, 3, model.CodeQuotaExceeded}, // the user has one already
		{model.QuotaACLs, dns + "/acls", `{"name":"a%d","ip_range":"192.0.2.0/28"}`, 3, model.CodeQuotaExceeded},
	} {
		var made, refused atomic.Int64
		var ids sync.Map
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				switch r := s.do("POST", tt.path, fmt.Sprintf(tt.body, i)); {
				case r.Status == 200:
					made.Add(1)
					ids.Store(r.object(t)["id"], nil)
				case r.Status == 400 && r.code() == tt.code:
					refused.Add(1)
				default:
					t.Errorf("%s: %s", tt.quota, r.Raw)
				}
			})
		}
		wg.Wait()
		if made.Load() != tt.free || made.Load()+refused.Load() != 16 {
			t.Errorf("%s: %d made and %d refused, want %d made", tt.quota, made.Load(), refused.Load(), tt.free)
		}
		for id := range ids.Range {
			s.must("DELETE", tt.path+"/"+id.(string), nil)
			one := s.must("POST", tt.path, fmt.Sprintf(tt.body, 99)).object(t)["id"].(string)
			s.fails(400, tt.code, "POST", tt.path, fmt.Sprintf(tt.body, 98))
			if tt.quota != model.QuotaZoneRecords { // its records leave the account's quota but one
				s.must("DELETE", tt.path+"/"+one, nil)
			}
			break
		}
	}
	// Over a quota that was lowered everything stays, and can be changed and removed.
	own := "/headwater/v1/accounts/" + string(s.account) + "/quotas"
	s.must("PATCH", own, `{"records":1,"zones":0}`)
	list := s.must("GET", z+"/dns_records", nil).list(t)
	s.must("PATCH", z+"/dns_records/"+list[0]["id"].(string), `{"content":"y"}`)
	s.fails(400, model.CodeQuota, "POST", z+"/dns_records", `{"name":"more","type":"TXT","content":"x"}`)
	s.must("POST", z+"/dns_records/batch", `{"deletes":[{"id":"`+list[0]["id"].(string)+`"},{"id":"`+list[1]["id"].(string)+`"}]}`)
	s.must("PATCH", own, `{"records":null,"zones":4}`)
	got := s.must("GET", own, nil).object(t)
	if q := got["records"].(map[string]any); fmt.Sprintf("%v %v", q["limit"], q["own"]) != "9 <nil>" {
		t.Errorf("records: %v", q)
	}
	if q := got["zones"].(map[string]any); fmt.Sprintf("%v %v %v", q["limit"], q["own"], q["used"]) != "4 4 2" {
		t.Errorf("zones: %v", q)
	}
	members := "/headwater/v1/accounts/" + string(s.account) + "/members"
	s.must("POST", members, `{"email":"second@example.com","role":"read_only"}`)
	s.fails(400, model.CodeQuotaExceeded, "POST", members, `{"email":"third@example.com","role":"read_only"}`)
	if q := got["octets"].(map[string]any); q["limit"] != nil {
		t.Errorf("octets: %v", q)
	}
	s.must("DELETE", z, nil)
	if n := s.used(model.QuotaRecords); n != "1" {
		t.Errorf("after the zone is gone the account has %s records", n)
	}
	for body, pointer := range map[string]string{`{"nonsense":1}`: "/nonsense", `{"zones":-1}`: "/zones", `{"zones":1e17}`: ""} {
		if r := s.fails(400, map[bool]int{true: model.CodeEntitlement, false: model.CodeBodyInvalid}[pointer != ""], "PATCH", own, body); pointer != "" && r.Errors[0].Source.Pointer != pointer {
			t.Errorf("%s: %s", body, r.Raw)
		}
	}
}

// TestOctets holds the octets that are counted change by change against those of the records that are there, and fills an
// account by growing a record, by batch and by import.
func TestOctets(t *testing.T) {
	t.Parallel()
	s := withQuotas(t, model.Quotas{model.QuotaOctets: 4000, model.QuotaRecords: 100})
	z, zid := s.zone("octets.test")
	check := func() {
		t.Helper()
		var want int64
		err := s.store.Records(t.Context(), model.ID(zid), model.RecordQuery{}, func(r *model.Record) error {
			want += r.Size()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.used(model.QuotaOctets); got != fmt.Sprint(want) {
			t.Errorf("%s octets are counted, the records have %d", got, want)
		}
	}
	id := s.record(z, `{"name":"ü","type":"TXT","content":"grüße","comment":"é","tags":["a:b","c"]}`)
	check()
	s.must("PATCH", z+"/dns_records/"+id, `{"content":"`+long("x", 1200)+`"}`)
	check()
	s.fails(400, model.CodeQuotaExceeded, "PATCH", z+"/dns_records/"+id, `{"content":"`+long("x", 2000)+`"}`)
	s.must("PATCH", z+"/dns_records/"+id, `{"content":"`+long("x", 900)+`"}`)
	check()
	posts := strings.Repeat(`{"name":"b","type":"TXT","content":"`+long("y", 200)+`"},`, 3)
	s.fails(400, model.CodeIdentical, "POST", z+"/dns_records/batch", `{"posts":[`+strings.TrimSuffix(posts, ",")+`]}`)
	check()
	var file strings.Builder
	for i := range 40 {
		fmt.Fprintf(&file, "h%d\t300\tIN\tTXT\t\"%s\"\n", i, long("z", 100))
	}
	if r := s.importFile(z+"/dns_records/import", "file", file.String()); r.Status != 400 || r.code() != model.CodeQuotaExceeded {
		t.Errorf("an import over the quota: %s", r.Raw)
	}
	check()
	s.importFile(z+"/dns_records/import", "file", "h\t300\tIN\tTXT\t\"some\"\ni\t300\tIN\tA\t192.0.2.1\n")
	check()
	s.must("DELETE", z+"/dns_records/"+id, nil)
	check()
	s.must("POST", z+"/dns_records/batch", `{"posts":[{"name":"p","type":"A","content":"192.0.2.9","comment":"c"}]}`)
	check()
	s.must("DELETE", z, nil)
	if got := s.used(model.QuotaOctets); got != "0" {
		t.Errorf("an account without zones has %s octets", got)
	}
}

// TestFlattenQuota refuses the second target of an account that may have one; package flatten tests the counting.
func TestFlattenQuota(t *testing.T) {
	t.Parallel()
	s := withQuotas(t, model.Quotas{model.QuotaFlattened: 1})
	zone, _ := s.zone("example.com")
	const flat = `{"name":"%s","type":"CNAME","content":"%s.test","settings":{"flatten_cname":true}}`
	batch := func(targets ...string) string {
		var posts []string
		for i, target := range targets {
			posts = append(posts, fmt.Sprintf(flat, fmt.Sprint("h", i), target))
		}
		return `{"posts":[` + strings.Join(posts, ",") + `]}`
	}
	s.fails(400, model.CodeQuotaExceeded, "POST", zone+"/dns_records/batch", batch("one", "two"))
	s.must("POST", zone+"/dns_records/batch", batch("one", "one"))
	s.must("PATCH", "/headwater/v1/accounts/"+string(s.account)+"/quotas", `{"flattened_targets":2}`)
	s.must("POST", zone+"/dns_records/batch", `{"posts":[`+fmt.Sprintf(flat, "h8", "two")+`,`+fmt.Sprintf(flat, "h9", "three")+`]}`)
}
