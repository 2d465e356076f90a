package httpfront_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/httpfront"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func TestMain(m *testing.M) { testkit.VerifyTestMain(m) }

// progress is short where something is to be cut; where something moves on, it does so much oftener than within moves, so that a
// busy machine may hold it up for a moment. long holds on any machine.
const (
	progress = 300 * time.Millisecond
	moves    = time.Second
	long     = 30 * time.Second
)

func start(t *testing.T, cfg httpfront.Config) *httpfront.Front {
	t.Helper()
	cfg.Address = "127.0.0.1:0"
	if cfg.Progress == 0 {
		cfg.Progress = progress
	}
	f, err := httpfront.Listen(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return f
}

func dial(t *testing.T, f *httpfront.Front) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", f.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(long))
	return c
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(long); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// reads is a handler that reads the whole body and says how it went.
func reads(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
	}
	_, _ = fmt.Fprint(w, n)
}

// gone reads until the server has closed the connection and tells what came before.
func gone(t *testing.T, c net.Conn) string {
	t.Helper()
	b, err := io.ReadAll(c)
	if nerr, ok := errors.AsType[net.Error](err); ok && nerr.Timeout() {
		t.Fatal("the connection was never closed")
	}
	return string(b)
}

// Bodies that do not come on are cut, however many: of a handler that reads them, of one that answers without reading, and those
// that come drop by drop.
func TestSlowRequestsAreCut(t *testing.T) {
	t.Parallel()
	f := start(t, httpfront.Config{PerSource: 1000, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/reads" {
			reads(w, r)
			return
		}
		w.WriteHeader(http.StatusForbidden)
	})})
	var wg sync.WaitGroup
	for i := range 300 {
		c := dial(t, f)
		path := []string{"/reads", "/refuses"}[i%2]
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: y\r\nContent-Length: 100000\r\n\r\nstart", path)
		if i%3 == 0 {
			wg.Go(func() {
				for {
					if _, err := c.Write([]byte("d")); err != nil {
						return
					}
					time.Sleep(progress / 10)
				}
			})
		}
		wg.Go(func() {
			got := gone(t, c)
			if i%3 != 0 && path == "/reads" && !strings.HasPrefix(got, "HTTP/1.1 400") {
				t.Errorf("%s: %q", path, got)
			}
		})
	}
	wg.Wait()
	await(t, "no connection is left", func() bool { return f.Stats().Open == 0 })
	if s := f.Stats(); s.SlowRequest < 150 {
		t.Errorf("%d slow requests were counted", s.SlowRequest)
	}
}

// A header that does not come on is cut, too.
func TestSlowHeaderIsCut(t *testing.T) {
	t.Parallel()
	f := start(t, httpfront.Config{Handler: http.NotFoundHandler()})
	c := dial(t, f)
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost:")
	gone(t, c)
}

// What takes long and moves on is not cut: a body in drops of a part, and a handler that takes its time before, between and
// after reading and writing.
func TestWhatMovesOnIsNotCut(t *testing.T) {
	t.Parallel()
	f := start(t, httpfront.Config{Progress: moves, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(moves * 6 / 5)
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			t.Errorf("after %d octets: %v", n, err)
		}
		for range 2 {
			time.Sleep(moves * 6 / 5)
			if r.Context().Err() != nil {
				t.Error("the request was given up while it was handled")
			}
			_, _ = io.WriteString(w, "part\n")
			w.(http.Flusher).Flush()
		}
	})})
	c := dial(t, f)
	for range 2 { // twice on one connection
		fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: y\r\nContent-Length: 49152\r\n\r\n")
		for range 48 { // more than twice as long as what begins it, the handler's pause, and what may pass without progress
			time.Sleep(moves / 20)
			_, _ = c.Write(make([]byte, 1024))
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		if err != nil || string(got) != "part\npart\n" {
			t.Errorf("%q, %v", got, err)
		}
		time.Sleep(moves * 6 / 5) // between two requests there is more time
	}
}

