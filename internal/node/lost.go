package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/control/feed"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/secretkey"
)

// Pauses between two tries to publish a zone that the store has lost changes of, and how long it is tried.
const (
	lostPause = time.Second
	lostLimit = 10 * time.Minute
)

// useKeys has the store opened with keys, or, where there are none, without: what is there already, for a new store needs one.
func (n *Node) useKeys(open *store.Config, keys secretkey.Keys) {
	if n.keyless = len(keys) == 0; !n.keyless {
		open.SecretKey, open.OlderKeys = keys.Current(), keys.Older()
		return
	}
	open.SecretKey, open.OlderKeys, open.Keyless = [32]byte{}, nil, true
	open.Existing = open.Existing || !open.ReadOnly
	if !open.ReadOnly {
		n.log.Error("running without the secret key: TSIG secrets, private keys of signed zones, webhooks' secrets and second factors stay closed, signed zones take no changes")
	}
}

// sessionKey is what sessions are signed by: nobody may know it, so where there is none, one is made up, and sessions end with the process.
func sessionKey(open *store.Config) [32]byte {
	if open.Keyless {
		return secretkey.New()
	}
	return open.SecretKey
}

// rewound hears that memory was loaded anew, from a store that has lost changes.
func (n *Node) rewound() {
	if n.events != nil {
		n.events.Rewound()
	}
	if n.commit != nil {
		n.keep.Rewound()
	}
}

// lost has zones published that secondaries may hold in a newer state than the store: past those serials, so that they take
// it. Every node that has published such a state does so; who comes second finds it done.
func (n *Node) lost(zones []feed.Lost) {
	if n.commit == nil {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), lostLimit)
		defer cancel()
		for _, z := range zones {
			for n.raise(ctx, z) != nil && ctx.Err() == nil {
				select {
				case <-time.After(lostPause):
				case <-ctx.Done():
				}
			}
		}
	}()
}

func (n *Node) raise(ctx context.Context, z feed.Lost) error {
	_, err := n.commit.Change(ctx, model.Change{
		Zone: z.Zone, Actor: model.Actor{Context: "system"}, Edits: []model.Edit{model.RaiseSerial{AtLeast: z.Serial + 1}},
	})
	var refused *model.Invalid
	switch {
	case errors.Is(err, model.ErrNotFound), errors.As(err, &refused):
		return nil // it is gone, or damaged
	case err != nil:
		n.log.Warn("a zone that the store has lost changes of is not published anew yet", "zone", z.Zone, "error", err)
		return fmt.Errorf("publish zone %s anew: %w", z.Zone, err)
	}
	return nil
}
