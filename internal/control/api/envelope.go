package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Envelope is the frame of every answer (contract section 1.1). Shell clients read it with regular expressions: the JSON
// is compact, and the order of members matters.
type Envelope struct {
	Result     any         `json:"result"`
	Success    bool        `json:"success"`
	Errors     []ErrorJSON `json:"errors"`
	Messages   []Message   `json:"messages"`
	ResultInfo any         `json:"result_info,omitempty"`
	Timing     any         `json:"timing,omitempty"` // of imports
	Live       any         `json:"live,omitempty"`   // who serves what was done, where the call waited for that
}

// ErrorJSON is an error in the envelope, with a pointer to the member that it is about.
type ErrorJSON struct {
	Code       int         `json:"code"`
	Message    string      `json:"message"`
	Source     *source     `json:"source,omitempty"`
	ErrorChain []ErrorJSON `json:"error_chain,omitempty"`
}

type source struct {
	Pointer string `json:"pointer"`
}

// Message is something to be told beside a result.
type Message struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// ResultInfo tells of a page of a list.
type ResultInfo struct {
	Page       int `json:"page"`
	PerPage    int `json:"per_page"`
	Count      int `json:"count"`
	TotalCount int `json:"total_count"`
	TotalPages int `json:"total_pages"`
}

// IDOnly is the result of deletions.
type IDOnly struct {
	ID model.ID `json:"id"`
}

// Marshal writes compact JSON without escaping <, > and &, which stand in URIs and comments.
func Marshal(v any) ([]byte, error) {
	if a, ok := v.(Appender); ok {
		return a.AppendJSON(make([]byte, 0, RecordSize)), nil
	}
	return Encode(v)
}

// Encode writes JSON; what writes its own is asked for it.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// OK answers 200 with a result.
func (q *Request) OK(result any, messages ...Message) error {
	return q.Send(http.StatusOK, Envelope{Result: result, Success: true, Messages: messages})
}

// List answers a page of a list.
func (q *Request) List(result any, info ResultInfo) error {
	return q.Send(http.StatusOK, Envelope{Result: result, Success: true, ResultInfo: &info})
}

// OnePage answers a list that always comes whole.
func OnePage[T any](q *Request, items []T) error {
	if items == nil {
		items = []T{}
	}
	n := len(items)
	return q.List(items, ResultInfo{Page: 1, PerPage: max(n, 1), Count: n, TotalCount: n, TotalPages: min(n, 1)})
}

// Send answers with an envelope.
func (q *Request) Send(status int, e Envelope) error {
	switch {
	case e.Success && !q.telling && (q.dry || q.draft != ""): // the handler has found nothing to change
		return q.sendPlan(nil, e.Result)
	case e.Success && q.wait != nil:
		e.Live = q.awaitLive()
	}
	if e.Errors == nil {
		e.Errors = []ErrorJSON{}
	}
	if e.Messages == nil {
		e.Messages = []Message{}
	}
	room, _ := q.API.room.Get().(*[]byte)
	if room == nil {
		room = new([]byte)
	}
	b, err := e.append((*room)[:0])
	if err != nil {
		return err
	}
	q.Head(status, "application/json")
	_, err = q.W.Write(b) //nolint:gosec // JSON, which the content type says
	if cap(b) <= maxRoom {
		*room = b
		q.API.room.Put(room)
	}
	return q.Gone(err)
}

// maxRoom bounds what is kept of an answer for the next: a batch of some hundred records fits.
const maxRoom = 1 << 17

// Marshal writes the envelope. A result that writes itself is not copied into it.
func (e *Envelope) Marshal() ([]byte, error) { return e.append(nil) }

func (e *Envelope) append(dst []byte) ([]byte, error) {
	a, ok := e.Result.(Appender)
	if !ok || !e.Success || len(e.Errors) > 0 || len(e.Messages) > 0 || e.ResultInfo != nil || e.Timing != nil || e.Live != nil {
		return Encode(e)
	}
	b := a.AppendJSON(append(slices.Grow(dst, 2*RecordSize), `{"result":`...))
	return append(b, `,"success":true,"errors":[],"messages":[]}`...), nil
}

// Head begins an answer: its status and headers.
func (q *Request) Head(status int, contentType string) {
	h := q.W.Header()
	h.Set("Content-Type", contentType)
	if q.seq > 0 {
		h.Set(seqHeader, strconv.FormatUint(uint64(q.seq), 10))
	}
	q.status = status
	q.W.WriteHeader(status)
}

// Gone takes an error of writing to the client: it went away, and there is nobody to tell.
func (q *Request) Gone(err error) error {
	if err != nil {
		q.API.Log.Debug("client went away", "request", q.Id, "error", err)
	}
	return nil
}

// Stream answers a list without holding it: each yields the items in turn, as JSON values.
func (q *Request) Stream(each func(yield func(v any) error) error, info func(count int) ResultInfo) error {
	out := bufio.NewWriterSize(q.W, 1<<16)
	count := 0
	err := each(func(v any) error {
		switch count {
		case 0:
			q.Head(http.StatusOK, "application/json")
			if _, err := out.WriteString(`{"result":[`); err != nil {
				return err
			}
		default:
			if err := out.WriteByte(','); err != nil {
				return err
			}
		}
		count++
		b, err := Marshal(v)
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
		q.API.Log.Error("list ended early", "request", q.Id, "error", err)
		panic(http.ErrAbortHandler)
	}
	if count == 0 {
		q.Head(http.StatusOK, "application/json")
		if _, err := out.WriteString(`{"result":[`); err != nil {
			return q.Gone(err)
		}
	}
	tail, err := Marshal(info(count))
	if err != nil {
		return err
	}
	_, _ = out.WriteString(`],"success":true,"errors":[],"messages":[],"result_info":`)
	_, _ = out.Write(tail)
	_ = out.WriteByte('}')
	return q.Gone(out.Flush())
}

// Stamp is how times are written: RFC 3339 in UTC with six digits of a second.
type Stamp time.Time

// MarshalJSON writes null for the zero time.
func (s Stamp) MarshalJSON() ([]byte, error) { return s.Append(nil), nil }

// Appender writes its own JSON, octet for octet as the encoder would: for what is written with every change, into the
// answer and into the audit log, reflection costs more than all the rest of the API.
type Appender interface {
	AppendJSON(dst []byte) []byte
}

// RecordSize is about how many octets the JSON of a record takes.
const RecordSize = 512

// Append writes null for the zero time.
func (s Stamp) Append(dst []byte) []byte {
	t := time.Time(s)
	if t.IsZero() {
		return append(dst, "null"...)
	}
	t = t.UTC()
	dst = t.AppendFormat(append(dst, '"'), time.RFC3339) // which the library writes far quicker than any other form
	dst[len(dst)-1] = '.'                                // in place of the Z
	n := t.Nanosecond() / 1000
	for unit := 100_000; unit > 0; unit /= 10 {
		dst = append(dst, byte('0'+n/unit%10))
	}
	return append(dst, 'Z', '"')
}
