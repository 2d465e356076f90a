// Package client speaks the API from outside, to this server or to any other with the same one, and copies zones between two
// of them. It knows what is asked and answered over HTTP; it must not know what a server does for it.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client is a server that speaks the API, seen from the command line.
type Client struct {
	base  string // ends in /client/v4
	token string
	// Note is said with every change, for history and audit log; ASCII, or as RFC 8187 has it.
	Note   string
	header [2]string // name and value of one more header
	// HTTP makes the requests.
	HTTP *http.Client
}

// New is a client of the server at base, which may leave out /client/v4.
func New(base, token string) *Client {
	base = strings.TrimSuffix(base, "/")
	if !strings.HasSuffix(base, "/client/v4") {
		base += "/client/v4"
	}
	return &Client{base: base, token: token, HTTP: &http.Client{Timeout: 30 * time.Minute}}
}

// With is the client with a header that changes what calls do, such as Headwater-Dry-Run. An answer that does not repeat it is an error: the
// server does not know the header, and has done what it was asked.
func (r *Client) With(name, value string) *Client {
	c := *r
	c.header = [2]string{name, value}
	return &c
}

// ErrUnheeded says that a server does not know a header that changes what calls do.
var ErrUnheeded = errors.New("the server is too old for this, and has done what it was asked at once")

// Answer is the envelope of every answer.
type Answer struct {
	Result     json.RawMessage `json:"result"`
	Success    bool            `json:"success"`
	Errors     []Message       `json:"errors"`
	Messages   []Message       `json:"messages"`
	ResultInfo struct {
		TotalPages int `json:"total_pages"`
		Cursors    struct {
			After string `json:"after"`
		} `json:"cursors"`
	} `json:"result_info"`
}

// Message is one of its errors or messages.
type Message struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// Error is the server's refusal in its own words.
type Error struct {
	Status int
	Errors []Message
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the server answered %d", e.Status)
	for _, m := range e.Errors {
		fmt.Fprintf(&b, "\n  %d %s", m.Code, m.Message)
	}
	return b.String()
}

// Raw makes a request and gives the body of a success.
func (r *Client) Raw(ctx context.Context, method, path, contentType string, body io.Reader) (io.ReadCloser, error) {
	at := r.base + path
	if strings.HasPrefix(path, "/headwater/") {
		at = strings.TrimSuffix(r.base, "/client/v4") + path
	}
	req, err := http.NewRequestWithContext(ctx, method, at, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	if r.Note != "" {
		req.Header.Set("Headwater-Note", "UTF-8''"+url.PathEscape(r.Note))
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if r.header[0] != "" {
		req.Header.Set(r.header[0], r.header[1])
	}
	res, err := r.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	if method != http.MethodGet && r.header[0] != "" && res.StatusCode < http.StatusBadRequest && res.Header.Get(r.header[0]) == "" {
		_ = res.Body.Close()
		return nil, fmt.Errorf("%s: %w", r.header[0], ErrUnheeded)
	}
	if res.StatusCode == http.StatusOK || res.StatusCode == http.StatusCreated {
		return res.Body, nil
	}
	defer res.Body.Close()
	var a Answer
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&a); err != nil {
		return nil, &Error{Status: res.StatusCode}
	}
	return nil, &Error{res.StatusCode, a.Errors}
}

// maxAnswer bounds the JSON that is read from a server; zone files are streamed and may be larger.
const maxAnswer = 256 << 20

// Call sends JSON and reads the result into out.
func (r *Client) Call(ctx context.Context, method, path string, in, out any) (*Answer, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	return r.answer(ctx, method, path, "application/json", body, out)
}

func (r *Client) answer(ctx context.Context, method, path, contentType string, body io.Reader, out any) (*Answer, error) {
	res, err := r.Raw(ctx, method, path, contentType, body)
	if err != nil {
		return nil, err
	}
	defer res.Close()
	var a Answer
	if err := json.NewDecoder(io.LimitReader(res, maxAnswer)).Decode(&a); err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if !a.Success {
		return nil, &Error{http.StatusOK, a.Errors}
	}
	if out != nil {
		if err := json.Unmarshal(a.Result, out); err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
	return &a, nil
}

// Ready asks whether the server is ready, which needs no token, and gives what it says.
func (r *Client) Ready(ctx context.Context) (ok bool, text string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(r.base, "/client/v4")+"/readyz", nil)
	if err != nil {
		return false, "", err
	}
	res, err := r.HTTP.Do(req)
	if err != nil {
		return false, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	return res.StatusCode == http.StatusOK, string(b), err
}

// All reads every page of a list.
func All[T any](ctx context.Context, r *Client, path string) ([]T, error) {
	return pages[T](ctx, r, path, "50")
}

func pages[T any](ctx context.Context, r *Client, path, size string) ([]T, error) {
	var out []T
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	for page := 1; ; page++ {
		var part []T
		a, err := r.Call(ctx, http.MethodGet, path+sep+"per_page="+size+"&page="+strconv.Itoa(page), nil, &part)
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
		if len(part) == 0 || page >= a.ResultInfo.TotalPages {
			return out, nil
		}
	}
}

// Zone is what a copy needs to know of a zone.
type Zone struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Account struct {
		ID string `json:"id"`
	} `json:"account"`
}

// ErrNoZone says that no zone of the name is within the token's reach.
var ErrNoZone = errors.New("no such zone")

// Zone finds a zone by name.
func (r *Client) Zone(ctx context.Context, name string) (*Zone, error) {
	zones, err := All[Zone](ctx, r, "/zones?name="+url.QueryEscape(strings.TrimSuffix(name, ".")))
	if err != nil {
		return nil, err
	}
	if len(zones) != 1 {
		return nil, fmt.Errorf("%w: %s", ErrNoZone, name)
	}
	return &zones[0], nil
}

// ImportResult counts what an import did.
type ImportResult struct {
	Added  int `json:"recs_added"`
	Parsed int `json:"total_records_parsed"`
}

// ImportFile sends a zone file as it is read.
func (r *Client) ImportFile(ctx context.Context, zone string, file io.Reader, proxied, lenient bool) (*ImportResult, []Message, error) {
	var res ImportResult
	a, err := r.SendFile(ctx, zone, file, proxied, lenient, &res)
	if err != nil {
		return nil, nil, err
	}
	return &res, a.Messages, nil
}

// SendFile is ImportFile for who reads the result himself.
func (r *Client) SendFile(ctx context.Context, zone string, file io.Reader, proxied, lenient bool, out any) (*Answer, error) {
	pr, pw := io.Pipe()
	form := multipart.NewWriter(pw)
	go func() {
		err := form.WriteField("proxied", strconv.FormatBool(proxied))
		var part io.Writer
		if err == nil {
			part, err = form.CreateFormFile("file", "zone.txt")
		}
		if err == nil {
			_, err = io.Copy(part, file)
		}
		if err == nil {
			err = form.Close()
		}
		pw.CloseWithError(err)
	}()
	path := "/zones/" + zone + "/dns_records/import"
	if lenient {
		path += "?skip_invalid=true"
	}
	return r.answer(ctx, http.MethodPost, path, form.FormDataContentType(), pr, out)
}
