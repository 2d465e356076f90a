//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"

	"github.com/headwaterdns/headwater/test/bench/fill"
)

// change adds a record to some zones through the API.
func (s *server) change(ctx context.Context, zones int) error {
	for n := range changes {
		name := fill.Name(rand.IntN(zones))
		var list []struct{ ID string }
		if err := s.call(ctx, http.MethodGet, "/zones?name="+name, nil, &list); err != nil {
			return err
		}
		if len(list) != 1 {
			return fmt.Errorf("the API knows %d zones of the name %s", len(list), name)
		}
		body := map[string]any{"type": "A", "name": fmt.Sprintf("new%d", n), "content": "192.0.2.1"}
		if err := s.call(ctx, http.MethodPost, "/zones/"+list[0].ID+"/dns_records", body, nil); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) call(ctx context.Context, method, path string, in, out any) error {
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.http+"/client/v4"+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+fill.Token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %.300s", method, path, res.Status, text)
	}
	if out == nil {
		return nil
	}
	var answer struct{ Result json.RawMessage }
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	return json.Unmarshal(answer.Result, out)
}
