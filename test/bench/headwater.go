//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/headwaterdns/headwater/test/bench/fill"
)

// nameservers are what the large zone's own NS records say.
const nameservers = "ns1." + zoneName + ",ns2." + zoneName

// newHeadwater is a process of ours on a data directory. Everything else is as it comes.
func (b *bench) newHeadwater(data, servers string) (*contestant, error) {
	c, err := b.newContestant(nameUs, primary, b.bin, "version")
	if err != nil {
		return nil, err
	}
	listen := freePort().String()
	c.api = newAPI("http://" + listen + "/client/v4")
	c.argv = []string{
		b.bin, "serve", "--data", data, "--dns-listen", c.addr.String(), "--http-listen", listen, "--admin-token", fill.Token,
		"--nameservers", servers, "--log-level", "error", "--probe-interval", "0",
	}
	c.settings = strings.Join(append([]string{"headwater"}, c.argv[1:]...), " ")
	if b.profile != "" {
		c.api.profiles = "http://" + freePort().String()
		c.argv = append(c.argv, "--pprof-listen", strings.TrimPrefix(c.api.profiles, "http://"))
	}
	return c, nil
}

func headwater(b *bench) (*contestant, error) {
	c, err := b.filled(filepath.Join(b.dir, "data"))
	if err != nil {
		return nil, err
	}
	cert, key, err := b.certificate()
	c.tls = freePort()
	c.argv = append(c.argv, "--tls-listen", c.tls.String(), "--dns-tls-cert", cert, "--dns-tls-key", key)
	c.settings = strings.Join(append([]string{"headwater"}, c.argv[1:]...), " ")
	return c, err
}

// filled gets the large zone through its API.
func (b *bench) filled(data string) (*contestant, error) {
	c, err := b.newHeadwater(data, nameservers)
	if err != nil {
		return nil, err
	}
	c.adder = func() (adder, error) { return &apiAdder{c.api, c.api.zone}, nil }
	ready := b.probe
	c.setup = func(ctx context.Context) error {
		c.right = func(context.Context) bool { return c.api.listening() } // there is no zone yet
		measured := c.cores
		c.cores = fmt.Sprintf("%d,%d", serverCore, loadCore)
		defer func() { c.cores = measured }()
		if err := c.start(ctx); err != nil {
			return err
		}
		defer c.stop()
		f, err := os.Open(filepath.Join(b.dir, "zone"))
		if err != nil {
			return err
		}
		defer f.Close()
		if c.api.zone, err = c.api.fill(ctx, zoneName, f); err != nil {
			return err
		}
		c.right = func(ctx context.Context) bool { return ready.ask(ctx, c.addr) }
		return c.api.open(ctx)
	}
	return c, nil
}

// api is a client of our HTTP API.
type api struct {
	base, token string
	client      *http.Client
	account     string
	zone        string // the large zone's id
	key         string // of the TSIG that transfers are signed with
	profiles    string // where profiles are to be had
}

func newAPI(base string) *api {
	return &api{base: base, token: fill.Token, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

func (a *api) listening() bool {
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(a.base, "http://"), "/client/v4"))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// object is what all answers have in common.
type object struct {
	ID      string
	Account struct{ ID string }
}

// fill makes a zone and imports a zone file into it.
func (a *api) fill(ctx context.Context, name string, zone io.Reader) (id string, err error) {
	var z object
	if err := a.post(ctx, "/zones", map[string]any{"name": name}, &z); err != nil {
		return "", err
	}
	a.account = z.Account.ID
	pr, pw := io.Pipe()
	form := multipart.NewWriter(pw)
	go func() {
		part, err := form.CreateFormFile("file", "zone")
		if err == nil {
			_, err = io.Copy(part, zone)
		}
		if err == nil {
			err = form.Close()
		}
		pw.CloseWithError(err)
	}()
	return z.ID, a.do(ctx, http.MethodPost, "/zones/"+z.ID+"/dns_records/import", form.FormDataContentType(), pr, nil)
}

// open lets loopback addresses transfer the large zone, and makes the key for signed transfers.
func (a *api) open(ctx context.Context) error {
	account := "/accounts/" + a.account + "/secondary_dns"
	if err := a.post(ctx, account+"/acls", map[string]any{"name": "bench", "ip_range": "127.0.0.0/24"}, nil); err != nil {
		return err
	}
	var key object
	if err := a.post(ctx, account+"/tsigs", map[string]any{"name": keyName, "algo": "hmac-sha256.", "secret": keySecret}, &key); err != nil {
		return err
	}
	var err error
	if a.key, err = a.peer(ctx, map[string]any{"name": "signed", "tsig_id": key.ID}); err != nil {
		return err
	}
	out := "/zones/" + a.zone + "/secondary_dns/outgoing"
	if err := a.post(ctx, out, map[string]any{"name": zoneName, "peers": []string{}}, nil); err != nil {
		return err
	}
	return a.post(ctx, out+"/enable", map[string]any{}, nil)
}

// peer makes a peer and gives its id.
func (a *api) peer(ctx context.Context, p map[string]any) (string, error) {
	var made object
	if err := a.post(ctx, "/accounts/"+a.account+"/secondary_dns/peers", map[string]any{"name": p["name"]}, &made); err != nil {
		return "", err
	}
	return made.ID, a.send(ctx, http.MethodPut, "/accounts/"+a.account+"/secondary_dns/peers/"+made.ID, p, nil)
}

// link makes the peers the large zone's, in the place of those before. With a peer that has a key, all transfers must be
// signed.
func (a *api) link(ctx context.Context, peers ...string) error {
	if peers == nil {
		peers = []string{}
	}
	return a.send(ctx, http.MethodPut, "/zones/"+a.zone+"/secondary_dns/outgoing", map[string]any{"name": zoneName, "peers": peers}, nil)
}

func (a *api) post(ctx context.Context, path string, in, out any) error {
	return a.send(ctx, http.MethodPost, path, in, out)
}

func (a *api) send(ctx context.Context, method, path string, in, out any) error {
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return a.do(ctx, method, path, "application/json", bytes.NewReader(raw), out)
}

var errRefused = errors.New("refused")

func (a *api) do(ctx context.Context, method, path, contentType string, body io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header.Set("Content-Type", contentType)
	res, err := a.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: %s %s: %s: %.300s", errRefused, method, path, res.Status, raw)
	}
	if out == nil {
		return nil
	}
	var answer struct{ Result json.RawMessage }
	if err := json.Unmarshal(raw, &answer); err != nil {
		return err
	}
	return json.Unmarshal(answer.Result, out)
}
