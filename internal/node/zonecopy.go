package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/client"
	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// copyZone makes the copies that the dashboard asks for: the copier of the command line, from the source over HTTP to
// this server's own API in process, with the credentials of who asks.
func (n *Node) copyZone(ctx context.Context, own http.Handler, c *api.ZoneCopy, step func(api.ZoneCopyStep)) ([]api.ZoneCopyNote, error) {
	p := &copyProgress{step: step}
	defer p.end()
	k := &client.Copier{
		From: n.copySource(c), To: client.New("http://headwater", ""), Lenient: c.SkipInvalid, Bare: !c.Transfers,
		Account: string(c.Account),
		Told:    func(text string) { p.tell(func(s *api.ZoneCopyStep) { s.Text = text }) },
		Read:    func(octets int64) { p.tell(func(s *api.ZoneCopyStep) { s.Octets = octets }) },
		Made:    func(zone string) { p.tell(func(s *api.ZoneCopyStep) { s.Zone = model.ID(zone) }) },
	}
	defer k.From.HTTP.CloseIdleConnections()
	k.To.HTTP.Transport = &inProcess{own, c.Credential, c.RemoteAddr}
	z, err := k.From.Zone(ctx, c.Zone)
	if err != nil {
		if !c.Trusted {
			n.log.Info("source of a copy does not answer", "source", c.From, "error", err)
			err = untold(err)
		}
		return nil, copyFailure(err, "The source: ")
	}
	there, err := k.To.Zone(ctx, c.Zone)
	switch {
	case err != nil && !errors.Is(err, client.ErrNoZone):
		return nil, copyFailure(err, "")
	case err == nil && there.Account.ID != k.Account:
		return nil, copyFailure(errOtherAccount, "")
	}
	err = k.Copy(ctx, z)
	notes := make([]api.ZoneCopyNote, 0, len(k.Notes))
	for _, m := range k.Notes {
		if strings.HasSuffix(m.Message, "the server makes its own.") {
			continue // of every zone's SOA
		}
		notes = append(notes, api.ZoneCopyNote{Code: max(m.Code, leastCode), Message: m.Message})
	}
	if err != nil {
		return notes, copyFailure(err, "")
	}
	return notes, nil
}

// leastCode is the least code that an answer may hold.
const leastCode = 1000

var errOtherAccount = errors.New("the zone is there already, in another account")

// copyProgress tells steps one at a time, and none after the end: the zone file is read beside everything else.
type copyProgress struct {
	mu   sync.Mutex
	at   api.ZoneCopyStep
	step func(api.ZoneCopyStep)
	over bool
}

func (p *copyProgress) tell(change func(*api.ZoneCopyStep)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if change(&p.at); !p.over {
		p.step(p.at)
	}
}

func (p *copyProgress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
}

// copyFailure tells refusals in the words of the server that refused, and everything else as what it is.
func copyFailure(err error, lead string) error {
	out := &api.ZoneCopyFailure{}
	if refused, ok := errors.AsType[*client.Error](err); ok {
		for _, m := range refused.Errors {
			out.Notes = append(out.Notes, api.ZoneCopyNote{Code: max(m.Code, leastCode), Message: lead + m.Message})
		}
		if len(out.Notes) == 0 {
			out.Notes = []api.ZoneCopyNote{{Code: model.CodeCopySource, Message: fmt.Sprintf("%sthe answer was %d, which is not one of this API.", lead, refused.Status)}}
		}
		if lead != "" { // a code of theirs must not be taken for one of ours
			out.Notes[0].Code = model.CodeCopySource
		}
		return out
	}
	out.Notes = []api.ZoneCopyNote{{Code: model.CodeCopySource, Message: lead + err.Error()}}
	return out
}

// inProcess is a transport to our own handler.
type inProcess struct {
	to         http.Handler
	credential http.Header
	remoteAddr string
}

var errAborted = errors.New("the answer was cut off")

// RoundTrip answers a request as the handler does.
func (t *inProcess) RoundTrip(r *http.Request) (res *http.Response, err error) {
	in := r.Clone(r.Context())
	in.Header.Del("Authorization")
	maps.Copy(in.Header, t.credential)
	in.RemoteAddr, in.RequestURI = t.remoteAddr, r.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer in.Body.Close()
	defer func() {
		if recover() != nil {
			res, err = nil, errAborted
		}
	}()
	w := &heldAnswer{header: http.Header{}, status: http.StatusOK}
	t.to.ServeHTTP(w, in)
	return &http.Response{
		StatusCode: w.status, Status: http.StatusText(w.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// Lend gives the API of the store that c names to f, with all that an administrator may do, and to nobody else: no socket is bound, and
// nobody is told, asked, looked up or looked after.
func Lend(ctx context.Context, c *Config, log *slog.Logger, f func(*client.Client) error) error {
	n, err := open(ctx, c, log, nil, free)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		if err := n.feed.Run(ctx); ignoreClosed(err) != nil {
			log.Error("zones of a lent store", "error", err)
		}
	}()
	defer func() {
		stop()
		<-over
		if err := n.store.Close(); err != nil {
			log.Error("close a lent store", "error", err)
		}
	}()
	credential, err := n.borrower(ctx)
	if err == nil {
		err = n.loaded(ctx, over)
	}
	if err != nil {
		return err
	}
	api := client.New("http://headwater", "")
	api.HTTP.Transport = &inProcess{n.handler(), credential, "127.0.0.1:0"}
	return f(api)
}

// borrower makes an administrator for who has the store lent.
func (n *Node) borrower(ctx context.Context) (http.Header, error) {
	credential := http.Header{}
	err := auth.ResetAdmin(ctx, n.store, auth.ResetOptions{
		Email: "borrower@headwater.invalid", Create: true, Now: time.Now(),
		Show: func(c *auth.FirstCredentials) error {
			credential.Set("X-Auth-Email", c.Email)
			credential.Set("X-Auth-Key", c.Key)
			return nil
		},
	})
	return credential, err
}

// heldAnswer holds an answer to a request of our own, all of which are short.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is the answer's header.
func (w *heldAnswer) Header() http.Header { return w.header }

// WriteHeader takes the status.
func (w *heldAnswer) WriteHeader(status int) { w.status = status }

// Write takes a part of the body.
func (w *heldAnswer) Write(b []byte) (int, error) { return w.body.Write(b) }
