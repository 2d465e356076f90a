package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// envelope is the frame of every answer (contract section 1.1). Shell clients read it with regular expressions: the JSON
// is compact, and the order of members matters.
type envelope struct {
	Result     any        `json:"result"`
	Success    bool       `json:"success"`
	Errors     []apiError `json:"errors"`
	Messages   []message  `json:"messages"`
	ResultInfo any        `json:"result_info,omitempty"`
	Timing     any        `json:"timing,omitempty"` // of imports
}

type apiError struct {
	Code       int        `json:"code"`
	Message    string     `json:"message"`
	Source     *source    `json:"source,omitempty"`
	ErrorChain []apiError `json:"error_chain,omitempty"`
}

type source struct {
	Pointer string `json:"pointer"`
}

type message struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

type resultInfo struct {
	Page       int `json:"page"`
	PerPage    int `json:"per_page"`
	Count      int `json:"count"`
	TotalCount int `json:"total_count"`
	TotalPages int `json:"total_pages"`
}

// idOnly is the result of deletions.
type idOnly struct {
	ID model.ID `json:"id"`
}

// marshal writes compact JSON without escaping <, > and &, which stand in URIs and comments.
func marshal(v any) ([]byte, error) {
	if a, ok := v.(appender); ok {
		return a.appendJSON(make([]byte, 0, recordSize)), nil
	}
	return encode(v)
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// ok answers 200 with a result.
func (q *request) ok(result any, messages ...message) error {
	return q.send(http.StatusOK, envelope{Result: result, Success: true, Messages: messages})
}

// list answers a page of a list.
func (q *request) list(result any, info resultInfo) error {
	return q.send(http.StatusOK, envelope{Result: result, Success: true, ResultInfo: &info})
}

// onePage answers a list that always comes whole.
func onePage[T any](q *request, items []T) error {
	if items == nil {
		items = []T{}
	}
	n := len(items)
	return q.list(items, resultInfo{Page: 1, PerPage: max(n, 1), Count: n, TotalCount: n, TotalPages: min(n, 1)})
}

func (q *request) send(status int, e envelope) error {
	if e.Errors == nil {
		e.Errors = []apiError{}
	}
	if e.Messages == nil {
		e.Messages = []message{}
	}
	b, err := e.marshal()
	if err != nil {
		return err
	}
	q.head(status, "application/json")
	_, err = q.w.Write(b)
	return q.gone(err)
}

// marshal writes the envelope. A result that writes itself is not copied into it.
func (e *envelope) marshal() ([]byte, error) {
	a, ok := e.Result.(appender)
	if !ok || !e.Success || len(e.Errors) > 0 || len(e.Messages) > 0 || e.ResultInfo != nil || e.Timing != nil {
		return encode(e)
	}
	b := a.appendJSON(append(make([]byte, 0, 2*recordSize), `{"result":`...))
	return append(b, `,"success":true,"errors":[],"messages":[]}`...), nil
}

func (q *request) head(status int, contentType string) {
	h := q.w.Header()
	h.Set("Content-Type", contentType)
	if q.seq > 0 {
		h.Set(seqHeader, strconv.FormatUint(uint64(q.seq), 10))
	}
	q.status = status
	q.w.WriteHeader(status)
}

// gone takes an error of writing to the client: it went away, and there is nobody to tell.
func (q *request) gone(err error) error {
	if err != nil {
		q.api.Log.Debug("client went away", "request", q.id, "error", err)
	}
	return nil
}

// stream answers a list without holding it: each yields the items in turn, as JSON values.
func (q *request) stream(each func(yield func(v any) error) error, info func(count int) resultInfo) error {
	out := bufio.NewWriterSize(q.w, 1<<16)
	count := 0
	err := each(func(v any) error {
		switch count {
		case 0:
			q.head(http.StatusOK, "application/json")
			if _, err := out.WriteString(`{"result":[`); err != nil {
				return err
			}
		default:
			if err := out.WriteByte(','); err != nil {
				return err
			}
		}
		count++
		b, err := marshal(v)
		if err != nil {
			return err
		}
		_, err = out.Write(b)
		return err
	})
	if err != nil && count == 0 {
		return err
	}
	if err != nil {
		// The status is sent; a cut body is all that can tell the client.
		q.api.Log.Error("list ended early", "request", q.id, "error", err)
		panic(http.ErrAbortHandler)
	}
	if count == 0 {
		q.head(http.StatusOK, "application/json")
		if _, err := out.WriteString(`{"result":[`); err != nil {
			return q.gone(err)
		}
	}
	tail, err := marshal(info(count))
	if err != nil {
		return err
	}
	_, _ = out.WriteString(`],"success":true,"errors":[],"messages":[],"result_info":`)
	_, _ = out.Write(tail)
	_ = out.WriteByte('}')
	return q.gone(out.Flush())
}

// stamp is how times are written: RFC 3339 in UTC with six digits of a second.
type stamp time.Time

// MarshalJSON writes null for the zero time.
func (s stamp) MarshalJSON() ([]byte, error) { return s.append(nil), nil }
