// Package bucket is S3 storage for tests, in memory: a server that verifies signatures, of a make that is not ours.
package bucket

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/rclone/gofakes3/signature"
)

// Handler serves a bucket of that name to who signs with the key.
func Handler(name, key, secret string) (http.Handler, error) {
	back := s3mem.New()
	if err := back.CreateBucket(name); err != nil {
		return nil, err
	}
	inner := gofakes3.New(back, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code := signature.V4SignVerifyWithLookup(r, func(k string) (string, bool) { return secret, k == key })
		if code != signature.ErrNone {
			bad := signature.GetAPIError(code)
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(bad.HTTPStatusCode)
			_, _ = w.Write(signature.EncodeAPIErrorToResponse(bad))
			return
		}
		if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") { // which the library behind stores as it comes
			b, err := unframed(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			r.Header.Del("X-Amz-Content-Sha256")
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
			r.Header.Set("Content-Length", strconv.Itoa(len(b)))
		}
		inner.ServeHTTP(w, r)
	}), nil
}

// unframed takes the chunks of a signed stream out of their frames.
func unframed(r io.Reader) (out []byte, err error) {
	in := bufio.NewReader(r)
	for {
		head, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, _, _ := strings.Cut(strings.TrimSpace(head), ";")
		n, err := strconv.ParseInt(size, 16, 32)
		if err != nil || n == 0 {
			return out, err
		}
		chunk := make([]byte, n+2) // a line's end follows
		if _, err := io.ReadFull(in, chunk); err != nil {
			return nil, err
		}
		out = append(out, chunk[:n]...)
	}
}
