package api

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// Paths lets a request of the API through to next only if its path is one as routes have them; all else of the API is
// answered 404 here. It belongs in front of every mux, each of which would redirect to, or match, what it takes a path to
// mean. Requests of other things pass as they are.
func Paths(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ofAPI(r.URL.Path) && !plainPath(r.URL) {
			refusePath(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ofAPI says whether a decoded path lies in the API, or would if somebody resolved its dot segments.
func ofAPI(p string) bool {
	for _, p := range [...]string{p, path.Clean("/" + strings.ReplaceAll(p, `\`, "/"))} {
		for _, root := range [...]string{Client, Own} {
			if p == root || strings.HasPrefix(p, root+"/") {
				return true
			}
		}
	}
	return false
}

// plainPath says whether a path, as it was sent, can name an operation: segments of the characters that RFC 3986 section
// 2.3 calls unreserved, none of them empty, "." or "..". Nothing in a route and no identifier needs any other, so that
// nothing has to be decoded, and no two parties can read a path differently. One slash may stand at the end (contract
// section 1.3).
func plainPath(u *url.URL) bool {
	sent := u.EscapedPath()
	if u.RawPath != "" && u.RawPath != sent {
		return false // it holds what no path can, and EscapedPath is but a guess
	}
	rest, ok := strings.CutPrefix(sent, "/")
	if !ok {
		return false
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(rest, "/"), "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsFunc(part, escapable) {
			return false
		}
	}
	return true
}

// escapable says whether a character may be, or must be, written with a percent sign.
func escapable(c rune) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~':
		return false
	}
	return true
}

// refusePath answers for a path that is none.
func refusePath(w http.ResponseWriter, r *http.Request) {
	f := Failure(noRoute(strings.TrimPrefix(r.URL.EscapedPath(), Client)))
	e := Envelope{Errors: append([]ErrorJSON{{Code: f.Code, Message: f.Message}}, f.Also...), Messages: []Message{}}
	b, err := e.Marshal()
	if err != nil {
		http.Error(w, http.StatusText(f.Status), f.Status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.Status)
	_, _ = w.Write(b) // the client went away
}
