package fill

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/feed"
	"github.com/headwaterdns/headwater/internal/control/journal"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Token is the administrator's API token where Config names none.
const Token = "filltoken_0123456789012345678901234567890"

// Config says what to fill with how much.
type Config struct {
	Data     string // data directory: the secret key lies there, and the SQLite file unless Database is set
	Database string // postgres://… of an empty database; empty is SQLite in Data
	Zones    int
	Records  int    // of each zone, beside SOA and NS
	Token    string // the administrator's API token; default Token
	// Transfers switches transfers on in every zone, as POST …/outgoing and …/enable do, linked to no peer.
	Transfers bool
	// Progress is told now and then how many zones are there; nil: nobody is.
	Progress func(done int)
}

// Fill makes the first account and the zones, in a store that is empty. A server that is started on it with the same data
// directory and database serves them.
func Fill(ctx context.Context, c Config) error {
	s, err := open(ctx, c.Data, c.Database)
	if err != nil {
		return err
	}
	err = c.fill(ctx, s)
	return errors.Join(err, s.Close())
}

// Copy brings everything from the SQLite store in a data directory to another engine, as `headwater migrate` does.
func Copy(ctx context.Context, data, database string) error {
	from, err := open(ctx, data, "")
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := open(ctx, data, database)
	if err != nil {
		return err
	}
	defer to.Close()
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(from.Dump(ctx, pw, nil)) }()
	return to.Restore(ctx, pr, nil)
}

func open(ctx context.Context, data, database string) (*store.Store, error) {
	if database == "" {
		database = "sqlite:" + filepath.Join(data, "headwater.db")
	}
	key, err := secretKey(filepath.Join(data, "secret.key"))
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, store.Config{URL: database, SecretKey: key})
}

// secretKey reads the key of a data directory, or makes one.
func secretKey(file string) (key [32]byte, err error) {
	raw, err := os.ReadFile(file)
	if err == nil {
		if raw, err = base64.StdEncoding.DecodeString(strings.TrimSpace(string(raw))); err == nil && len(raw) != len(key) {
			err = errors.New("the secret key has another length")
		}
		copy(key[:], raw)
		return key, err
	}
	if !errors.Is(err, os.ErrNotExist) {
		return key, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return key, err
	}
	if _, err := rand.Read(key[:]); err != nil {
		return key, err
	}
	return key, os.WriteFile(file, []byte(base64.StdEncoding.EncodeToString(key[:])+"\n"), 0o600)
}

// fill runs the careful half on the store, and submits the zones.
func (c *Config) fill(ctx context.Context, s *store.Store) error {
	ctx, stop := context.WithCancel(ctx)
	var parts sync.WaitGroup
	defer parts.Wait()
	defer stop()
	db := zone.NewDB(0)
	keep := journal.New(journal.Config{Checkpoint: s.Checkpoint, RenewImages: s.RenewImages, DB: db})
	f := feed.New(feed.Config{
		Source: s, DB: db,
		Seen: keep.Observe,
	})
	p, err := commit.New(commit.Config{
		Begin: func(ctx context.Context) (commit.Tx, error) { return s.Begin(ctx) },
		DB:    db, Feed: f, Clock: time.Now, NewID: auth.NewID,
		NameServers: NameServers(),
	})
	if err != nil {
		return err
	}
	for _, run := range []func(context.Context) error{f.Run, p.Run, keep.Run} {
		parts.Go(func() { _ = run(ctx) }) // they end with ctx and have no other error
	}
	select {
	case <-f.Loaded():
	case <-ctx.Done():
		return ctx.Err()
	}
	account, err := c.first(ctx, s, p)
	if err != nil {
		return err
	}
	if err := c.submit(ctx, p, account); err != nil {
		return err
	}
	return keep.RenewSmall(ctx)
}

// first makes the administrator and the account, as a server's first start does.
func (c *Config) first(ctx context.Context, s *store.Store, p *commit.Committer) (model.ID, error) {
	made, err := auth.Bootstrap(ctx, s, auth.BootstrapOptions{
		Token: cmp.Or(c.Token, Token), Now: time.Now(),
		CreateAccount: func(ctx context.Context, a model.Account) error {
			_, err := p.Change(ctx, model.Change{Account: a.ID, Edits: []model.Edit{model.CreateAccount{Account: a}}})
			return err
		},
	})
	if err != nil {
		return "", err
	}
	if made == nil {
		return "", errors.New("the store is not empty")
	}
	return made.Account, nil
}

// clients submit changes at once: more than a group takes, so that the next one is full when a commit ends.
const clients = 1500

func (c *Config) submit(ctx context.Context, p *commit.Committer, account model.ID) error {
	var next, done atomic.Int64
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for range clients {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < c.Zones && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := c.one(ctx, p, account, i); err != nil {
					cancel(fmt.Errorf("zone %s: %w", Name(i), err))
					return
				}
				if n := int(done.Add(1)); c.Progress != nil && n%10000 == 0 {
					c.Progress(n)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (c *Config) one(ctx context.Context, p *commit.Committer, account model.ID, i int) error {
	apex, err := wire.ParseName(Name(i))
	if err != nil {
		return err
	}
	actor := model.Actor{Context: "system"}
	res, err := p.Change(ctx, model.Change{
		Account: account, Actor: actor, Edits: []model.Edit{model.CreateZone{Zone: model.Zone{Name: apex}}},
	})
	if err != nil {
		return err
	}
	edits, err := rows(i, c.Records, apex)
	if err != nil {
		return err
	}
	if c.Transfers {
		edits = append(edits, model.EditZone{Action: "outgoing.enable", Apply: func(z model.Zone) (model.Zone, error) {
			z.Outgoing = &model.Outgoing{Name: z.Name.String(), Enabled: true, Created: z.Created, Modified: z.Created}
			return z, nil
		}})
	}
	_, err = p.Change(ctx, model.Change{Account: account, Zone: res.Outcomes[0].Zone.ID, Actor: actor, Edits: edits})
	return err
}
