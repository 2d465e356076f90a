package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// publicBody bounds the bodies of strangers, in octets.
const publicBody = 4 << 10

// body reads the request's body, bounded.
func (q *Request) body() ([]byte, error) {
	most := q.API.Limits.Body
	if q.route.Scope == ScopePublic {
		most = min(most, publicBody)
	}
	b, err := io.ReadAll(http.MaxBytesReader(q.W, q.R.Body, most))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, &model.Invalid{Code: model.CodeBodyInvalid, Message: "The body is too large.", Status: http.StatusRequestEntityTooLarge}
	}
	if err != nil {
		return nil, Invalid(model.CodeBodyInvalid, "", "The body could not be read.")
	}
	return b, nil
}

// Decode reads a JSON body into v. Unknown members are ignored; a member of the wrong kind is named.
func (q *Request) Decode(v any) error {
	b, err := q.body()
	if err != nil {
		return err
	}
	if err := checkJSON(b); err != nil {
		return err
	}
	return DecodeJSON(b, q.API.Limits.Depth, "", v)
}

// DecodeJSON is decode for bytes; at is where they stand in the request, as a JSON pointer.
func DecodeJSON(b []byte, depth int, at string, v any) error {
	if body, ok := v.(Quick); ok && body.ParseQuick(b) {
		return nil
	}
	if err := checkDepth(b, depth); err != nil {
		return err
	}
	if first := bytes.TrimLeft(b, " \t\r\n"); len(first) == 0 || first[0] != '{' {
		return Invalid(model.CodeBodyInvalid, at, "The body must be a JSON object.")
	}
	err := json.Unmarshal(b, v)
	var kind *json.UnmarshalTypeError
	var bad *model.Invalid
	switch {
	case err == nil:
		return nil
	case errors.As(err, &bad):
		return bad
	case errors.As(err, &kind):
		return Invalid(model.CodeBodyInvalid, at+"/"+strings.ReplaceAll(kind.Field, ".", "/"),
			"A "+kind.Value+" cannot stand in "+kind.Field+".")
	}
	return Invalid(model.CodeBodyInvalid, at, "The body is not valid JSON.")
}

// Quick is a body that reads its usual form by itself, ten times as quick as the decoder. That nests no deeper than its members do.
// False leaves it to the decoder, and the body as it was.
type Quick interface {
	ParseQuick(b []byte) bool
}

// checkDepth bounds the nesting of JSON before it is decoded. Brackets in strings do not count.
func checkDepth(b []byte, most int) error {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > most {
				return Invalid(model.CodeBodyInvalid, "", "The body is nested too deeply.")
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// Optional is a member that may be absent, null, or there.
type Optional[T any] struct {
	Set   bool // it was sent, null included
	Null  bool
	Value T
}

// UnmarshalJSON notes that the member was there.
func (o *Optional[T]) UnmarshalJSON(b []byte) error {
	o.Set = true
	if string(b) == "null" {
		o.Null = true
		return nil
	}
	return json.Unmarshal(b, &o.Value)
}

// Given says whether a value was sent.
func (o *Optional[T]) Given() bool { return o.Set && !o.Null }
