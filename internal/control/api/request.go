package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/trace"
)

const (
	seqHeader     = "Headwater-Seq"
	changeHeader  = "Headwater-Change"
	requestHeader = "X-Request-Id"
	// SessionCookie is the name of the dashboard's cookie.
	SessionCookie = "headwater_session"
	// CSRFHeader carries the session's token with every change.
	CSRFHeader = "X-CSRF-Token"
)

// Request is one request on its way through a handler.
type Request struct {
	API *API
	W   http.ResponseWriter
	R   *http.Request
	Id  string // of the request, in answer and log

	route   *Route
	Who     *auth.Identity // nil on public routes
	Account model.ID       // of the path's account, or of the zone
	Zone    model.Zone     // on routes of ScopeZone
	// challenges says that who asks may see and change records that answer ACME challenges, and no others.
	challenges bool

	note  string   // of who asks, for history and audit log
	dry   bool     // it is tried out alone
	draft model.ID // of the draft that it goes into; empty: it is done
	// telling says that what is sent is the plan itself.
	telling bool
	wait    *waiting // what it waits for before it is answered; nil for nothing

	seq     model.Seq // what the answer is known to be seen from
	changes int       // made so far
	status  int
}

func (a *API) newRequest(w http.ResponseWriter, r *http.Request) *Request {
	return &Request{API: a, W: w, R: r, Id: w.Header().Get(requestHeader)}
}

// span begins the request's span, of which all that is done for it is told. Only who has shown credentials that do may say which
// trace it belongs to, and whether it is recorded: strangers would have as much recorded as they like.
func (q *Request) span(start time.Time) trace.Span {
	parent := ""
	if q.Who != nil {
		parent = q.R.Header.Get("Traceparent")
	}
	span := q.API.Tracer.Begin(q.R.Method+" "+q.route.Path, start, parent,
		trace.Text("http.request.method", q.R.Method), trace.Text("http.route", q.route.Path), trace.Text("headwater.request.id", q.Id))
	if span == nil {
		return nil
	}
	if q.Account != "" {
		span.Set(trace.Text("headwater.account.id", string(q.Account)))
	}
	if q.Zone.ID != "" {
		span.Set(trace.Text(trace.KeyZone, string(q.Zone.ID)), trace.Text("headwater.zone.name", q.Zone.Name.Host()))
	}
	q.R = q.R.WithContext(trace.With(q.R.Context(), span))
	return span
}

// endSpan ends it, with what was answered; 0 is an answer that was broken off.
func (q *Request) endSpan(span trace.Span) {
	failed := ""
	if q.status == 0 || q.status >= http.StatusInternalServerError {
		failed = "not answered as asked"
	}
	span.Set(trace.Number("http.response.status_code", int64(q.status)))
	span.End(q.API.Clock(), failed)
}

// Ctx ends with the request.
func (q *Request) Ctx() context.Context { return q.R.Context() }

// Now is the time as the API sees it.
func (q *Request) Now() time.Time { return q.API.Clock() }

