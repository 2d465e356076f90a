//go:build linux

package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// logSize is where the log is overwritten from its start again: a file that does not grow is the quickest to make durable.
const logSize = 16 << 20

// post is a request's body on its way into the log.
type post struct {
	body []byte
	done chan error
}

// serveHTTP answers every request with its own body, when that is durable in a file: what a change through an HTTP API
// costs at least. Requests that come together share a write and its fdatasync.
func serveHTTP(listen, file string) error {
	log, err := os.Create(file)
	if err != nil {
		return err
	}
	if _, err := log.Write(make([]byte, logSize)); err != nil {
		return err
	}
	if err := log.Sync(); err != nil {
		return err
	}
	posts := make(chan *post, 64)
	go commit(log, posts)
	return http.ListenAndServe(listen, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			p := &post{body, make(chan error, 1)}
			posts <- p
			err = <-p.done
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = w.Write(body)
	}))
}

// commit writes what waits as one group, and what is on its way back, for which it waits as our server does.
func commit(log *os.File, posts <-chan *post) {
	var at int64
	var company int
	var patience time.Duration
	for p := range posts {
		group := gather(p, posts, company, patience)
		begin := time.Now()
		var data []byte
		for _, p := range group {
			data = append(data, p.body...)
		}
		if at+int64(len(data)) > logSize {
			at = 0
		}
		_, err := log.WriteAt(data, at)
		if err == nil {
			err = unix.Fdatasync(int(log.Fd()))
		}
		if err != nil {
			err = fmt.Errorf("write log: %w", err)
		}
		at += int64(len(data))
		for _, p := range group {
			p.done <- err
		}
		company, patience = len(group)+len(posts), min(time.Since(begin)/2, 2*time.Millisecond)
	}
}

// gather takes what waits behind the first post, and if these are fewer than may come, what comes in time.
func gather(first *post, posts <-chan *post, company int, patience time.Duration) []*post {
	group := []*post{first}
	for len(posts) > 0 {
		group = append(group, <-posts)
	}
	if len(group) >= company {
		return group
	}
	late := time.After(patience)
	for len(group) < company {
		select {
		case p := <-posts:
			group = append(group, p)
		case <-late:
			return group
		}
	}
	return group
}
