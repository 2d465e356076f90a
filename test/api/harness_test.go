package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/rooms"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/feed"
	"github.com/headwaterdns/headwater/internal/control/history"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/test/apicheck"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if postgres.Server != nil {
		postgres.Close()
	}
	met, all := apicheck.Coverage()
	fmt.Printf("operations of api/openapi.yaml met with success: %d of %d\n", len(met), len(all))
	missed, total := missedCodes()
	fmt.Printf("error and message codes provoked over HTTP: %d of %d\n", total-len(missed), total)
	if whole() && (len(met) < len(all) || len(missed) > 0) {
		all = slices.DeleteFunc(all, func(op string) bool { return slices.Contains(met, op) })
		fmt.Printf("FAIL: no test met with success %q, or provoked %q\n", all, missed)
		code = 1
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	os.Exit(code)
}

// whole says whether all tests ran, so that what none of them met is a fault.
func whole() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list"} {
		if flag.Lookup(name).Value.String() != "" {
			return false
		}
	}
	return !testing.Short()
}

var _ api.Store = (*store.Store)(nil)

// clock stands still unless it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// server is a whole careful half behind HTTP, on a store of its own. Every exchange is checked against the documents.
type server struct {
	t        *testing.T
	url      string
	client   *http.Client
	plain    *http.Client // checks nothing
	handler  http.Handler // what url leads to
	clock    *clock
	store    *store.Store
	database string // its address
	db       *zone.DB
	change   func(context.Context, model.Change) (model.Result, error)
	cfg      api.Config // of the API, without what a node has of its own

	account, user     model.ID
	email, key, token string
}

// option changes a server's configuration before it starts.
type option func(*api.Config)

func newServer(t *testing.T, opts ...option) *server {
	t.Helper()
	return newServerOn(t, nil, opts...)
}

// newServerOn is newServer with a configuration of the committer that rules changes.
func newServerOn(t *testing.T, rules func(*commit.Config), opts ...option) *server {
	t.Helper()
	return newServerAt(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"), rules, opts...)
}

// newServerAt is newServerOn in the database at an address.
func newServerAt(t *testing.T, url string, rules func(*commit.Config), opts ...option) *server {
	t.Helper()
	s := &server{t: t, database: url, clock: &clock{now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}}
	st, err := store.Open(t.Context(), store.Config{URL: url, Clock: s.clock.time})
	if err != nil {
		t.Fatal(err)
	}
	s.store, s.db = st, zone.NewDB(0)
	f := feed.New(feed.Config{Source: st, DB: s.db})
	committer := commit.Config{
		Begin: func(ctx context.Context) (commit.Tx, error) { return st.Begin(ctx) },
		Stage: func(ctx context.Context, zone model.ID) (commit.Staging, error) {
			staging, err := st.Stage(ctx, zone)
			if err != nil {
				return nil, err
			}
			return staging, nil
		},
		DB: s.db, Feed: f, Clock: s.clock.time, NewID: auth.NewID, Deleted: st.DeletedZone,
		NameServers: []string{"ns1.headwater.test", "ns2.headwater.test"},
		Edge:        edges,
	}
	if rules != nil {
		rules(&committer)
	}
	p, err := commit.New(committer)
	if err != nil {
		t.Fatal(err)
	}
	s.change = p.Change
	s.run(st, f.Run, p.Run)
	<-f.Loaded()
	s.bootstrap()
	s.cfg = api.Config{
		Routes: rooms.Routes(), RenderPlan: rooms.RenderPlan,
		Store: st, Changer: p, WaitSeq: func(ctx context.Context, seq model.Seq) error { return f.Wait(ctx, seq) }, EdgeAddresses: committer.Edge, Clock: s.clock.time,
		Quotas: committer.Quotas, History: &history.Reader{Store: st, Clock: s.clock.time, Context: p.Context},
		Undelete: p.Undelete, Deleted: st,
	}
	return s.again(opts...)
}

// again is another node of the server: over the same store, with the same secrets, and nothing else in common.
func (s *server) again(opts ...option) *server {
	s.t.Helper()
	out, cfg := *s, s.cfg
	cfg.Sessions = auth.NewSessions(auth.SessionConfig{Store: s.store, Clock: s.clock.time, Key: []byte("a secret of thirty-two octets...")})
	cfg.Auth = auth.New(auth.Config{Store: s.store, Clock: s.clock.time, Sessions: cfg.Sessions})
	for _, o := range opts {
		o(&cfg)
	}
	out.handler = api.New(cfg)
	hs := httptest.NewServer(out.handler)
	s.t.Cleanup(hs.Close)
	out.url = hs.URL
	out.plain = hs.Client()
	out.client = &http.Client{Transport: apicheck.New(s.t).Transport(hs.Client().Transport)}
	return &out
}

var edges = []netip.Addr{
	netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.2"),
	netip.MustParseAddr("2001:db8:ed::1"), netip.MustParseAddr("2001:db8:ed::2"),
}

// run starts the loops, and stops them and closes the store when the test is over.
func (s *server) run(st *store.Store, loops ...func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, run := range loops {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				s.t.Error(err)
			}
		})
	}
	s.t.Cleanup(func() {
		cancel()
		wg.Wait()
		if err := st.Close(); err != nil {
			s.t.Error(err)
		}
	})
}

