package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

func zoneCopyRoutes() []Route {
	return []Route{{http.MethodPost, own + "/accounts/{account_id}/zone_copies", ScopeAccount, accDNSWrite, (*api).copyZone}}
}

// ZoneCopy asks for a zone to be copied from another server with the same API.
type ZoneCopy struct {
	Account model.ID
	From    string // address of the source's API, without credentials
	Token   string // for the source; kept nowhere
	Zone    string
	// Transfers copies TSIGs, peers, ACLs and the zone's links to peers as well.
	Transfers bool
	// SkipInvalid leaves out lines that cannot be imported, and tells them, instead of importing nothing.
	SkipInvalid bool
	// Credential are the headers that the request came with, and RemoteAddr where from: the copy is made with no more
	// rights than those.
	Credential http.Header
	RemoteAddr string
	// Trusted says that an administrator of the server asks: the source may be anywhere, and is told of as it answers.
	Trusted bool
}

// ZoneCopyStep is a point of a copy's progress.
type ZoneCopyStep struct {
	Text   string   `json:"text"`
	Octets int64    `json:"octets"`            // of zone file read so far
	Zone   model.ID `json:"zone_id,omitempty"` // once the zone is there
}

// ZoneCopyNote is what there is to be told of a line of the zone file, or why a copy failed.
type ZoneCopyNote struct {
	Code    int
	Message string
}

// ZoneCopyFailure is a copy that ended early.
type ZoneCopyFailure struct{ Notes []ZoneCopyNote }

func (f *ZoneCopyFailure) Error() string {
	if len(f.Notes) == 0 {
		return "the copy failed"
	}
	return f.Notes[0].Message
}

type zoneCopyBody struct {
	Source struct {
		URL   string `json:"url"`
		Token string `json:"token"`
	} `json:"source"`
	Zone        string `json:"zone"`
	Transfers   bool   `json:"transfers"`
	SkipInvalid bool   `json:"skip_invalid"`
}

// copyZone streams the steps of a copy as they are made, one a line. What fails before the first is an ordinary failure;
// what fails after it stands at the end of the answer, whose status is sent by then.
func (a *api) copyZone(q *request) error {
	if a.CopyZone == nil {
		return notHere()
	}
	var b zoneCopyBody
	if err := q.decode(&b); err != nil {
		return err
	}
	c, err := q.zoneCopy(&b)
	if err != nil {
		return err
	}
	out := http.NewResponseController(q.w)
	begun := false
	step := func(s ZoneCopyStep) {
		line, err := marshal(s)
		if err != nil {
			return
		}
		lead := ",\n"
		if !begun {
			begun = true
			q.head(http.StatusOK, "application/json")
			lead = "{\"result\":[\n"
		}
		_, _ = q.w.Write(append([]byte(lead), line...))
		_ = out.Flush()
	}
	notes, err := a.CopyZone(q.ctx(), c, step)
	if !begun {
		return copyFailure(err)
	}
	e := envelope{Success: err == nil, Errors: []apiError{}, Messages: []message{}}
	for _, n := range notes {
		e.Messages = append(e.Messages, message(n))
	}
	if err != nil {
		f := failure(copyFailure(err))
		e.Errors = append([]apiError{{Code: f.code, Message: f.message}}, f.also...)
		a.Log.Info("copy of a zone failed", "request", q.id, "zone", c.Zone, "error", err)
	}
	tail, err := marshal(e)
	if err != nil {
		return err
	}
	_, err = q.w.Write(append([]byte("\n],"), strings.TrimPrefix(string(tail), `{"result":null,`)...))
	return q.gone(err)
}

// copyFailure is the answer to a copy that ended early.
func copyFailure(err error) error {
	var f *ZoneCopyFailure
	if !errors.As(err, &f) || len(f.Notes) == 0 {
		return err
	}
	out := &apiFailure{status: http.StatusBadRequest, code: f.Notes[0].Code, message: f.Notes[0].Message}
	for _, n := range f.Notes[1:] {
		out.also = append(out.also, apiError{Code: n.Code, Message: n.Message})
	}
	return out
}

// zoneCopy checks an order. Servers fetch what they are told to: so members copy from the addresses that the operator has
// listed, and from any other only those who run this server.
func (q *request) zoneCopy(b *zoneCopyBody) (*ZoneCopy, error) {
	name, err := zoneName(b.Zone)
	if err != nil {
		return nil, repoint(err, "/zone")
	}
	from, err := url.Parse(strings.TrimSuffix(b.Source.URL, "/"))
	if err != nil || from.Scheme != "http" && from.Scheme != "https" || from.Host == "" || from.User != nil || from.RawQuery != "" || from.Fragment != "" {
		return nil, invalid(model.CodeCopySource, "/source/url", "The source must be the address of an API, such as https://api.cloudflare.com/client/v4.")
	}
	if b.Source.Token == "" || strings.ContainsAny(b.Source.Token, " \t\r\n") {
		return nil, invalid(model.CodeCopySource, "/source/token", "An API token for the source is needed.")
	}
	if !q.canCreate(q.account) {
		return nil, auth.Forbidden(false)
	}
	listed := slices.ContainsFunc(q.api.CopySources, func(s string) bool { return apiBase(s) == apiBase(from.String()) })
	if !listed && !q.who.ServerAdmin() {
		return nil, &model.Invalid{
			Code: model.CodeCopyForbidden, Pointer: "/source/url", Status: http.StatusForbidden,
			Message: "Only administrators of this server may copy from this address.",
		}
	}
	c := &ZoneCopy{
		Account: q.account, From: from.String(), Token: b.Source.Token, Zone: name.Host(), Transfers: b.Transfers,
		SkipInvalid: b.SkipInvalid, Credential: http.Header{}, RemoteAddr: q.r.RemoteAddr,
		Trusted: q.who.ServerAdmin(),
	}
	for _, h := range []string{"Authorization", "X-Auth-Email", "X-Auth-Key", "Cookie", csrfHeader} {
		if v := q.r.Header.Values(h); len(v) > 0 {
			c.Credential[http.CanonicalHeaderKey(h)] = v
		}
	}
	return c, nil
}

// apiBase brings the spellings of one address together.
func apiBase(s string) string {
	s = strings.TrimSuffix(strings.ToLower(s), "/")
	return strings.TrimSuffix(s, client)
}

// repoint has an error point at another member.
func repoint(err error, pointer string) error {
	if bad, ok := errors.AsType[*model.Invalid](err); ok {
		at := *bad
		at.Pointer = pointer
		return &at
	}
	return err
}

// CopyZoneFunc copies a zone, telling each step; notes are of lines that were left out. What the source or the rules of
// this server refuse is a *ZoneCopyFailure.
type CopyZoneFunc func(ctx context.Context, c *ZoneCopy, step func(ZoneCopyStep)) (notes []ZoneCopyNote, err error)
