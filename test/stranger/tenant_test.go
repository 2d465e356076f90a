package stranger

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// unread asks for exports and does not read them.
func unread(ctx context.Context, w *world, n int) {
	for ctx.Err() == nil {
		w.counted("unread exports")
		c, err := dial(ctx, "tcp", strings.TrimPrefix(w.n.HTTP, "http://"), source(n))
		if err != nil {
			pause(ctx, 100*time.Millisecond)
			continue
		}
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(4 << 10)
		}
		_, _ = fmt.Fprintf(c, "GET /client/v4/zones/%s/dns_records/export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", w.tenant.zone, w.tenant.token)
		pause(ctx, 15*time.Second)
		_ = c.Close()
	}
}

// generate imports a few lines that stand for very many records.
func generate(ctx context.Context, w *world, n, round int) error {
	var file bytes.Buffer
	for i := range 60 {
		_, _ = fmt.Fprintf(&file, "$GENERATE 0-65535 g%d-%d-%d-$ TXT \"$ %d\"\n", n, round, i, i)
	}
	return w.importFile(ctx, w.tenant.zone, w.tenant.token, file.String())
}

// member adds people, each of whom costs a password's hash.
func member(ctx context.Context, w *world, n, round int) error {
	body := fmt.Sprintf(`{"email":"m%d.%d@mallory.example","role":"read_only"}`, n, round)
	return browse(ctx, w, n, http.MethodPost, "/headwater/v1/accounts/"+w.tenant.account+"/members", w.tenant.token, strings.NewReader(body))
}

// deadTarget adds flattened names whose targets nobody answers for.
func deadTarget(ctx context.Context, w *world, n, round int) error {
	var posts []string
	for i := range 100 {
		posts = append(posts, fmt.Sprintf(`{"type":"CNAME","name":"d%d-%d","content":"t%d-%d.dead.example","settings":{"flatten_cname":true}}`, round, i, round, i))
	}
	err := browse(ctx, w, n, http.MethodPost, "/client/v4/zones/"+w.tenant.zone+"/dns_records/batch", w.tenant.token,
		strings.NewReader(`{"posts":[`+strings.Join(posts, ",")+`]}`))
	pause(ctx, 200*time.Millisecond)
	return err
}

// longList reads the largest list there is, slowly enough to be met by others.
func longList(ctx context.Context, w *world, n, _ int) error {
	return browse(ctx, w, n, http.MethodGet, "/client/v4/zones/"+w.tenant.zone+"/dns_records?per_page=5000000&order=content", w.tenant.token, nil)
}
