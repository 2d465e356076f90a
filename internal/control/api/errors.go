package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// Codes of failures that are not a rule of one resource.
const (
	codeNoRoute     = 7003
	codeNoRouteOld  = 7000
	codeNoPath      = 10404
	codeNoMethod    = 10405
	codeInternal    = 10500
	codeUnavailable = 10503
	codeMade        = 10409
	codeRate        = 10100
)

// Failed is an answer that is an error, ready to be sent.
type Failed struct {
	Status  int
	Code    int
	Message string
	pointer string
	Also    []ErrorJSON // further errors beside the first
	chain   []ErrorJSON
}

func (f *Failed) Error() string { return f.Message }

// FailedAll is an answer with several errors, each of which says what it is about. The status is the first one's.
func FailedAll(list []*model.Invalid) error {
	first := Failure(list[0])
	for _, e := range list[1:] {
		one := ErrorJSON{Code: e.Code, Message: e.Message}
		if e.Pointer != "" {
			one.Source = &source{e.Pointer}
		}
		first.Also = append(first.Also, one)
	}
	return first
}

// ErrorAt is an error among several, with a pointer to what it is about.
func ErrorAt(code int, message, pointer string) ErrorJSON {
	return ErrorJSON{Code: code, Message: message, Source: &source{pointer}}
}

// Invalid is a rule of the API that a request breaks.
func Invalid(code int, pointer, message string) error {
	return &model.Invalid{Code: code, Pointer: pointer, Message: message}
}

// Missing is an object that is not there: 404 with the code of its resource.
func Missing(code int, message string) error {
	return &model.Invalid{Code: code, Message: message, Status: http.StatusNotFound}
}

// OrMissing turns ErrNotFound into a resource's own 404.
func OrMissing(err error, code int, message string) error {
	if errors.Is(err, model.ErrNotFound) {
		return Missing(code, message)
	}
	return err
}

// Failure is the one table from errors to answers.
func Failure(err error) *Failed {
	var own *Failed
	var bad *model.Invalid
	var denied *auth.Failure
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &bad):
		status := bad.Status
		if status == 0 {
			status = http.StatusBadRequest
		}
		return &Failed{Status: status, Code: bad.Code, Message: bad.Message, pointer: bad.Pointer}
	case errors.As(err, &denied):
		f := &Failed{Status: denied.Status, Code: denied.Code, Message: denied.Message}
		for _, r := range denied.Chain {
			f.chain = append(f.chain, ErrorJSON{Code: r.Code, Message: r.Message})
		}
		return f
	case errors.Is(err, model.ErrSealed):
		return &Failed{Status: http.StatusServiceUnavailable, Code: model.CodeSealed, Message: "This server runs without its secret key: TSIG secrets, private keys of " +
			"signed zones, webhooks' secrets and second factors are closed until its operator has brought it back. Nothing was changed."}
	case errors.Is(err, model.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Failed{Status: http.StatusServiceUnavailable, Code: codeUnavailable, Message: "The service is not available right now."}
	case errors.Is(err, model.ErrDuplicateChange): // not 409, which the SDKs would send again
		return &Failed{Status: http.StatusBadRequest, Code: codeMade, Message: "A change of this name has been made before."}
	case errors.Is(err, model.ErrNotFound):
		return &Failed{Status: http.StatusNotFound, Code: codeNoRoute, Message: "Object not found."}
	}
	return &Failed{Status: http.StatusInternalServerError, Code: codeInternal, Message: "Internal error."}
}

// fail answers with an error. What is our fault is logged with its cause, which the client does not see.
func (q *Request) fail(err error) {
	f := Failure(err)
	busy := f.Code == model.CodeImporting
	if busy {
		q.retryAfter(importRetry)
	}
	if f.Status >= http.StatusInternalServerError && !busy {
		q.API.Log.Error("request failed", "request", q.Id, "method", q.R.Method, "path", q.R.URL.Path, "error", err)
	}
	if denied, ok := errors.AsType[*auth.Failure](err); ok {
		q.API.Traces.refused(q, denied)
		if denied.RetryAfter > 0 {
			q.retryAfter(denied.RetryAfter)
		}
	}
	first := ErrorJSON{Code: f.Code, Message: f.Message, ErrorChain: f.chain}
	if f.pointer != "" {
		first.Source = &source{f.pointer}
	}
	if err := q.Send(f.Status, Envelope{Errors: append([]ErrorJSON{first}, f.Also...)}); err != nil {
		q.API.Log.Error("cannot answer", "request", q.Id, "error", err)
	}
}

// noRoute answers a path that is no operation (contract section 3.1).
func (q *Request) noRoute() {
	path := strings.TrimPrefix(q.R.URL.Path, Client)
	q.fail(noRoute(path))
}

func noRoute(path string) error {
	if strings.Count(strings.Trim(path, "/"), "/") == 0 {
		return &Failed{Status: http.StatusNotFound, Code: codeNoPath, Message: "No route for that URI"}
	}
	return &Failed{
		Status: http.StatusNotFound, Code: codeNoRoute,
		Message: "Could not route to " + path + ", perhaps your object identifier is invalid?",
		Also:    []ErrorJSON{{Code: codeNoRouteOld, Message: "No route for that URI"}},
	}
}
