//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// lists are pages of the large zone as people ask for them. PowerDNS lists a zone whole or searches; it stands beside us where
// it can do the same.
var lists = []struct {
	row, query string
	search     string // PowerDNS's own, empty where it has none
}{
	{"list: first page, ms", "", ""},
	{"list: page 100, ms", "page=100", ""},
	{"list: last page by name, descending, ms", "order=name&direction=desc", ""},
	{"list: by content, ms", "order=content", ""},
	{"list: by type, ms", "order=type", ""},
	{"list: by ttl, ms", "order=ttl", ""},
	{"list: one type, ms", "type=MX", ""},
	{"list: one name, ms", "name=h0000007." + zoneName, "h0000007." + zoneName},
	{"list: name contains, ms", "name.contains=0000123", "*0000123*"},
	{"list: content contains, ms", "content.contains=elsewhere", "*elsewhere*"},
}

func listRows() []string {
	var rows []string
	for _, l := range lists {
		rows = append(rows, l.row)
	}
	return rows
}

// measureLists asks for pages, and makes zones: what a dashboard and a program that provisions wait for.
func (b *bench) measureLists(ctx context.Context) error {
	jobs := []job{{[]string{rowMakeZones}, hasAPI, b.makeZones}}
	for _, l := range lists {
		jobs = append(jobs, job{[]string{l.row}, hasAPI, func(ctx context.Context, c *contestant) ([]float64, error) {
			path := "/search-data?max=100&object_type=record&q=" + url.QueryEscape(l.search)
			ask := func() error { return c.pdns.call(ctx, http.MethodGet, path, nil, http.StatusOK) }
			if c.api != nil {
				ask = func() error {
					return c.api.do(ctx, http.MethodGet, "/zones/"+c.api.zone+"/dns_records?per_page=100&"+l.query, "", http.NoBody, nil)
				}
			} else if l.search == "" {
				return nil, nil
			}
			return repeated(b.cut(), ask)
		}})
	}
	return b.inRounds(ctx, 1, "lists, and zones that are made", jobs)
}

func hasAPI(c *contestant) bool { return c.kind != nothing && (c.api != nil || c.pdns != nil) }

// repeated gives the median time of a request, in ms, of as many as the time allows, three at least.
func repeated(d time.Duration, ask func() error) ([]float64, error) {
	var took []float64
	for begin := time.Now(); len(took) < 3 || time.Since(begin) < d; {
		one := time.Now()
		if err := ask(); err != nil {
			return nil, err
		}
		took = append(took, ms(time.Since(one)))
	}
	return []float64{median(took)}, nil
}

// makeZones makes empty zones, one after the other.
func (b *bench) makeZones(ctx context.Context, c *contestant) ([]float64, error) {
	n := 0
	begin := time.Now()
	for ; time.Since(begin) < b.duration/2; n++ {
		name := fmt.Sprintf("made%d.example", fresh(1))
		var err error
		if c.api != nil {
			err = c.api.post(ctx, "/zones", map[string]any{"name": name}, nil)
		} else {
			raw, bad := json.Marshal(map[string]any{"name": name + ".", "kind": "Native", "nameservers": []string{"ns1.fill.example.", "ns2.fill.example."}})
			if err = bad; err == nil {
				err = c.pdns.call(ctx, http.MethodPost, "/zones", raw, http.StatusCreated)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return []float64{float64(n) / time.Since(begin).Seconds()}, nil
}
