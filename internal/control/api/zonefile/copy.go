package zonefile

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/zone"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

func zoneCopyRoutes() []api.Route {
	return []api.Route{api.NewRoute(http.MethodPost, api.Own+"/accounts/{account_id}/zone_copies", api.ScopeAccount, api.AccDNSWrite, copyZone).Unplanned()}
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
func copyZone(a *api.API, q *api.Request) error {
	if a.CopyZone == nil {
		return api.NotHere()
	}
	var b zoneCopyBody
	if err := q.Decode(&b); err != nil {
		return err
	}
	c, err := zoneCopy(q, &b)
	if err != nil {
		return err
	}
	out := http.NewResponseController(q.W)
	begun := false
	step := func(s api.ZoneCopyStep) {
		line, err := api.Marshal(s)
		if err != nil {
			return
		}
		lead := ",\n"
		if !begun {
			begun = true
			q.Head(http.StatusOK, "application/json")
			lead = "{\"result\":[\n"
		}
		_, _ = q.W.Write(append([]byte(lead), line...))
		_ = out.Flush()
	}
	notes, err := a.CopyZone(q.Ctx(), c, step)
	if !begun {
		return copyFailure(err)
	}
	e := api.Envelope{Success: err == nil, Errors: []api.ErrorJSON{}, Messages: []api.Message{}}
	for _, n := range notes {
		e.Messages = append(e.Messages, api.Message(n))
	}
	if err != nil {
		f := api.Failure(copyFailure(err))
		e.Errors = append([]api.ErrorJSON{{Code: f.Code, Message: f.Message}}, f.Also...)
		a.Log.Info("copy of a zone failed", "request", q.Id, "zone", c.Zone, "error", err)
	}
	tail, err := api.Marshal(e)
	if err != nil {
		return err
	}
	_, err = q.W.Write(append([]byte("\n],"), strings.TrimPrefix(string(tail), `{"result":null,`)...))
	return q.Gone(err)
}

// copyFailure is the answer to a copy that ended early.
func copyFailure(err error) error {
	var f *api.ZoneCopyFailure
	if !errors.As(err, &f) || len(f.Notes) == 0 {
		return err
	}
	out := &api.Failed{Status: http.StatusBadRequest, Code: f.Notes[0].Code, Message: f.Notes[0].Message}
	for _, n := range f.Notes[1:] {
		out.Also = append(out.Also, api.ErrorJSON{Code: n.Code, Message: n.Message})
	}
	return out
}

// zoneCopy checks an order. Servers fetch what they are told to: so members copy from the addresses that the operator has
// listed, and from any other only those who run this server.
func zoneCopy(q *api.Request, b *zoneCopyBody) (*api.ZoneCopy, error) {
	name, err := zone.ParseName(b.Zone)
	if err != nil {
		return nil, repoint(err, "/zone")
	}
	from, err := url.Parse(strings.TrimSuffix(b.Source.URL, "/"))
	if err != nil || from.Scheme != "http" && from.Scheme != "https" || from.Host == "" || from.User != nil || from.RawQuery != "" || from.Fragment != "" {
		return nil, api.Invalid(model.CodeCopySource, "/source/url", "The source must be the address of an API, such as https://api.cloudflare.com/client/v4.")
	}
	if b.Source.Token == "" || strings.ContainsAny(b.Source.Token, " \t\r\n") {
		return nil, api.Invalid(model.CodeCopySource, "/source/token", "An API token for the source is needed.")
	}
	if !zone.CanCreate(q, q.Account) {
		return nil, auth.Forbidden(false)
	}
	listed := slices.ContainsFunc(q.API.CopySources, func(s string) bool { return apiBase(s) == apiBase(from.String()) })
	if !listed && !q.Who.ServerAdmin() {
		return nil, &model.Invalid{
			Code: model.CodeCopyForbidden, Pointer: "/source/url", Status: http.StatusForbidden,
			Message: "Only administrators of this server may copy from this address.",
		}
	}
	c := &api.ZoneCopy{
		Account: q.Account, From: from.String(), Token: b.Source.Token, Zone: name.Host(), Transfers: b.Transfers,
		SkipInvalid: b.SkipInvalid, Credential: http.Header{}, RemoteAddr: q.R.RemoteAddr,
		Trusted: q.Who.ServerAdmin(),
	}
	for _, h := range []string{"Authorization", "X-Auth-Email", "X-Auth-Key", "Cookie", api.CSRFHeader} {
		if v := q.R.Header.Values(h); len(v) > 0 {
			c.Credential[http.CanonicalHeaderKey(h)] = v
		}
	}
	return c, nil
}

// apiBase brings the spellings of one address together.
func apiBase(s string) string {
	s = strings.TrimSuffix(strings.ToLower(s), "/")
	return strings.TrimSuffix(s, api.Client)
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