func (s *server) bootstrap() {
	s.t.Helper()
	c, err := auth.Bootstrap(s.t.Context(), s.store, auth.BootstrapOptions{
		Email: "admin@example.com", Password: "correct horse battery staple", Now: s.clock.time(),
		CreateAccount: func(ctx context.Context, a model.Account) error {
			_, err := s.change(ctx, model.Change{Account: a.ID, Edits: []model.Edit{model.CreateAccount{Account: a}}})
			return err
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.account, s.user, s.email, s.key, s.token = c.Account, c.User, c.Email, c.Key, c.Token
}

// reply is an answer of the API, its envelope taken apart.
type reply struct {
	Status int
	Header http.Header
	Raw    string

	Result  json.RawMessage `json:"result"`
	Success bool            `json:"success"`
	Errors  []struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Source  struct {
			Pointer string `json:"pointer"`
		} `json:"source"`
		Chain []struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error_chain"`
	} `json:"errors"`
	Messages []struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"messages"`
	Info struct {
		Page       int `json:"page"`
		PerPage    int `json:"per_page"`
		Count      int `json:"count"`
		TotalCount int `json:"total_count"`
		TotalPages int `json:"total_pages"`
	} `json:"result_info"`
}

// code is that of the first error, 0 for none.
func (r *reply) code() int {
	if len(r.Errors) == 0 {
		return 0
	}
	return r.Errors[0].Code
}

// object is the result as a map; numbers are json.Number.
func (r *reply) object(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	decode(t, r.Result, &m)
	return m
}

// list is the result as maps.
func (r *reply) list(t *testing.T) []map[string]any {
	t.Helper()
	var m []map[string]any
	decode(t, r.Result, &m)
	return m
}

func decode(t *testing.T, b []byte, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		t.Fatalf("decode %s: %v", b, err)
	}
}

// as changes a request's headers; the usual ones carry the administrator's token.
type as func(http.Header)

// do sends body (JSON text, or a value that becomes it; nil for none) and reads the answer.
func (s *server) do(method, path string, body any, headers ...as) *reply {
	s.t.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	case []byte:
		in = bytes.NewReader(b)
	default:
		j, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		in = bytes.NewReader(j)
	}
	return s.stream(method, path, in, headers...)
}

// stream is do for a body that is read as it comes.
func (s *server) stream(method, path string, in io.Reader, headers ...as) *reply {
	s.t.Helper()
	if strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "/headwater") {
		path = "/client/v4" + path
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, in)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		h(r.Header)
	}
	res, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	out := &reply{Status: res.StatusCode, Header: res.Header, Raw: string(b)}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		decode(s.t, b, out)
	}
	return out
}

// must is do for what has to succeed.
func (s *server) must(method, path string, body any, headers ...as) *reply {
	s.t.Helper()
	r := s.do(method, path, body, headers...)
	if r.Status != http.StatusOK {
		s.t.Fatalf("%s %s %v: %d %s", method, path, body, r.Status, r.Raw)
	}
	return r
}

// fails is do for what has to be refused.
func (s *server) fails(status, code int, method, path string, body any, headers ...as) *reply {
	s.t.Helper()
	r := s.do(method, path, body, headers...)
	if r.Status != status || r.code() != code || r.Success {
		s.t.Errorf("%s %s %v: got %d and %s, want %d with code %d", method, path, body, r.Status, r.Raw, status, code)
	}
	return r
}

// zone makes a zone and gives its path and id.
func (s *server) zone(name string) (path, id string) {
	s.t.Helper()
	r := s.must("POST", "/zones", map[string]any{"name": name, "account": map[string]any{"id": s.account}})
	id = r.object(s.t)["id"].(string)
	return "/zones/" + id, id
}

// record makes a record and gives its id.
func (s *server) record(zonePath, body string) string {
	s.t.Helper()
	return s.must("POST", zonePath+"/dns_records", body).object(s.t)["id"].(string)
}

type apiConfig = api.Config

// serial is the zone's newest.
func (s *server) serial(id string) uint32 {
	s.t.Helper()
	z, err := s.store.Zone(s.t.Context(), model.ID(id))
	if err != nil {
		s.t.Fatal(err)
	}
	return z.Serial
}
