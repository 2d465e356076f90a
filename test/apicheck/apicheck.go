// Package apicheck holds what a test sends to the API, and what comes back, against the documents that describe it: our own
// api/openapi.yaml always, and the upstream's where it lies beside the repository as ../shared/api/openapi.json. It is for
// tests alone.
//
// Wrap an http.Client's transport with Checker.Transport; every exchange under /client/v4 and /headwater/v1 is checked
// from then on.
package apicheck

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/headwaterdns/headwater/api"
)

// Reporter is what a Checker needs of a *testing.T.
type Reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Logf(format string, args ...any)
}

// Checker checks exchanges and reports what departs from the documents.
type Checker struct {
	report Reporter
	docs   *documents
}

// New returns a Checker that reports to t. The documents are read once.
func New(t Reporter) *Checker {
	t.Helper()
	d, err := loaded()
	if err != nil {
		t.Errorf("apicheck: %v", err)
		return nil
	}
	if d.upstream == nil {
		t.Logf("apicheck: ../shared/api/openapi.json is not there, answers are not checked against the upstream's shape")
	}
	return &Checker{t, d}
}

// documents are what exchanges are held against, and which operations were met.
type documents struct {
	own, upstream routers.Router // upstream may be nil
	schemas       openapi3.Schemas
	all           []string

	mu    sync.Mutex
	met   map[string]bool
	codes map[int]bool
}

// loaded is read once for all tests of a binary.
var loaded = sync.OnceValues(load)

func load() (*documents, error) {
	d := &documents{met: map[string]bool{}, codes: map[int]bool{}}
	var err error
	var doc *openapi3.T
	if d.own, doc, err = router(api.YAML); err != nil {
		return nil, fmt.Errorf("api/openapi.yaml: %w", err)
	}
	d.schemas = doc.Components.Schemas
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			d.all = append(d.all, method+" "+path)
		}
	}
	slices.Sort(d.all)
	b, err := upstream()
	if err != nil || b == nil {
		return d, err
	}
	if d.upstream, _, err = router(b); err != nil {
		return nil, fmt.Errorf("upstream's document: %w", err)
	}
	return d, nil
}

func router(b []byte) (routers.Router, *openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(b)
	if err != nil {
		return nil, nil, err
	}
	r, err := gorillamux.NewRouter(doc)
	return r, doc, err
}

// upstream looks for the upstream's document beside the repository; nil when it is not there.
func upstream() ([]byte, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "api", "openapi.yaml")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			return nil, nil
		}
		dir = up
	}
	b, err := os.ReadFile(filepath.Join(dir, "..", "shared", "api", "openapi.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// Coverage lists the operations of our document that were met with a success, and all there are.
func Coverage() (met, all []string) {
	d, err := loaded()
	if err != nil {
		return nil, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for op := range d.met {
		met = append(met, op)
	}
	slices.Sort(met)
	return met, slices.Clone(d.all)
}

// Codes lists the codes of all errors, and of the reasons and messages beside them, that answers held.
func Codes() []int {
	d, err := loaded()
	if err != nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.codes))
}

// note remembers the codes in an answer.
func (d *documents) note(got []byte) {
	type coded struct {
		Code  int `json:"code"`
		Chain []struct {
			Code int `json:"code"`
		} `json:"error_chain"`
	}
	var a struct {
		Errors, Messages []coded
	}
	if json.Unmarshal(got, &a) != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range slices.Concat(a.Errors, a.Messages) {
		d.codes[c.Code] = true
		for _, r := range c.Chain {
			d.codes[r.Code] = true
		}
	}
}

// Transport wraps base, or http.DefaultTransport when that is nil.
func (c *Checker) Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return roundTripper{c, base}
}

type roundTripper struct {
	c    *Checker
	base http.RoundTripper
}

// mostChecked is the longest body that is held for a check.
const mostChecked = 32 << 20

// RoundTrip sends the request and checks what came of it.
func (t roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil && r.ContentLength >= 0 && r.ContentLength < mostChecked {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		sent = b
		r.Body = io.NopCloser(bytes.NewReader(b))
	}
	res, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	_ = res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(b))
	if len(b) < mostChecked {
		t.c.check(r, sent, res, b)
	}
	return res, nil
}

