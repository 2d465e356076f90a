package api_test

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// num is a number as answers hold it.
func num(n int) json.Number { return json.Number(strconv.Itoa(n)) }

// watched lends the API what a running node knows of secondaries.
func watched(known *api.Secondaries, found *model.Review) option {
	return func(c *api.Config) {
		c.Secondaries = func(context.Context, model.Zone) (api.Secondaries, error) { return *known, nil }
		c.Live = func(context.Context, *model.Zone, api.LiveWanted) (api.Liveness, error) {
			return api.Liveness{Live: true}, nil
		}
		c.Review = func(context.Context, model.Zone) (model.Review, error) { return *found, nil }
	}
}
