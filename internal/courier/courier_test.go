package courier_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/courier"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := testkit.Leaked(); code == 0 && err != nil {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}

// TestSign holds the signature against the example of the Standard Webhooks specification.
func TestSign(t *testing.T) {
	t.Parallel()
	got := courier.Sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Error(got)
	}
	if a, b := courier.NewSecret(), courier.NewSecret(); a == b || len(a) < 40 {
		t.Error(a, b)
	}
}

// TestPost: what is taken, what is not and why, in words that tell nothing of what listens where; nothing is sent where it must not be,
// nor anything but https.
func TestPost(t *testing.T) {
	t.Parallel()
	hits := 0
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits++
		switch r.URL.Path {
		case "/redirects":
			http.Redirect(w, r, "/taken", http.StatusFound)
		case "/fails":
			w.WriteHeader(http.StatusTeapot)
		case "/endless":
			for _, err := w.Write(make([]byte, 1<<16)); err == nil; _, err = w.Write(make([]byte, 1<<16)) {
			}
		}
	}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	forbid := false
	control := func(string, string, syscall.RawConn) error {
		if forbid {
			return courier.ErrForbidden
		}
		return nil
	}
	good, strange := courier.New(courier.Config{Roots: roots, Control: control}), courier.New(courier.Config{Control: control})
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	for _, tt := range []struct {
		by     *courier.Courier
		url    string
		status int
		err    string
	}{
		{good, server.URL + "/taken", 200, ""},
		{good, server.URL + "/endless", 200, ""},
		{good, server.URL + "/fails", 418, "it answers 418"},
		{good, server.URL + "/redirects", 302, "it answers 302: redirects are not followed"},
		{strange, server.URL + "/taken", 0, "its certificate is not one that this server trusts, or TLS fails"},
		{good, "https://" + nobody.Addr().String(), 0, "no connection, or it ends without an answer"},
		{good, "http" + strings.TrimPrefix(server.URL, "https"), 0, courier.ErrURL.Error()},
		{good, "https://user:pass@localhost/", 0, courier.ErrURL.Error()},
		{good, "file:///etc/passwd", 0, courier.ErrURL.Error()},
	} {
		status, err := tt.by.Post(t.Context(), tt.url, "s", "id", []byte("{}"))
		if got := fmt.Sprint(err); status != tt.status || got != tt.err && (err != nil || tt.err != "") {
			t.Errorf("%s: %d %v, want %d %q", tt.url, status, err, tt.status, tt.err)
		}
	}
	forbid = true
	before := hits
	if _, err := good.Post(t.Context(), server.URL+"/taken", "s", "id", nil); !errors.Is(err, courier.ErrForbidden) || hits != before {
		t.Errorf("to a forbidden address: %v", err)
	}
	forbid = false
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if _, err := good.Post(ctx, "https://"+silent.Addr().String(), "s", "id", nil); err == nil || err.Error() != "no answer in time" {
		t.Errorf("a silent one: %v", err)
	}
}

// TestPostToOneThatSwitches: a receiver that says that it goes on in another protocol, and then nothing, holds nobody.
func TestPostToOneThatSwitches(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: silence\r\n\r\n")
		<-over
	}))
	defer server.Close()
	defer close(over)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	done := make(chan string, 1)
	go func() {
		status, err := courier.New(courier.Config{Roots: roots}).Post(ctx, server.URL, "s", "id", []byte("{}"))
		done <- fmt.Sprint(status, " ", err)
	}()
	select {
	case got := <-done:
		if got != "101 it answers 101" {
			t.Error(got)
		}
	case <-time.After(testkit.Patience):
		t.Error("it holds who sends, beyond all time")
	}
}

// mailbox is a mail server that takes what it gets.
func mailbox(t *testing.T, refuses string) (addr string, got <-chan string) {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mails := make(chan string, 10)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := lis.Accept()
			if err != nil {
				return
			}
			in := bufio.NewScanner(c)
			fmt.Fprint(c, "220 box ESMTP\r\n")
			for data := (*strings.Builder)(nil); in.Scan(); {
				line := in.Text()
				switch verb := strings.ToUpper(strings.Fields(line + " -")[0]); {
				case data != nil && line == ".":
					mails <- data.String()
					data = nil
					fmt.Fprint(c, "250 ok\r\n")
				case data != nil:
					data.WriteString(line + "\n")
				case verb == refuses:
					fmt.Fprint(c, "550 no\r\n")
				case verb == "EHLO":
					fmt.Fprint(c, "250-box\r\n250 8BITMIME\r\n")
				case verb == "DATA":
					data = &strings.Builder{}
					fmt.Fprint(c, "354 go on\r\n")
				case verb == "QUIT":
					fmt.Fprint(c, "221 bye\r\n")
				default:
					fmt.Fprint(c, "250 ok\r\n")
				}
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { lis.Close(); <-done })
	return lis.Addr().String(), mails
}

// TestMail: a mail arrives with its subject, text and id; one that the server refuses is an error, and so is a server without TLS where
// TLS is asked for.
func TestMail(t *testing.T) {
	t.Parallel()
	addr, got := mailbox(t, "")
	c := courier.New(courier.Config{SMTP: courier.SMTP{Server: addr, From: "headwater@example.com", TLS: "none"}})
	if err := c.Mail(t.Context(), "ops@example.com", "Zwölf alarms", "RAISED one\n", "0123"); err != nil {
		t.Fatal(err)
	}
	mail := <-got
	for _, part := range []string{"From: <headwater@example.com>", "To: <ops@example.com>", "0123@headwater", "Auto-Submitted: auto-generated", "RAISED one"} {
		if !strings.Contains(mail, part) {
			t.Errorf("no %q in\n%s", part, mail)
		}
	}
	refusing, _ := mailbox(t, "RCPT")
	c = courier.New(courier.Config{SMTP: courier.SMTP{Server: refusing, From: "headwater@example.com", TLS: "none"}})
	if err := c.Mail(t.Context(), "ops@example.com", "x", "y", "1"); err == nil {
		t.Error("a mail that was refused was taken")
	}
	bare, _ := mailbox(t, "")
	c = courier.New(courier.Config{SMTP: courier.SMTP{Server: bare, From: "headwater@example.com"}})
	if err := c.Mail(t.Context(), "ops@example.com", "x", "y", "1"); err == nil {
		t.Error("without TLS")
	}
	if err := courier.New(courier.Config{}).Mail(t.Context(), "a@b.example", "x", "y", "1"); !errors.Is(err, courier.ErrNoMail) {
		t.Error(err)
	}
	for _, bad := range []courier.SMTP{{Server: "mail", From: "a@b.example"}, {Server: "mail:x", From: "a@b.example"}, {Server: "mail:25"}, {Server: "mail:25", From: "a@b.example", TLS: "maybe"}} {
		if bad.Check() == nil {
			t.Errorf("%+v", bad)
		}
	}
}