// Addr is who asks; behind a proxy, the proxy.
func (q *Request) Addr() netip.Addr {
	ap, err := netip.ParseAddrPort(q.R.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

// actor is who acts, for the audit log.
func (q *Request) actor() model.Actor {
	a := q.Who.Actor(q.Addr(), q.Id)
	a.Note = q.note
	return a
}

// Notes come in a header, whatever is written. Programs that can put nothing but ASCII there write other text as RFC 8187 section 3.2 has it.
const (
	noteHeader = "Headwater-Note"
	noteMost   = 500 // characters
	noteUTF8   = "UTF-8''"
)

// readNote reads what who asks has to say of a change.
func (q *Request) readNote() error {
	s := q.R.Header.Get(noteHeader)
	if s == "" || q.R.Method == http.MethodGet || q.R.Method == http.MethodHead {
		return nil
	}
	if coded, ok := strings.CutPrefix(s, noteUTF8); ok {
		plain, err := url.PathUnescape(coded)
		if err != nil {
			return Invalid(model.CodeNote, "", noteHeader+" is not percent-encoded UTF-8 (RFC 8187).")
		}
		s = plain
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || utf8.RuneCountInString(s) > noteMost {
		return Invalid(model.CodeNote, "", noteHeader+" must be text of at most 500 characters on one line, in UTF-8.")
	}
	q.note = strings.TrimSpace(s)
	return nil
}

// Author is who acts, for drafts.
func (q *Request) Author() model.Author {
	a := model.Author{User: q.Who.User.ID, Email: q.Who.User.Email}
	if q.Who.Token != nil {
		a.Token, a.Maker = q.Who.Token.ID, q.Who.Token.Maker.User
	}
	return a
}

// Change hands edits of the request's account and zone to the one way in. Where the request is to be tried out, the error is its plan: the
// handler ends there.
func (q *Request) Change(edits ...model.Edit) (model.Result, error) {
	switch {
	case q.dry:
		return model.Result{}, q.tryChange(edits)
	case q.draft != "":
		return model.Result{}, q.draftChange(edits)
	}
	return q.do(edits)
}

// Challenges says that who asks may see and change records that answer ACME challenges, and no others (auth.IsChallenge).
func (q *Request) Challenges() bool { return q.challenges }

// do commits edits.
func (q *Request) do(edits []model.Edit) (model.Result, error) {
	id, err := q.changeID()
	if err != nil {
		return model.Result{}, err
	}
	c := model.Change{ID: id, Account: q.Account, Zone: q.Zone.ID, Actor: q.actor(), Edits: edits}
	if q.challenges {
		c.Only = auth.IsChallenge
	}
	res, err := q.API.Changer.Change(q.Ctx(), c)
	if err == nil || errors.Is(err, model.ErrDuplicateChange) {
		q.seq = res.Seq
	}
	return res, err
}

// Undelete has a deleted zone of the request's account come back.
func (q *Request) Undelete(zone model.ID, trial bool) (model.Undeleted, error) {
	res, err := q.API.Undelete(q.Ctx(), &model.Undelete{
		Account: q.Account, Zone: zone, Actor: q.actor(), Anywhere: q.Who.ServerAdmin(), Trial: trial,
	})
	q.seq = max(q.seq, res.Seq)
	return res, err
}

// ImportRecords is change for many new records.
func (q *Request) ImportRecords(records *model.Pack, lenient bool) (model.Imported, error) {
	if q.dry || q.draft != "" {
		edits, err := q.importEdits(records, lenient)
		if err == nil {
			_, err = q.Change(edits...)
		}
		return model.Imported{}, err
	}
	id, err := q.changeID()
	if err != nil {
		return model.Imported{}, err
	}
	res, err := q.API.Changer.Import(q.Ctx(), &model.Import{
		ID: id, Account: q.Account, Zone: q.Zone.ID, Actor: q.actor(), Records: records, Lenient: lenient,
	})
	if err == nil || errors.Is(err, model.ErrDuplicateChange) {
		q.seq = res.Seq
	}
	return res, err
}

// changeMost bounds what a client may name a change.
const changeMost = 128

// changeID is the id of a change that the client has given a name, empty without one. The same name from another user is
// another change.
func (q *Request) changeID() (model.ID, error) {
	name := q.R.Header.Get(changeHeader)
	if name == "" {
		return "", nil
	}
	if len(name) > changeMost {
		return "", Invalid(model.CodeRequestInvalid, "", changeHeader+" must have at most 128 characters.")
	}
	q.changes++
	actor := q.actor()
	d := sha256.Sum256(fmt.Appendf(nil, "change %d of %s %s: %s", q.changes, actor.User, actor.Token, name))
	return model.ID(hex.EncodeToString(d[:16])), nil
}

// PathID is an object id in the path.
func (q *Request) PathID(name string) model.ID { return model.ID(q.R.PathValue(name)) }

// ValidID says whether s is 32 lower-case hexadecimal digits.
func ValidID(s string) bool {
	if len(s) != 32 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func newRequestID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// Page reads page and per_page. A page size over the most is cut to it quietly.
func (q *Request) Page(usual, most int) (page, per int, err error) {
	page, per = 1, usual
	for name, v := range map[string]*int{"page": &page, "per_page": &per} {
		s := q.R.URL.Query().Get(name)
		if s == "" {
			continue
		}
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return 0, 0, Invalid(model.CodePaging, "", name+" must be a positive number.")
		}
		*v = n
	}
	return min(page, 1<<31), min(per, most), nil
}

// Info tells of a page.
func Info(page, per, count, total int) ResultInfo {
	return ResultInfo{Page: page, PerPage: per, Count: count, TotalCount: total, TotalPages: (total + per - 1) / per}
}

// Direction reads the direction of an order.
func (q *Request) Direction() (desc bool, err error) {
	switch strings.ToLower(q.R.URL.Query().Get("direction")) {
	case "", "asc":
		return false, nil
	case "desc":
		return true, nil
	}
	return false, Invalid(model.CodePaging, "", "direction must be asc or desc.")
}
