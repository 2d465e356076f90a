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
	"strconv"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

const (
	seqHeader     = "Headwater-Seq"
	changeHeader  = "Headwater-Change"
	requestHeader = "X-Request-Id"
	// SessionCookie is the name of the dashboard's cookie.
	SessionCookie = "headwater_session"
	csrfHeader    = "X-CSRF-Token"
)

// request is one request on its way through a handler.
type request struct {
	api *api
	w   http.ResponseWriter
	r   *http.Request
	id  string // of the request, in answer and log

	route   *Route
	who     *auth.Identity // nil on public routes
	account model.ID       // of the path's account, or of the zone
	zone    model.Zone     // on routes of ScopeZone

	seq     model.Seq // what the answer is known to be seen from
	changes int       // made so far
	status  int
}

func (a *api) newRequest(w http.ResponseWriter, r *http.Request) *request {
	return &request{api: a, w: w, r: r, id: w.Header().Get(requestHeader)}
}

func (q *request) ctx() context.Context { return q.r.Context() }

func (q *request) now() time.Time { return q.api.Clock() }

// addr is who asks; behind a proxy, the proxy.
func (q *request) addr() netip.Addr {
	ap, err := netip.ParseAddrPort(q.r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

// actor is who acts, for the audit log.
func (q *request) actor() model.Actor { return q.who.Actor(q.addr(), q.id) }

// change hands edits of the request's account and zone to the one way in.
func (q *request) change(edits ...model.Edit) (model.Result, error) {
	id, err := q.changeID()
	if err != nil {
		return model.Result{}, err
	}
	res, err := q.api.Changer.Change(q.ctx(), model.Change{
		ID: id, Account: q.account, Zone: q.zone.ID, Actor: q.actor(), Edits: edits,
	})
	if err == nil || errors.Is(err, model.ErrDuplicateChange) {
		q.seq = res.Seq
	}
	return res, err
}

// importRecords is change for many new records.
func (q *request) importRecords(records []*model.Record, lenient bool) (model.Imported, error) {
	id, err := q.changeID()
	if err != nil {
		return model.Imported{}, err
	}
	res, err := q.api.Changer.Import(q.ctx(), &model.Import{
		ID: id, Account: q.account, Zone: q.zone.ID, Actor: q.actor(), Records: records, Lenient: lenient,
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
func (q *request) changeID() (model.ID, error) {
	name := q.r.Header.Get(changeHeader)
	if name == "" {
		return "", nil
	}
	if len(name) > changeMost {
		return "", invalid(model.CodeRequestInvalid, "", changeHeader+" must have at most 128 characters.")
	}
	q.changes++
	actor := q.actor()
	d := sha256.Sum256(fmt.Appendf(nil, "change %d of %s %s: %s", q.changes, actor.User, actor.Token, name))
	return model.ID(hex.EncodeToString(d[:16])), nil
}

// pathID is an object id in the path.
func (q *request) pathID(name string) model.ID { return model.ID(q.r.PathValue(name)) }

// validID says whether s is 32 lower-case hexadecimal digits.
func validID(s string) bool {
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

// page reads page and per_page. A page size over the most is cut to it quietly.
func (q *request) page(usual, most int) (page, per int, err error) {
	page, per = 1, usual
	for name, v := range map[string]*int{"page": &page, "per_page": &per} {
		s := q.r.URL.Query().Get(name)
		if s == "" {
			continue
		}
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return 0, 0, invalid(model.CodePaging, "", name+" must be a positive number.")
		}
		*v = n
	}
	return min(page, 1<<31), min(per, most), nil
}

// info tells of a page.
func info(page, per, count, total int) resultInfo {
	return resultInfo{Page: page, PerPage: per, Count: count, TotalCount: total, TotalPages: (total + per - 1) / per}
}

// direction reads the direction of an order.
func (q *request) direction() (desc bool, err error) {
	switch strings.ToLower(q.r.URL.Query().Get("direction")) {
	case "", "asc":
		return false, nil
	case "desc":
		return true, nil
	}
	return false, invalid(model.CodePaging, "", "direction must be asc or desc.")
}