// An answer that nobody takes is cut, in HTTP/1.1 and HTTP/2.
func TestUnreadAnswersAreCut(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 20)
	endless := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b := make([]byte, 1<<20)
		for range 1000 {
			if _, err := w.Write(b); err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	})
	f := start(t, httpfront.Config{Handler: endless})
	for range 4 {
		fmt.Fprint(dial(t, f), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	secure := start(t, httpfront.Config{Handler: endless, Certificate: certificate(t)})
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	for range 4 {
		res, err := transport.RoundTrip(httptest.NewRequest(http.MethodGet, secure.URL(), nil))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.ProtoMajor != 2 {
			t.Fatalf("spoke %s", res.Proto)
		}
	}
	for range 8 {
		select {
		case err := <-ended:
			if err == nil {
				t.Error("an answer that nobody took was written to its end")
			}
		case <-time.After(long):
			t.Fatal("an answer that nobody takes is never cut")
		}
	}
}

// Who shows no credential has little to say.
func TestAnonymousBodiesAreSmall(t *testing.T) {
	t.Parallel()
	f := start(t, httpfront.Config{Handler: http.HandlerFunc(reads)})
	for _, tt := range []struct {
		header string
		size   int
		want   int
	}{{"", 4096, 200}, {"", 4097, 413}, {"Authorization", 100_000, 200}, {"Cookie", 100_000, 200}, {"X-Auth-Key", 100_000, 200}} {
		req, _ := http.NewRequest(http.MethodPost, f.URL(), strings.NewReader(strings.Repeat("a", tt.size)))
		if tt.header != "" {
			req.Header.Set(tt.header, "x")
		}
		req.Close = true
		res, err := (&http.Transport{}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != tt.want {
			t.Errorf("%s of %d octets: %d, want %d", tt.header, tt.size, res.StatusCode, tt.want)
		}
	}
}

// No source takes all the room, and who comes finds some while others only wait.
func TestConnectionLimits(t *testing.T) {
	t.Parallel()
	block, blocked := make(chan struct{}), make(chan struct{}, 10)
	f := start(t, httpfront.Config{Connections: 6, PerSource: 4, Progress: long, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/block" {
			blocked <- struct{}{}
			<-block
		}
	})})
	from := func(ip string) net.Conn {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
		c, err := d.Dial("tcp", f.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(long))
		return c
	}
	ask := func(c net.Conn, path string) error {
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
		_, err := http.ReadResponse(bufio.NewReader(c), nil)
		return err
	}
	// Four from one source are at work: a fifth of it is refused, another source is not.
	var wg sync.WaitGroup
	for range 4 {
		c := from("127.0.0.1")
		wg.Go(func() {
			if err := ask(c, "/block"); err != nil {
				t.Errorf("one that works was cut: %v", err)
			}
		})
		<-blocked
	}
	if err := ask(from("127.0.0.1"), "/"); err == nil {
		t.Error("a fifth connection of one source found room")
	}
	if err := ask(from("127.0.0.2"), "/"); err != nil {
		t.Errorf("another source: %v", err)
	}
	close(block)
	wg.Wait()
	if s := f.Stats(); s.Refused == 0 || s.Displaced != 0 {
		t.Errorf("%+v", s)
	}
	// All of them wait now, and longer than is fair: whoever comes displaces one, of the source that has most.
	time.Sleep(1100 * time.Millisecond)
	for i := range 8 {
		if err := ask(from(fmt.Sprintf("127.0.1.%d", i+1)), "/"); err != nil && i < 4 {
			t.Errorf("connection %d: %v", i, err)
		}
	}
	if s := f.Stats(); s.Displaced == 0 || s.Open > 6 {
		t.Errorf("%+v", s)
	}
}

