package transfer

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// readLive reads what is waited for, and for how long.
func readLive(v url.Values, serial uint32) (want api.LiveWanted, wait time.Duration, err error) {
	want, wait = api.LiveWanted{Serial: serial}, api.LiveWait
	if s := api.Last(v, "serial"); s != "" {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return want, wait, api.Invalid(model.CodeRequestInvalid, "", "serial must be a whole number from 0 to 4294967295.")
		}
		want.Serial = uint32(n)
	}
	if s := api.Last(v, "wait"); s != "" {
		if wait, err = api.ReadWait(s); err != nil {
			return want, wait, api.Invalid(model.CodeRequestInvalid, "", "wait must be a time from 0s to 5m, as in 30s.")
		}
	}
	if s := api.Last(v, "quorum"); s != "" {
		if want.Quorum, err = api.ReadQuorum(s); err != nil {
			return want, wait, api.Invalid(model.CodeRequestInvalid, "", "quorum must be all, or a number of servers from 1 to 1000.")
		}
	}
	return want, wait, nil
}

// awaitLive answers when a zone is served everywhere, or when that took too long.
func awaitLive(a *api.API, q *api.Request) error {
	if a.Live == nil {
		return api.NotHere()
	}
	want, wait, err := readLive(q.R.URL.Query(), q.Zone.Serial)
	if err != nil {
		return err
	}
	return q.Waiting(func() error {
		ctx, cancel := context.WithTimeout(q.Ctx(), wait)
		defer cancel()
		out, err := q.AwaitLive(ctx, &q.Zone, want)
		if err != nil {
			return err
		}
		return q.OK(out)
	})
}
