package node

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"
)

// Files are files, every other path is a page, and no folder is listed.
func TestDashboard(t *testing.T) {
	t.Parallel()
	h := pages(fstest.MapFS{
		"index.html": {Data: []byte("the page")}, "assets/app.js": {Data: []byte("the program")}, "assets/fonts/a.woff2": {Data: []byte("font")},
		"favicon.svg": {Data: []byte("icon")},
	})
	for path, want := range map[string]struct {
		status int
		body   string
	}{
		"/": {200, "the page"}, "/zones/x": {200, "the page"}, "/favicon.svg": {200, "icon"}, "/assets/app.js": {200, "the program"},
		"/assets/": {404, ""}, "/assets": {200, "the page"}, "/assets/fonts/": {404, ""}, "/assets/fonts": {404, ""}, "/assets/absent.js": {404, ""},
		"/assets/../index.html": {404, ""}, "/index.html": {301, ""},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want.status || (want.body != "" && w.Body.String() != want.body) {
			t.Errorf("%s: %d %q, want %d %q", path, w.Code, w.Body, want.status, want.body)
		}
	}
}

// What the build has compressed goes to clients that read it, under the name and type of what it is; others get it as it is.
func TestDashboardCompressed(t *testing.T) {
	t.Parallel()
	h := pages(fstest.MapFS{"index.html": {Data: []byte("the page")}, "assets/app.js": {Data: []byte("the program")}, "assets/app.js.br": {Data: []byte("short")}, "assets/b.js": {Data: []byte("alone")}})
	for _, of := range []struct{ path, accept, body, encoding string }{
		{"/assets/app.js", "gzip, deflate, br, zstd", "short", "br"},
		{"/assets/app.js", "gzip, br;q=0", "the program", ""},
		{"/assets/app.js", "", "the program", ""},
		{"/assets/b.js", "br", "alone", ""},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, of.path, nil)
		r.Header.Set("Accept-Encoding", of.accept)
		h.ServeHTTP(w, r)
		got := w.Header()
		if w.Body.String() != of.body || got.Get("Content-Encoding") != of.encoding || got.Get("Vary") != "Accept-Encoding" || got.Get("Content-Type") != "text/javascript; charset=utf-8" {
			t.Errorf("%v: %q %v", of, w.Body, got)
		}
	}
}
