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

// apiFailure is an answer that is an error, ready to be sent.
type apiFailure struct {
	status  int
	code    int
	message string
	pointer string
	also    []apiError // further errors beside the first
	chain   []apiError
}

func (f *apiFailure) Error() string { return f.message }

// invalid is a rule of the API that a request breaks.
func invalid(code int, pointer, message string) error {
	return &model.Invalid{Code: code, Pointer: pointer, Message: message}
}

// missing is an object that is not there: 404 with the code of its resource.
func missing(code int, message string) error {
	return &model.Invalid{Code: code, Message: message, Status: http.StatusNotFound}
}

// orMissing turns ErrNotFound into a resource's own 404.
func orMissing(err error, code int, message string) error {
	if errors.Is(err, model.ErrNotFound) {
		return missing(code, message)
	}
	return err
}

// failure is the one table from errors to answers.
func failure(err error) *apiFailure {
	var own *apiFailure
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
		return &apiFailure{status: status, code: bad.Code, message: bad.Message, pointer: bad.Pointer}
	case errors.As(err, &denied):
		f := &apiFailure{status: denied.Status, code: denied.Code, message: denied.Message}
		for _, r := range denied.Chain {
			f.chain = append(f.chain, apiError{Code: r.Code, Message: r.Message})
		}
		return f
	case errors.Is(err, model.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &apiFailure{status: http.StatusServiceUnavailable, code: codeUnavailable, message: "The service is not available right now."}
	case errors.Is(err, model.ErrDuplicateChange): // not 409, which the SDKs would send again
		return &apiFailure{status: http.StatusBadRequest, code: codeMade, message: "A change of this name has been made before."}
	case errors.Is(err, model.ErrNotFound):
		return &apiFailure{status: http.StatusNotFound, code: codeNoRoute, message: "Object not found."}
	}
	return &apiFailure{status: http.StatusInternalServerError, code: codeInternal, message: "Internal error."}
}

// fail answers with an error. What is our fault is logged with its cause, which the client does not see.
func (q *request) fail(err error) {
	f := failure(err)
	busy := f.code == model.CodeImporting
	if busy {
		q.retryAfter(importRetry)
	}
	if f.status >= http.StatusInternalServerError && !busy {
		q.api.Log.Error("request failed", "request", q.id, "method", q.r.Method, "path", q.r.URL.Path, "error", err)
	}
	if denied, ok := errors.AsType[*auth.Failure](err); ok {
		q.api.Traces.refused(q, denied)
		if denied.RetryAfter > 0 {
			q.retryAfter(denied.RetryAfter)
		}
	}
	first := apiError{Code: f.code, Message: f.message, ErrorChain: f.chain}
	if f.pointer != "" {
		first.Source = &source{f.pointer}
	}
	if err := q.send(f.status, envelope{Errors: append([]apiError{first}, f.also...)}); err != nil {
		q.api.Log.Error("cannot answer", "request", q.id, "error", err)
	}
}

// noRoute answers a path that is no operation (contract section 3.1).
func (q *request) noRoute() {
	path := strings.TrimPrefix(q.r.URL.Path, client)
	q.fail(noRoute(path))
}

func noRoute(path string) error {
	if strings.Count(strings.Trim(path, "/"), "/") == 0 {
		return &apiFailure{status: http.StatusNotFound, code: codeNoPath, message: "No route for that URI"}
	}
	return &apiFailure{
		status: http.StatusNotFound, code: codeNoRoute,
		message: "Could not route to " + path + ", perhaps your object identifier is invalid?",
		also:    []apiError{{Code: codeNoRouteOld, Message: "No route for that URI"}},
	}
}
