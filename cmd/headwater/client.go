package main

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

// remote is a server that speaks the API, seen from the command line.
type remote struct {
	base  string // ends in /client/v4
	token string
	http  *http.Client
}

func newRemote(base, token string) *remote {
	base = strings.TrimSuffix(base, "/")
	if !strings.HasSuffix(base, "/client/v4") {
		base += "/client/v4"
	}
	return &remote{base: base, token: token, http: &http.Client{Timeout: 30 * time.Minute}}
}

// clientFlags say which Headwater the verbs talk to.
type clientFlags struct {
	Server string `default:"http://127.0.0.1:8053" help:"Address of the Headwater to talk to." placeholder:"URL"`
	Token  string `help:"API token for it." env:"HEADWATER_TOKEN" required:""`
}

func (c *clientFlags) remote() *remote { return newRemote(c.Server, c.Token) }

type remoteAnswer struct {
	Result     json.RawMessage `json:"result"`
	Success    bool            `json:"success"`
	Errors     []remoteMessage `json:"errors"`
	Messages   []remoteMessage `json:"messages"`
	ResultInfo struct {
		TotalPages int `json:"total_pages"`
	} `json:"result_info"`
}

type remoteMessage struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// remoteError is the server's refusal in its own words.
type remoteError struct {
	status int
	errs   []remoteMessage
}

func (e *remoteError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the server answered %d", e.status)
	for _, m := range e.errs {
		fmt.Fprintf(&b, "\n  %d %s", m.Code, m.Message)
	}
	return b.String()
}

// raw makes a request and gives the body of a success.
func (r *remote) raw(ctx context.Context, method, path, contentType string, body io.Reader) (io.ReadCloser, error) {
	at := r.base + path
	if strings.HasPrefix(path, "/headwater/") {
		at = strings.TrimSuffix(r.base, "/client/v4") + path
	}
	req, err := http.NewRequestWithContext(ctx, method, at, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := r.http.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusOK {
		return res.Body, nil
	}
	defer res.Body.Close()
	var a remoteAnswer
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&a); err != nil {
		return nil, &remoteError{status: res.StatusCode}
	}
	return nil, &remoteError{res.StatusCode, a.Errors}
}

// maxAnswer bounds the JSON that is read from a server; zone files are streamed and may be larger.
const maxAnswer = 256 << 20

// call sends JSON and reads the result into out.
func (r *remote) call(ctx context.Context, method, path string, in, out any) (*remoteAnswer, error) {
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

func (r *remote) answer(ctx context.Context, method, path, contentType string, body io.Reader, out any) (*remoteAnswer, error) {
	res, err := r.raw(ctx, method, path, contentType, body)
	if err != nil {
		return nil, err
	}
	defer res.Close()
	var a remoteAnswer
	if err := json.NewDecoder(io.LimitReader(res, maxAnswer)).Decode(&a); err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if !a.Success {
		return nil, &remoteError{http.StatusOK, a.Errors}
	}
	if out != nil {
		if err := json.Unmarshal(a.Result, out); err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
	return &a, nil
}

// all reads every page of a list.
func all[T any](ctx context.Context, r *remote, path string) ([]T, error) {
	var out []T
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	for page := 1; ; page++ {
		var part []T
		a, err := r.call(ctx, http.MethodGet, path+sep+"per_page=50&page="+strconv.Itoa(page), nil, &part)
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
		if len(part) == 0 || page >= a.ResultInfo.TotalPages {
			return out, nil
		}
	}
}

type remoteZone struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Account struct {
		ID string `json:"id"`
	} `json:"account"`
}

var errNoZone = errors.New("no such zone")

// zone finds a zone by name.
func (r *remote) zone(ctx context.Context, name string) (*remoteZone, error) {
	zones, err := all[remoteZone](ctx, r, "/zones?name="+url.QueryEscape(strings.TrimSuffix(name, ".")))
	if err != nil {
		return nil, err
	}
	if len(zones) != 1 {
		return nil, fmt.Errorf("%w: %s", errNoZone, name)
	}
	return &zones[0], nil
}

type importResult struct {
	Added  int `json:"recs_added"`
	Parsed int `json:"total_records_parsed"`
}

// importFile sends a zone file as it is read.
func (r *remote) importFile(ctx context.Context, zone string, file io.Reader, proxied, lenient bool) (*importResult, []remoteMessage, error) {
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
	var res importResult
	a, err := r.answer(ctx, http.MethodPost, path, form.FormDataContentType(), pr, &res)
	if err != nil {
		return nil, nil, err
	}
	return &res, a.Messages, nil
}
