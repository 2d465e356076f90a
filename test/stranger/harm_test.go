package stranger

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"
)

// harm is one way to cost the server something. copies do it at once, each from an address of its own.
type harm struct {
	name   string
	copies int
	do     func(ctx context.Context, w *world, n int)
}

// harms lists them: what needs no credentials first, then what a tenant may.
func harms() []harm {
	return []harm{
		{"sign-ins with large e-mails", 4, repeat("sign-ins with large e-mails", largeSignIn)},
		{"sign-ins with wrong passwords", 4, repeat("sign-ins with wrong passwords", wrongSignIn)},
		{"unfinished bodies", 200, unfinished},
		{"idle connections", 100, idle},
		{"refused transfers", 2, repeat("refused transfers", refusedTransfer)},
		{"datagrams", 2, repeat("datagrams", datagram)},
		{"idle DNS connections", 100, idleDNS},
		{"unread exports", 8, unread},
		{"generated records", 1, repeat("generated records", generate)},
		{"members", 4, repeat("members", member)},
		{"dead targets", 1, repeat("dead targets", deadTarget)},
		{"long lists", 1, repeat("long lists", longList)},
		{"keys that never were", 2, repeat("keys that never were", wrongToken)},
	}
}

// pace is the least time between two tries of one stranger.
const pace = 50 * time.Millisecond

// repeat does a thing until the time is over. Whatever comes of it, an error or an answer, is the server's to choose.
func repeat(name string, once func(ctx context.Context, w *world, n, round int) error) func(context.Context, *world, int) {
	return func(ctx context.Context, w *world, n int) {
		for round := 0; ctx.Err() == nil; round++ {
			_ = once(ctx, w, n, round)
			w.counted(name)
			pause(ctx, pace) // the strangers share the machine with whom they harm
		}
	}
}

// source is a loopback address of the n-th stranger's own.
func source(n int) string { return fmt.Sprintf("127.9.%d.%d", n/250, n%250+1) }

func dial(ctx context.Context, network, to, from string) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	if network == "tcp" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	} else {
		d.LocalAddr = &net.UDPAddr{IP: net.ParseIP(from)}
	}
	return d.DialContext(ctx, network, to)
}

// browse sends a request from a stranger's address and reads the answer away.
func browse(ctx context.Context, w *world, n int, method, path, token string, body io.Reader) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, w.n.HTTP+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	tr := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		return dial(ctx, network, addr, source(n))
	}}
	defer tr.CloseIdleConnections()
	res, err := tr.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	return nil
}

func largeSignIn(ctx context.Context, w *world, n, round int) error {
	return browse(ctx, w, n, http.MethodPost, "/headwater/v1/session", "", io.MultiReader(
		strings.NewReader(`{"password":"wrong-password","email":"`), io.LimitReader(exes{}, 15<<20),
		strings.NewReader(fmt.Sprintf(`%d.%d@example.com"}`, n, round)),
	))
}

// exes is a name without end.
type exes struct{}

func (exes) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

func wrongSignIn(ctx context.Context, w *world, n, round int) error {
	body := fmt.Sprintf(`{"password":"wrong-password","email":"someone%d.%d@example.com"}`, n, round)
	return browse(ctx, w, 1000+n*200+round%200, http.MethodPost, "/headwater/v1/session", "", strings.NewReader(body))
}

func wrongToken(ctx context.Context, w *world, n, round int) error {
	return browse(ctx, w, n, http.MethodGet, "/client/v4/zones", fmt.Sprintf("%040d", round), nil)
}

// unfinished sends most of a body and then an octet now and then, for as long as the server holds still.
func unfinished(ctx context.Context, w *world, n int) {
	const name = "unfinished bodies"
	for ctx.Err() == nil {
		w.counted(name)
		length, sent := 3000, 1500 // no more than a stranger may send; every tenth tries more
		if n%10 == 0 {
			length, sent = 16<<20, 1<<20
		}
		hold(ctx, w, n, fmt.Sprintf("POST /headwater/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"+
			`{"email":"%s`, length, strings.Repeat("y", sent)), "z")
	}
}

// idle opens connections and says nothing.
func idle(ctx context.Context, w *world, n int) {
	for ctx.Err() == nil {
		w.counted("idle connections")
		hold(ctx, w, n%5, "", "")
	}
}

// hold keeps a connection to the HTTP face until the server ends it or time is over.
func hold(ctx context.Context, w *world, n int, first, more string) {
	c, err := dial(ctx, "tcp", strings.TrimPrefix(w.n.HTTP, "http://"), source(n))
	if err != nil {
		pause(ctx, 100*time.Millisecond)
		return
	}
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	defer c.Close()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = io.Copy(io.Discard, c)
	}()
	if _, err := io.WriteString(c, first); err != nil {
		pause(ctx, 100*time.Millisecond)
		return
	}
	for {
		select {
		case <-gone:
			pause(ctx, time.Second)
			return
		case <-ctx.Done():
			return
		case <-time.After(3 * time.Second):
			if _, err := io.WriteString(c, more); err != nil {
				return
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// datagram sends queries that cost a stranger nothing: transfers, signed requests of keys that are not, junk.
func datagram(ctx context.Context, w *world, n, round int) error {
	c, err := dial(ctx, "udp", w.n.DNS.String(), source(rand.IntN(5000)))
	if err != nil {
		return err
	}
	defer c.Close()
	for i := range 64 {
		if _, err := c.Write(message(round*64 + i + n)); err != nil {
			return err
		}
	}
	pause(ctx, 2*time.Millisecond)
	return nil
}

// refusedTransfer asks for transfers over one connection again and again.
func refusedTransfer(ctx context.Context, w *world, n, round int) error {
	c, err := dial(ctx, "tcp", w.n.DNS.String(), source(n))
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 1<<12)
	for i := range 100 {
		msg := transfer(round*100 + i)
		if _, err := c.Write(append([]byte{byte(len(msg) >> 8), byte(len(msg))}, msg...)); err != nil {
			return err
		}
		if _, err := c.Read(buf); err != nil {
			return err
		}
	}
	return nil
}

// idleDNS opens TCP connections to the DNS port, sends half a message, and waits.
func idleDNS(ctx context.Context, w *world, n int) {
	for ctx.Err() == nil {
		w.counted("idle DNS connections")
		c, err := dial(ctx, "tcp", w.n.DNS.String(), source(n))
		if err != nil {
			pause(ctx, 100*time.Millisecond)
			continue
		}
		stop := context.AfterFunc(ctx, func() { _ = c.Close() })
		_, _ = c.Write([]byte{1, 0, 7})
		_, _ = io.Copy(io.Discard, c)
		stop()
		_ = c.Close()
		pause(ctx, 100*time.Millisecond)
	}
}
