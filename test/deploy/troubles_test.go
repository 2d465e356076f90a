package deploy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

func nothing() {}

// troubles are those that a test can make.
func (p *pager) troubles() []trouble {
	p.t.Helper()
	return append([]trouble{p.database(), p.transfers(), p.behind(), p.second(), p.secondaries()}, append(p.clients(), p.locked())...)
}

// second has the second node go away, and come back without its key, with too little memory, a zone that is damaged, and backups that come
// to nothing.
func (p *pager) second() trouble {
	b, key := p.b, filepath.Join(p.b.dir, "secret.key")
	move := func(from, to string) {
		p.t.Helper()
		if err := os.Rename(from, to); err != nil {
			p.t.Fatal(err)
		}
	}
	return trouble{
		alerts: []string{"HeadwaterDown", "HeadwaterSecretKeyMissing", "HeadwaterMemory", "HeadwaterZoneDamaged", "HeadwaterBackupOld", "HeadwaterZonesDiffer"},
		begin: func() {
			b.stop()
			p.until("it to be missed", func() []string {
				if !slices.Contains(p.firing(), "HeadwaterDown") {
					return []string{"HeadwaterDown"}
				}
				return nil
			})
			p.seen["HeadwaterDown"] = true
			b.sql("DELETE FROM images")()
			move(key, key+".away")
			b.start([]string{"GOMEMLIMIT=20MiB", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b"}, "--without-secret-key",
				"--backup-to", "s3://nowhere/backups?endpoint=http://127.0.0.1:1", "--backup-every", "1s")
		},
		again: nothing,
		end: func() {
			b.stop()
			move(key+".away", key)
			b.tool("check", "--quick", "--repair", "first.example")
			b.start(nil)
		},
	}
}

// secondaries has secondaries of a zone of the first node be behind, ahead and silent, until the zone is deleted; and a webhook that takes
// no messages about it.
func (p *pager) secondaries() trouble {
	var zone, hook string
	return trouble{
		alerts: []string{"HeadwaterSecondariesBehind", "HeadwaterSecondariesBroken", "HeadwaterNotifyPilesUp", "HeadwaterAlarms", "HeadwaterAlarmsUntold"},
		begin: func() {
			account := p.a.account()
			zone = p.a.make("/client/v4/zones", map[string]any{"name": "watched.example"})
			peers, alarms := "/client/v4/accounts/"+account+"/secondary_dns/peers", "/headwater/v1/accounts/"+account
			var ids []string
			out, err := exec.Command("dig", append(p.a.at(), "watched.example", "SOA", "+short")...).Output()
			f := strings.Fields(string(out))
			if err != nil || len(f) != 7 {
				p.t.Fatalf("the SOA: %v\n%s", err, out)
			}
			ours, err := strconv.ParseUint(f[2], 10, 32)
			if err != nil {
				p.t.Fatal(err)
			}
			for name, serial := range map[string]uint32{"behind": uint32(ours) - 1000, "ahead": uint32(ours) + 1000, "silent": 0} {
				id := p.a.make(peers, map[string]any{"name": name})
				p.a.call(http.MethodPut, peers+"/"+id, token, map[string]any{"name": name, "ip": "127.0.0.1", "port": p.secondary(serial)})
				ids = append(ids, id)
			}
			p.a.call(http.MethodPatch, alarms+"/alarm_rules", token, map[string]any{"rules": []any{map[string]any{"rule": "secondary_ahead", "after": 1, "clear_after": 1}}})
			hook = alarms + "/webhooks/" + p.a.make(alarms+"/webhooks", map[string]any{"kind": "https", "name": "nobody", "url": "https://127.0.0.1:1/"})
			p.a.make("/client/v4/zones/"+zone+"/secondary_dns/outgoing", map[string]any{"name": "watched.example", "peers": ids})
			p.a.call(http.MethodPost, "/client/v4/zones/"+zone+"/secondary_dns/outgoing/enable", token, nil)
		},
		again: nothing,
		end: func() {
			p.a.call(http.MethodDelete, hook, token, nil)
			p.a.call(http.MethodDelete, "/client/v4/zones/"+zone, token, nil)
		},
	}
}

// behind has the second node not have what the first one has, until it has as much.
func (p *pager) behind() trouble {
	return trouble{
		alerts: []string{"HeadwaterNodeBehind"}, begin: func() { p.a.records(30) }, again: nothing,
		end: func() {
			for ahead := p.a.position() - p.b.position(); ahead != 0; ahead = p.a.position() - p.b.position() {
				p.a.records(max(0, -ahead))
				p.b.records(max(0, ahead))
			}
		},
	}
}

// clients hold connections, show wrong tokens, and ask for what they may not have.
func (p *pager) clients() []trouble {
	slow, last := 0, time.Time{}
	return []trouble{
		{[]string{"HeadwaterSlowClients"}, nothing, func() {
			if time.Since(last) > 3*time.Second { // each holds a connection for ten seconds
				slow, last = slow+1, time.Now()
				p.t.Cleanup(p.connections(30, fmt.Sprintf("127.0.3.%d", slow)))
			}
		}, nothing},
		{[]string{"HeadwaterConnectionsRefused"}, nothing, func() { p.connections(80, "127.0.0.2")() }, nothing},
		{[]string{"HeadwaterWrongCredentials"}, nothing, func() { p.a.call(http.MethodGet, "/client/v4/zones", "wrong", nil) }, nothing},
		{[]string{"HeadwaterTransfersRefused"}, nothing, func() {
			_ = exec.Command("dig", append(p.a.at(), "first.example", "AXFR", "+time=5", "+tries=1")...).Run()
		}, nothing},
	}
}

// locked has somebody hold the second node's database while changes wait for it.
func (p *pager) locked() trouble {
	var release func()
	var writers sync.WaitGroup
	over := make(chan struct{})
	return trouble{
		alerts: []string{"HeadwaterStoreUnwritable"},
		begin: func() {
			path := "/client/v4/accounts/" + p.b.account()
			release = p.b.sql("BEGIN IMMEDIATE")
			writers.Go(func() {
				for {
					req, _ := http.NewRequest(http.MethodPut, "http://"+p.b.http+path, bytes.NewReader([]byte(`{"name":"renamed"}`)))
					req.Header.Set("Authorization", "Bearer "+token)
					req.Close = true
					if res, err := http.DefaultClient.Do(req); err == nil {
						_ = res.Body.Close()
					}
					select {
					case <-over:
						return
					case <-time.After(200 * time.Millisecond):
					}
				}
			})
		},
		again: nothing,
		end:   func() { close(over); release(); writers.Wait() },
	}
}

var position = regexp.MustCompile(`(?m)^headwater_journal_seq (\S+)$`)

// position is how far the node's journal has come.
func (w *watched) position() int {
	w.p.t.Helper()
	res, err := http.Get("http://" + w.http + "/metrics")
	if err != nil {
		w.p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	m := position.FindSubmatch(text)
	if m == nil {
		w.p.t.Fatalf("no position in\n%s", text)
	}
	at, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		w.p.t.Fatal(err)
	}
	return int(at)
}

// at has dig ask the node.
func (w *watched) at() []string {
	host, port, _ := strings.Cut(w.dns, ":")
	return []string{"@" + host, "-p", port}
}

// account is the node's first.
func (w *watched) account() string {
	w.p.t.Helper()
	result, _ := w.call(http.MethodGet, "/client/v4/accounts", token, nil)
	var list []struct{ ID string }
	if err := json.Unmarshal(result, &list); err != nil || len(list) == 0 {
		w.p.t.Fatalf("accounts: %s", result)
	}
	return list[0].ID
}
