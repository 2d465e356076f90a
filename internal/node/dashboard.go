package node

import (
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/headwaterdns/headwater/web"
)

// dashboard serves the embedded single-page application; a path that is no file is one of its pages.
func dashboard() http.Handler {
	files, ok := web.FS()
	if !ok {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				http.NotFound(w, r)
				return
			}
			_, _ = io.WriteString(w, "Headwater is running. This program was built without its dashboard; the API is at /client/v4.\n")
		})
	}
	return pages(files)
}

// packed is how the names of files end that the dashboard's build has compressed, better than would be done at each request.
const packed = ".br"

// takesBrotli says whether a client names Brotli among what it can read (RFC 9110, section 12.5.3); one that names it with a weight gets gzip.
func takesBrotli(r *http.Request) bool {
	for _, list := range r.Header.Values("Accept-Encoding") {
		for one := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(one), "br") {
				return true
			}
		}
	}
	return false
}

// pages serves a folder whose index.html is the page for every path that is no file.
func pages(files fs.FS) http.Handler {
	server := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		name := strings.TrimPrefix(r.URL.Path, "/")
		st, err := fs.Stat(files, name)
		if strings.HasPrefix(name, "assets/") {
			if err != nil || st.IsDir() { // what is there is not listed
				http.NotFound(w, r)
				return
			}
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
			h.Set("Vary", "Accept-Encoding")
			if _, err := fs.Stat(files, name+packed); err == nil && takesBrotli(r) {
				h.Set("Content-Encoding", "br")
				h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
				http.ServeFileFS(w, r, files, name+packed) //nolint:gosec // of the files that are embedded
				return
			}
			server.ServeHTTP(w, r)
			return
		}
		if name == "" || err != nil || st.IsDir() {
			h.Set("Cache-Control", "no-cache")
			http.ServeFileFS(w, r, files, "index.html")
			return
		}
		server.ServeHTTP(w, r)
	})
}
