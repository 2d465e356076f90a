//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// measureRenewals asks a signed zone at the fixed rate while nothing else happens, and while all its signatures are made anew: who
// raises the SOA's expire makes them end too early. Renewals in their time are less, some names of it.
func (b *bench) measureRenewals(ctx context.Context, us *contestant) error {
	if !b.wants(rowSignedIdle, rowRenewing) || ctx.Err() != nil {
		return ctx.Err()
	}
	for _, c := range b.all {
		if c != us {
			c.stop() // they are done
		}
	}
	if err := confine(loadCore); err != nil {
		return err
	}
	idle := func(ctx context.Context, c *contestant) ([]float64, error) { return b.p99(ctx, c, b.duration/2, nil) }
	for round := range b.rounds {
		b.say("round %d: a signed zone that is idle", round+1)
		b.take(ctx, &job{rows: []string{rowSignedIdle}, measure: idle}, us)
	}
	settings := map[string]any{"soa": map[string]any{"expire": 1209600}}
	if err := us.api.send(ctx, http.MethodPatch, "/zones/"+us.api.zone+"/dns_settings", settings, nil); err != nil {
		return err
	}
	for begin := time.Now(); ; {
		yes, err := us.api.signing(ctx)
		if err != nil {
			return err
		}
		if yes {
			break
		}
		if time.Since(begin) > time.Minute {
			return fmt.Errorf("%w: nothing is signed", errLate)
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	for round := range b.rounds {
		b.say("round %d: a signed zone whose signatures are made anew", round+1)
		b.take(ctx, &job{rows: []string{rowRenewing}, measure: func(ctx context.Context, c *contestant) ([]float64, error) {
			v, err := idle(ctx, c)
			if err != nil {
				return nil, err
			}
			if yes, err := us.api.signing(ctx); err != nil || !yes {
				return nil, errors.Join(err, fmt.Errorf("%w: the zone was signed before the load ended", errLate))
			}
			return v, nil
		}}, us)
	}
	return ctx.Err()
}

// signing says whether the large zone is being signed.
func (a *api) signing(ctx context.Context) (bool, error) {
	own := *a
	own.base = strings.TrimSuffix(a.base, "/client/v4") + "/headwater/v1"
	var zone struct{ Progress json.RawMessage }
	err := own.do(ctx, http.MethodGet, "/zones/"+a.zone+"/dnssec", "", http.NoBody, &zone)
	return len(zone.Progress) > 0 && string(zone.Progress) != "null", err
}
