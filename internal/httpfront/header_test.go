package httpfront_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/httpfront"
)

// client connects from an address of loopback, with TLS where the front wants it.
func client(t *testing.T, f *httpfront.Front, from string, secure bool) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: long}
	c, err := d.Dial("tcp", f.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if secure {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	}
	_ = c.SetDeadline(time.Now().Add(long))
	return c
}

// drip sends octet by octet until nobody takes them.
func drip(c net.Conn) {
	for {
		if _, err := io.WriteString(c, "x"); err != nil {
			return
		}
		time.Sleep(progress / 20)
	}
}

// header begins a request whose header has no end.
const header = "GET / HTTP/1.1\r\nHost: x\r\nX-Never: "

// answered makes a request and waits for its answer.
func answered(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, len("HTTP/1.1 200 OK"))); err != nil {
		t.Fatal(err)
	}
}

// Each request whose header does not come to its end in time is counted, from wherever, in clear and by TLS, the first of a connection
// and a later one, dripping and stalled; so is a handshake. Who sends nothing, or nonsense, or all of it is not.
func TestSlowHeadersAreCounted(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "in clear", true: "by TLS"}[secure], func(t *testing.T) {
			t.Parallel()
			cfg := httpfront.Config{Handler: http.HandlerFunc(reads), Progress: moves}
			if secure {
				cfg.Certificate = certificate(t)
			}
			f := start(t, cfg)
			quick(t, f, secure)
			if got := f.Stats().SlowRequest; got != 0 {
				t.Fatalf("%d are counted that are not slow", got)
			}
			want := slow(t, f, secure)
			await(t, "slow ones to be counted", func() bool { return f.Stats().SlowRequest >= want })
			if s := f.Stats(); s.SlowRequest != want || s.SlowAnswer != 0 {
				t.Errorf("%d slow requests and %d slow answers, want %d and 0", s.SlowRequest, s.SlowAnswer, want)
			}
		})
	}
}

// quick has clients say nothing, nonsense, or two requests at once.
func quick(t *testing.T, f *httpfront.Front, secure bool) {
	t.Helper()
	silent, nonsense, piped := client(t, f, "127.0.5.1", secure), client(t, f, "127.0.5.2", secure), client(t, f, "127.0.5.3", secure)
	if tc, ok := silent.(*tls.Conn); ok {
		if err := tc.Handshake(); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = io.WriteString(nonsense, "what is this\r\n\r\n")
	gone(t, nonsense)
	_, _ = io.WriteString(piped, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
	answered(t, piped)
	gone(t, silent)
}

// slow has clients be slow until all are cut, and says how many.
func slow(t *testing.T, f *httpfront.Front, secure bool) (n uint64) {
	t.Helper()
	var cut []net.Conn
	for i := range 20 {
		c := client(t, f, fmt.Sprintf("127.0.4.%d", i+1), secure)
		if i%2 == 0 {
			answered(t, c)
		}
		_, _ = io.WriteString(c, header)
		if i%3 == 0 {
			go drip(c)
		}
		cut = append(cut, c)
	}
	if secure { // a handshake that was begun
		c := client(t, f, "127.0.4.250", false)
		_, _ = c.Write([]byte{22, 3, 1, 2, 0, 1})
		cut = append(cut, c)
	}
	for _, c := range cut {
		_, _ = io.Copy(io.Discard, c)
	}
	return uint64(len(cut))
}
