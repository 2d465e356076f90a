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
