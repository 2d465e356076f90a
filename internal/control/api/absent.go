package api

import "net/http"

// Absent answers for a node that does not serve the API, every request alike and in the API's own form: 503, so that
// clients and balancers go elsewhere.
func Absent() http.Handler {
	body, err := Marshal(Envelope{
		Errors:   []ErrorJSON{{Code: codeUnavailable, Message: "This node does not serve the API."}},
		Messages: []Message{},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err != nil {
			http.Error(w, "This node does not serve the API.", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write(body) // the client went away
	})
}
