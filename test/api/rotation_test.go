package api_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// TestKeyEach has linked peers share a key unless the account lets each have its own, and takes that back only while they do.
func TestKeyEach(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	one, two := s.tsig("one."), s.tsig("two.")
	a, b := s.peer("a", "192.0.2.1", one), s.peer("b", "192.0.2.1", two)
	zone, _ := s.zone("each.example")
	settings := "/headwater/v1/accounts/" + string(s.account) + "/transfer_settings"
	link := zone + "/secondary_dns/outgoing"
	body := `{"name":"each.example","peers":["` + a + `","` + b + `"]}`
	s.fails(400, model.CodePeersTSIGDiffer, "POST", link, body)
	s.must("PATCH", settings, `{"tsig_per_peer":true}`)
	s.must("POST", link, body)
	if got := s.fails(400, model.CodePeersTSIGDiffer, "PATCH", settings, `{"tsig_per_peer":false}`); got.Errors[0].Source.Pointer != "/tsig_per_peer" {
		t.Errorf("points at %s", got.Errors[0].Source.Pointer)
	}
	if got := string(s.must("GET", settings, nil).Result); !strings.Contains(got, `"tsig_per_peer":true`) {
		t.Error(got)
	}
	s.must("PUT", s.secondaryDNS()+"/peers/"+b, `{"name":"b","ip":"192.0.2.1","tsig_id":"`+one+`"}`)
	s.must("PATCH", settings, `{"tsig_per_peer":false}`)
	s.fails(400, model.CodePeersTSIGDiffer, "PUT", s.secondaryDNS()+"/peers/"+b, `{"name":"b","ip":"192.0.2.1","tsig_id":"`+two+`"}`)
}

// TestRotation has a key followed by another, and retired when nobody needs it any more, or by force.
func TestRotation(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	uses := map[string]string{}
	s := newServer(t, func(c *api.Config) {
		c.KeyUses = func(_ context.Context, _ model.ID, peers []model.ID, old, next wire.Name) (out []api.KeyUse, err error) {
			mu.Lock()
			defer mu.Unlock()
			if old == next {
				t.Errorf("asked for %s and %s", old, next)
			}
			for _, p := range peers {
				for _, zone := range []string{"one.example", "two.example"} {
					use := uses[zone]
					if use == "" {
						use = "unseen"
					}
					out = append(out, api.KeyUse{Peer: p, Zone: zone, Use: use, On: time.Unix(1_800_000_000, 0)})
				}
			}
			return out, nil
		}
	})
	use := func(one, two string) {
		mu.Lock()
		defer mu.Unlock()
		uses["one.example"], uses["two.example"] = one, two
	}
	old, next, third := s.tsig("old."), s.tsig("next."), s.tsig("third.")
	same := s.tsig("OLD")
	a, b := s.peer("a", "192.0.2.1", old), s.peer("b", "192.0.2.2", old)
	zone, _ := s.zone("turn.example")
	s.must("POST", zone+"/secondary_dns/outgoing", `{"name":"turn.example","peers":["`+a+`","`+b+`"]}`)
	base := "/headwater/v1/accounts/" + string(s.account) + "/tsigs/"
	path := base + old + "/rotation"
	for successor, code := range map[string]int{same: model.CodeTSIGSuccessor, old: model.CodeTSIGSuccessor, strings.Repeat("0", 32): model.CodeTSIGNotFound} {
		status := 400
		if code == model.CodeTSIGNotFound {
			status = 404
		}
		if got := s.fails(status, code, "PUT", path, `{"successor_id":"`+successor+`"}`); got.Errors[0].Source.Pointer != "/successor_id" {
			t.Errorf("%s: points at %s", successor, got.Errors[0].Source.Pointer)
		}
	}
	s.fails(400, model.CodeTSIGSuccessor, "PUT", path, `{}`)
	s.fails(400, model.CodeTSIGSuccessor, "POST", path+"/retire", `{}`)
	under := func() string {
		return string(s.must("GET", "/headwater/v1/accounts/"+string(s.account)+"/tsig_rotations", nil).Result)
	}
	if got := under(); got != "[]" {
		t.Errorf("under rotation: %s", got)
	}
	s.must("PUT", path, `{"successor_id":"`+next+`"}`)
	if got, want := under(), `[{"tsig_id":"`+old+`","successor_id":"`+next+`"}]`; got != want {
		t.Errorf("under rotation: %s, want %s", got, want)
	}
	s.fails(400, model.CodeTSIGSuccessor, "PUT", base+next+"/rotation", `{"successor_id":"`+third+`"}`) // it follows one itself
	s.fails(400, model.CodeTSIGSuccessor, "PUT", base+third+"/rotation", `{"successor_id":"`+old+`"}`)  // that is being followed
	s.fails(400, model.CodeTSIGInUse, "DELETE", s.secondaryDNS()+"/tsigs/"+next, nil)
	s.must("PUT", s.secondaryDNS()+"/tsigs/"+old, `{"name":"old.","algo":"hmac-sha256."}`) // a program that knows nothing of it

	standing := func() (out struct {
		Retirable bool
		Peers     []struct {
			Use, Zone string
			Left      int `json:"zones_left"`
		}
	},
	) {
		if err := json.Unmarshal(s.must("GET", path, nil).Result, &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, tt := range []struct {
		one, two, worst, zone string
		left                  int
		says                  string
	}{
		{"unseen", "new", "unseen", "one.example", 1, "not seen with the new key yet, for the zone one.example"},
		{"unseen", "old", "old", "two.example", 2, "last seen with the old key, for the zone two.example"},
		{"unsure", "unseen", "unsure", "one.example", 2, "perhaps by another peer"},
	} {
		use(tt.one, tt.two)
		got := standing()
		if got.Retirable || len(got.Peers) != 2 || got.Peers[0].Use != tt.worst || got.Peers[0].Zone != tt.zone || got.Peers[0].Left != tt.left {
			t.Errorf("%+v: %+v", tt, got)
		}
		if r := s.fails(400, model.CodeTSIGStillUsed, "POST", path+"/retire", `{}`); !strings.Contains(r.Errors[0].Message, tt.says) {
			t.Errorf("%+v: %s", tt, r.Errors[0].Message)
		}
	}
	s.fails(400, model.CodeTSIGStillUsed, "PUT", path, `{"successor_id":null}`)
	use("old", "unseen")
	s.must("PUT", path, `{"successor_id":null}`) // nobody has the new one yet
	s.must("PUT", path, `{"successor_id":"`+next+`"}`)
	use("new", "new")
	if got := standing(); !got.Retirable || got.Peers[1].Left != 0 {
		t.Errorf("%+v", got)
	}
	if got := s.must("POST", path+"/retire", `{}`).id(t); got != next {
		t.Errorf("it answers %s", got)
	}
	for _, p := range []string{a, b} {
		if got := string(s.must("GET", s.secondaryDNS()+"/peers/"+p, nil).Result); !strings.Contains(got, next) {
			t.Error(got)
		}
	}
	s.fails(404, model.CodeTSIGNotFound, "GET", path, nil)
	s.must("PUT", base+next+"/rotation", `{"successor_id":"`+third+`"}`)
	if got := string(s.must("PUT", base+next+"/rotation", `{"successor_id":null,"force":true}`).Result); !strings.Contains(got, `"successor_id":null`) {
		t.Error(got)
	}
}
