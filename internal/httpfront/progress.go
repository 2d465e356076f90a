package httpfront

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// A client has so long for each part of a request, and of an answer. Parts are so large that a client that sends or takes one
// octet now and then does not stay for ever, and so small that a poor line gets through them.
const (
	requestPart = 1 << 10
	answerPart  = 16 << 10
)

// anonymous is the most that somebody may send who shows no credential at all.
const anonymous = 4 << 10

// exchange is a request and its answer under deadlines. Deadlines stand only while the client is waited for: what the handler
// does in between takes as long as it takes.
type exchange struct {
	http.ResponseWriter
	front  *Front
	rc     *http.ResponseController
	conn   *conn
	body   *body // nil when there is none
	headed bool  // its header is sent, or as good as that
}

func (x *exchange) begin(r *http.Request) {
	_ = x.rc.SetWriteDeadline(time.Time{}) // of the request before
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	from := r.Body
	if !shows(r.Header) {
		from = http.MaxBytesReader(x.ResponseWriter, from, anonymous)
	}
	x.body = &body{from: from, x: x, left: x.front.cfg.Progress}
	r.Body = x.body
}

// shows says whether a request has a credential, of whatever worth.
func shows(h http.Header) bool {
	return h.Get("Authorization") != "" || h.Get("X-Auth-Key") != "" || h.Get("Cookie") != ""
}

// end leaves deadlines for what the server does when the handler is done: send what is left of the answer, and read what is
// left of the request.
func (x *exchange) end() {
	x.head(http.StatusOK)
	x.arm()
}

// arm starts the client's time. The server may read the rest of a request before it writes.
func (x *exchange) arm() {
	at := time.Now().Add(x.front.cfg.Progress)
	_ = x.rc.SetWriteDeadline(at)
	if x.body != nil && !x.body.over {
		if x.body.slow {
			at = time.Now()
		}
		_ = x.rc.SetReadDeadline(at)
	}
}

func (x *exchange) disarm() {
	_ = x.rc.SetWriteDeadline(time.Time{})
	if x.body != nil && !x.body.slow {
		_ = x.rc.SetReadDeadline(time.Time{})
	}
}

// waiting has f wait for the client.
func (x *exchange) waiting(f func() error) error {
	x.arm()
	x.conn.wait()
	err := f()
	x.conn.work()
	x.disarm()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		x.front.slow[1].Add(1)
	}
	return err
}

// WriteHeader takes the status.
func (x *exchange) WriteHeader(status int) {
	if status >= http.StatusOK {
		x.head(status)
	}
	x.ResponseWriter.WriteHeader(status)
}

// head comes before an answer's header, and counts it. Whether the connection ends with it is told as late as that: a request may have been
// under way for long when its server began to leave, and whoever is not told sends the next one to a server that is gone.
func (x *exchange) head(status int) {
	if x.headed {
		return
	}
	x.headed = true
	x.front.codes[min(max(status/100, 0), 5)].Add(1)
	if x.front.leaving.Load() {
		x.Header().Set("Connection", "close")
	}
}

// Write sends in parts, each with its time.
func (x *exchange) Write(b []byte) (n int, err error) {
	x.head(http.StatusOK)
	for {
		part := b[:min(len(b), answerPart)]
		err := x.waiting(func() error {
			m, err := x.ResponseWriter.Write(part)
			n += m
			return err
		})
		if b = b[len(part):]; err != nil || len(b) == 0 {
			return n, err
		}
	}
}

// FlushError sends what is buffered.
func (x *exchange) FlushError() error {
	x.head(http.StatusOK)
	return x.waiting(x.rc.Flush)
}

// Flush is FlushError for those who ask no more.
func (x *exchange) Flush() { _ = x.FlushError() }

// body is a request's body that has to come on.
type body struct {
	from io.ReadCloser
	x    *exchange
	left time.Duration // to wait for the rest of this part
	got  int           // of it
	over bool          // it came to its end
	slow bool          // it was cut
}

var errSlow = errors.New("the request did not come on")

// Read waits for the client no longer than it has for this part.
func (b *body) Read(p []byte) (int, error) {
	if b.slow {
		return 0, errSlow
	}
	began := time.Now()
	_ = b.x.rc.SetReadDeadline(began.Add(b.left))
	b.x.conn.wait()
	n, err := b.from.Read(p)
	b.x.conn.work()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.slow = true
		b.x.front.slow[0].Add(1)
		b.x.Header().Set("Connection", "close")
		return n, errSlow
	case err != nil:
		b.over = errors.Is(err, io.EOF)
	}
	_ = b.x.rc.SetReadDeadline(time.Time{})
	b.left -= time.Since(began)
	if b.got += n; b.got >= requestPart {
		b.got, b.left = 0, b.x.front.cfg.Progress
	}
	return n, err
}

// Close ends reading.
func (b *body) Close() error { return b.from.Close() }