// The client is who a trusted proxy says it is, and nobody else can say so.
func TestClientBehindProxies(t *testing.T) {
	t.Parallel()
	type seen struct {
		addr   string
		secure bool
	}
	tell := make(chan seen, 1)
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ap, _ := netip.ParseAddrPort(r.RemoteAddr)
		tell <- seen{ap.Addr().String(), r.TLS != nil}
	})
	trusting := start(t, httpfront.Config{Handler: h, Trusted: []netip.Prefix{
		netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48"),
	}})
	alone := start(t, httpfront.Config{Handler: h})
	const me = "127.0.0.1"
	for name, tt := range map[string]struct {
		proxy  string // header of the PROXY protocol
		lines  string
		want   string
		secure bool
	}{
		"nothing said":         {want: me},
		"one":                  {lines: "X-Forwarded-For: 192.0.2.7", want: "192.0.2.7"},
		"with a port":          {lines: "X-Forwarded-For: 192.0.2.7:5555", want: "192.0.2.7"},
		"IPv6":                 {lines: "X-Forwarded-For: 2001:db8::7", want: "2001:db8::7"},
		"IPv6 with a port":     {lines: "X-Forwarded-For: [2001:db8::7]:5555", want: "2001:db8::7"},
		"mapped":               {lines: "X-Forwarded-For: ::ffff:192.0.2.7", want: "192.0.2.7"},
		"forged before":        {lines: "X-Forwarded-For: 203.0.113.1, 192.0.2.7", want: "192.0.2.7"},
		"forged in a line":     {lines: "X-Forwarded-For: 203.0.113.1\r\nX-Forwarded-For: 192.0.2.7", want: "192.0.2.7"},
		"two proxies":          {lines: "X-Forwarded-For: 192.0.2.7, 10.1.2.3", want: "192.0.2.7"},
		"two kinds":            {lines: "X-Forwarded-For: 192.0.2.7, 2001:db8:1::5, 10.1.2.3", want: "192.0.2.7"},
		"proxies alone":        {lines: "X-Forwarded-For: 10.1.2.3", want: "10.1.2.3"},
		"not an address":       {lines: "X-Forwarded-For: 192.0.2.7, unknown", want: me},
		"not an address after": {lines: "X-Forwarded-For: 192.0.2.7, unknown, 10.1.2.3", want: "10.1.2.3"},
		"empty":                {lines: "X-Forwarded-For: ", want: me},
		"https":                {lines: "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https", want: "192.0.2.7", secure: true},
		"http":                 {lines: "X-Forwarded-Proto: https, http", want: me},
		"PROXY v2":             {proxy: proxyV2("192.0.2.9"), want: "192.0.2.9"},
		"PROXY v2 and forged":  {proxy: proxyV2("192.0.2.9"), lines: "X-Forwarded-For: 203.0.113.1\r\nX-Forwarded-Proto: https", want: "192.0.2.9"},
		"PROXY v2 of a proxy":  {proxy: proxyV2("10.9.9.9"), lines: "X-Forwarded-For: 192.0.2.7", want: "192.0.2.7"},
	} {
		ask := func(f *httpfront.Front) *seen {
			c := dial(t, f)
			fmt.Fprintf(c, "%sGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n\r\n", tt.proxy, tt.lines)
			answer, _ := io.ReadAll(c)
			if !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
				return nil
			}
			s := <-tell
			return &s
		}
		if got := ask(trusting); got == nil || *got != (seen{tt.want, tt.secure}) {
			t.Errorf("%s: %+v, want %s, secure %t", name, got, tt.want, tt.secure)
		}
		if got := ask(alone); tt.proxy != "" && got != nil {
			t.Errorf("%s: somebody who is not trusted spoke the PROXY protocol and was heard as %+v", name, *got)
		} else if tt.proxy == "" && *got != (seen{me, false}) {
			t.Errorf("%s: somebody who is not trusted is %+v", name, *got)
		}
	}
}

// proxyV2 is a header of the PROXY protocol, version 2, for a client.
func proxyV2(client string) string {
	var b strings.Builder
	b.WriteString("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c")
	for _, ip := range []string{client, "127.0.0.1"} {
		a := netip.MustParseAddr(ip).As4()
		b.Write(a[:])
	}
	_ = binary.Write(&b, binary.BigEndian, [2]uint16{4444, 80})
	return b.String()
}

// Whoever came by TLS is told to come back by TLS, and nobody else is.
func TestHSTS(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for want, f := range map[string]*httpfront.Front{
		"": start(t, httpfront.Config{Handler: h}), "max-age=31536000": start(t, httpfront.Config{Handler: h, Certificate: certificate(t)}),
	} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		res, err := tr.RoundTrip(httptest.NewRequest(http.MethodGet, f.URL(), nil))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		tr.CloseIdleConnections()
		if got := res.Header.Get("Strict-Transport-Security"); got != want {
			t.Errorf("%s: %q, want %q", f.URL(), got, want)
		}
	}
}

func certificate(t *testing.T) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	t.Cleanup(s.Close)
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &s.TLS.Certificates[0], nil }
}

// Over HTTP/2, too, a body that does not come on is cut, its stream alone, and what moves on is not.
func TestSlowStreamIsCut(t *testing.T) {
	t.Parallel()
	f := start(t, httpfront.Config{Progress: moves, Handler: http.HandlerFunc(reads), Certificate: certificate(t)})
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer tr.CloseIdleConnections()
	ask := func(body io.Reader) int {
		req, _ := http.NewRequest(http.MethodPost, f.URL(), body)
		req.Header.Set("Authorization", "y")
		res, err := tr.RoundTrip(req)
		if err != nil {
			return 0
		}
		defer res.Body.Close()
		if res.ProtoMajor != 2 {
			t.Fatalf("spoke %s", res.Proto)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		return res.StatusCode
	}
	stalled, w := io.Pipe()
	defer w.Close()
	go func() { _, _ = w.Write([]byte("start")) }()
	if got := ask(stalled); got == http.StatusOK {
		t.Error("a body that never came was taken for whole")
	}
	moving, mw := io.Pipe()
	go func() {
		for range 25 {
			_, _ = mw.Write(make([]byte, 1024))
			time.Sleep(moves / 20)
		}
		mw.Close()
	}()
	if got := ask(moving); got != http.StatusOK {
		t.Errorf("a body that moves on: %d", got)
	}
	if s := f.Stats(); s.SlowRequest != 1 {
		t.Errorf("%d slow requests were counted", s.SlowRequest)
	}
}
