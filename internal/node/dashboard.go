package node

import (
	"io"
	"io/fs"
	"net/http"
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