func (c *Checker) check(r *http.Request, sent []byte, res *http.Response, got []byte) {
	c.report.Helper()
	q := r.Clone(context.Background())
	q.URL.Path = strings.TrimRight(q.URL.Path, "/")
	q.Body = http.NoBody
	if sent != nil {
		q.Body = io.NopCloser(bytes.NewReader(sent))
	}
	c.docs.note(got)
	describe := func(err error) {
		c.report.Helper()
		c.report.Errorf("%s %s: %d departs from the document: %v\nrequest: %.2000s\nanswer: %.2000s",
			r.Method, r.URL, res.StatusCode, err, sent, got)
	}
	if res.StatusCode == http.StatusOK && (res.Header.Get("Headwater-Dry-Run") != "" || res.Header.Get("Headwater-Draft") != "") {
		if err := c.docs.member(got, "result", "ChangePlan"); err != nil {
			describe(err)
		}
		return
	}
	if r.Header.Get("Headwater-Wait") != "" && r.Method != http.MethodGet && res.StatusCode == http.StatusOK {
		if err := c.docs.member(got, "live", "Liveness"); err != nil {
			describe(err)
		}
		got = without(got, "live")
	}
	if err := c.own(q, res, got); err != nil {
		describe(err)
	}
	// The upstream describes no failure of its own.
	if c.docs.upstream == nil || res.StatusCode >= http.StatusInternalServerError || beyondUpstream(got) {
		return
	}
	route, params, err := c.docs.upstream.FindRoute(q)
	if err != nil {
		return // an addition of ours, or no operation at all
	}
	in := input(q, route, params)
	if err := answer(in, res, got); err != nil {
		describe(fmt.Errorf("upstream: %w", err))
	}
}

// member holds a member of an envelope against a schema.
func (d *documents) member(got []byte, name, schema string) error {
	var envelope map[string]any
	if err := json.Unmarshal(got, &envelope); err != nil {
		return err
	}
	return d.schemas[schema].Value.VisitJSON(envelope[name])
}

// without is an envelope less a member.
func without(got []byte, name string) []byte {
	var envelope map[string]json.RawMessage
	if json.Unmarshal(got, &envelope) != nil {
		return got
	}
	delete(envelope, name)
	b, err := json.Marshal(envelope)
	if err != nil {
		return got
	}
	return b
}

// own checks against our document. A request need be in its shape only when it was taken.
func (c *Checker) own(q *http.Request, res *http.Response, got []byte) error {
	route, params, err := c.docs.own.FindRoute(q)
	if err != nil {
		if res.StatusCode == http.StatusOK && strings.Contains(res.Header.Get("Content-Type"), "json") {
			return fmt.Errorf("the operation is not described: %w", err)
		}
		return nil
	}
	in := input(q, route, params)
	if res.StatusCode == http.StatusOK || res.StatusCode == http.StatusCreated {
		c.docs.mu.Lock()
		c.docs.met[route.Method+" "+route.Path] = true
		c.docs.mu.Unlock()
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil && !loose(q, err) {
			return fmt.Errorf("the request was taken: %w", err)
		}
		if err := namesKnown(q, route); err != nil {
			return err
		}
	}
	return answer(in, res, got)
}

// Unknown begins the names of parameters that a test sends to see them ignored.
const Unknown = "unknown"

// namesKnown holds the names in a query against the document. The server ignores what it does not know, so that a name
// missing from the document would be found by nothing else.
func namesKnown(q *http.Request, route *routers.Route) error {
	for name := range q.URL.Query() {
		if strings.HasPrefix(name, Unknown) {
			continue
		}
		if route.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			return fmt.Errorf("the parameter %q is not described", name)
		}
	}
	return nil
}

// loose passes over what we take on purpose though no document says it: any Content-Type, and bodies that are ignored.
func loose(q *http.Request, err error) bool {
	var bad *openapi3filter.RequestError
	return errors.As(err, &bad) && bad.RequestBody != nil && !strings.HasPrefix(q.Header.Get("Content-Type"), "application/json")
}

func input(q *http.Request, route *routers.Route, params map[string]string) *openapi3filter.RequestValidationInput {
	return &openapi3filter.RequestValidationInput{
		Request: q, PathParams: params, Route: route, Options: &openapi3filter.Options{
			IncludeResponseStatus: true, SkipSettingDefaults: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		},
	}
}

func answer(in *openapi3filter.RequestValidationInput, res *http.Response, got []byte) error {
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: res.StatusCode, Header: res.Header, Options: in.Options,
	}
	out.SetBodyBytes(got)
	return openapi3filter.ValidateResponse(context.Background(), out)
}

// upstreamTypes are the types of records that the upstream has.
const upstreamTypes = " A AAAA CAA CERT CNAME DNSKEY DS HTTPS LOC MX NAPTR NS OPENPGPKEY PTR SMIMEA SRV SSHFP SVCB TLSA TXT URI "

// beyondUpstream says whether an answer holds records of types that the upstream's document does not know.
func beyondUpstream(got []byte) bool {
	type record struct {
		Type    string  `json:"type"`
		Content *string `json:"content"`
	}
	var one struct {
		Result record `json:"result"`
	}
	var many struct {
		Result []record `json:"result"`
	}
	var batch struct {
		Result map[string][]record `json:"result"`
	}
	var all []record
	if json.Unmarshal(got, &one) == nil {
		all = append(all, one.Result)
	}
	if json.Unmarshal(got, &many) == nil {
		all = append(all, many.Result...)
	}
	if json.Unmarshal(got, &batch) == nil {
		for _, list := range batch.Result {
			all = append(all, list...)
		}
	}
	return slices.ContainsFunc(all, func(r record) bool {
		return r.Content != nil && !strings.Contains(upstreamTypes, " "+r.Type+" ")
	})
}
