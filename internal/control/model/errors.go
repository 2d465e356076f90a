package model

import "errors"

// Sentinels of the careful half; wrapped freely, tested with errors.Is.
var (
	// ErrNotFound: no such object, or not in the account or zone named.
	ErrNotFound = errors.New("not found")
	// ErrStale: the rows moved on since they were read; commit tries again by itself.
	ErrStale = errors.New("stale")
	// ErrDamaged: what the store has of a zone cannot be read, whoever asks.
	ErrDamaged = errors.New("damaged in the store")
	// ErrUncommitted: whatever else went wrong, nothing was committed.
	ErrUncommitted = errors.New("nothing was committed")
	// ErrDiverged: the store has lost changes that memory has, or has others in their place.
	ErrDiverged = errors.New("the store has another history")
	// ErrDuplicateChange: a change of this ID was committed before.
	ErrDuplicateChange = errors.New("duplicate change")
	// ErrBusy: somebody is at work on the same, and will be done.
	ErrBusy = errors.New("busy")
	// ErrUnavailable: the store cannot be reached; the API answers 503.
	ErrUnavailable = errors.New("store unavailable")
	// ErrSealed: this node has no secret key, and what is asked for needs a secret that is closed by it.
	ErrSealed = errors.New("it runs without the secret key that closes what is needed here")
)

// Invalid is the user's fault: a rule of the API that a request breaks. Code is stable and is what clients see as
// errors[].code; Pointer is a JSON pointer into the request, or empty. Status is the HTTP status, 0 meaning 400.
type Invalid struct {
	Code    int
	Message string
	Pointer string
	Status  int
}

func (e *Invalid) Error() string { return e.Message }

// EditError says which edit of a Change failed.
type EditError struct {
	Index int // in Change.Edits
	Err   error
}

func (e *EditError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *EditError) Unwrap() error { return e.Err }
