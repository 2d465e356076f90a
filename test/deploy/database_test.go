package deploy_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// onDatabase starts a node on PostgreSQL that has a standby, and knows both. Prometheus takes it for a cluster of its own.
func (p *pager) onDatabase() *watched {
	p.t.Helper()
	p.primary = primary(p.t)
	p.standby = p.primary.follower()
	return p.node("--database", p.primary.url(p.standby))
}

// database has the third node commit slowly, since a standby is slow to take what it has to have; then the primary dies, with changes
// that the standby has not got; and in the end the standby takes its place. Somebody has written into the journal what is no change.
func (p *pager) database() trouble {
	cut, promoted := false, false
	return trouble{
		alerts: []string{"HeadwaterLoadedAgain", "HeadwaterCommitsSlow", "HeadwaterStoreUnreachable", "HeadwaterNobodyNotifies", "HeadwaterHistoryLost"},
		begin: func() {
			p.primary.sql("headwater", `WITH at AS (UPDATE counters SET value = value + 1 WHERE name = 'seq' RETURNING value)
				INSERT INTO journal (seq, kind, account, zone, serial, at, body, secret) SELECT value, 1, 'nobody', 'nothing', 1, 0, '', '' FROM at`)
			p.c.records(1)
			p.standby.set("recovery_min_apply_delay = '300ms'")
			p.primary.set("synchronous_commit = 'remote_apply'", "synchronous_standby_names = '*'")
		},
		again: func() {
			switch {
			case !p.seen["HeadwaterCommitsSlow"]:
				p.c.records(1)
			case !p.seen["HeadwaterLoadedAgain"]:
			case !cut:
				cut = true
				p.cut()
			case !promoted && p.seen["HeadwaterStoreUnreachable"] && p.seen["HeadwaterNobodyNotifies"]:
				promoted = true
				p.standby.sql("postgres", "SELECT pg_promote()")
			}
		},
		end: nothing,
	}
}

// cut has the primary die with changes that the standby, which lets go of it first, has not got.
func (p *pager) cut() {
	p.t.Helper()
	p.primary.set("synchronous_standby_names")
	p.standby.set("recovery_min_apply_delay", "primary_conninfo = ''")
	p.until("the standby to let go", func() (missing []string) {
		if n := p.standby.sql("postgres", "SELECT count(*) FROM pg_stat_wal_receiver"); n != "0" {
			return []string{n}
		}
		return nil
	})
	p.c.records(3)
	p.primary.kill()
}

// transfers has somebody ask for a zone, and hang up without having taken it: it is larger than what the kernel takes in his place.
func (p *pager) transfers() trouble {
	var zone string
	return trouble{
		alerts: []string{"HeadwaterTransfersFail"},
		begin: func() {
			zone = p.a.make("/client/v4/zones", map[string]any{"name": "large.example"})
			for round := range 4 {
				var posts []any
				for i := range 700 {
					posts = append(posts, map[string]any{"type": "TXT", "name": fmt.Sprint("l", round, "-", i), "content": strings.Repeat("x", 1900)})
				}
				p.a.call(http.MethodPost, "/client/v4/zones/"+zone+"/dns_records/batch", token, map[string]any{"posts": posts})
			}
			peers := "/client/v4/accounts/" + p.a.account() + "/secondary_dns/peers"
			id := p.a.make(peers, map[string]any{"name": "hangs up"})
			p.a.call(http.MethodPut, peers+"/"+id, token, map[string]any{"name": "hangs up", "ip": "127.0.0.1", "port": p.secondary(0)})
			p.a.make("/client/v4/zones/"+zone+"/secondary_dns/outgoing", map[string]any{"name": "large.example", "peers": []string{id}})
			p.a.call(http.MethodPost, "/client/v4/zones/"+zone+"/secondary_dns/outgoing/enable", token, nil)
		},
		again: func() { p.hangUp() },
		end:   func() { p.a.call(http.MethodDelete, "/client/v4/zones/"+zone, token, nil) },
	}
}

// hangUp begins a transfer from the first node and breaks it off with the first octets.
func (p *pager) hangUp() {
	p.t.Helper()
	c, err := net.Dial("tcp", p.a.dns)
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	tcp := c.(*net.TCPConn)
	_, _ = tcp.SetReadBuffer(4096), tcp.SetLinger(0)
	query := "\x00\x21\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05large\x07example\x00\x00\xfc\x00\x01"
	query = string([]byte{0, byte(len(query) - 2)}) + query[2:]
	if _, err := io.WriteString(c, query); err != nil {
		p.t.Fatal(err)
	}
	_, _ = io.ReadFull(c, make([]byte, 2))
}
