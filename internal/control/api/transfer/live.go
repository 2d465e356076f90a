package transfer

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// Bounds of waiting for a zone.
const (
	liveWait    = 30 * time.Second // without another wish
	liveMost    = 5 * time.Minute
	quorumMost  = 1000
	serverOfUs  = "peer"
	serverOfAll = "name_server"
)

type liveJSON struct {
	Zone    model.ID         `json:"zone_id"`
	Live    bool             `json:"live"`
	Serial  uint32           `json:"serial"`      // that was waited for
	Ours    uint32           `json:"zone_serial"` // of the zone now
	Waited  float64          `json:"waited"`      // seconds
	Missing []string         `json:"missing"`
	Servers []liveServerJSON `json:"servers"`
}

type liveServerJSON struct {
	Name    string             `json:"name"`
	Kind    string             `json:"kind"`
	Address string             `json:"address"`
	State   api.SecondaryState `json:"state"`
	Cause   string             `json:"cause"`
	Serial  *uint32            `json:"serial"`
	Seen    api.Stamp          `json:"seen_on"`
	Live    bool               `json:"live"`
}

// readLive reads what is waited for, and for how long.
func readLive(v url.Values, serial uint32) (want api.LiveWanted, wait time.Duration, err error) {
	want, wait = api.LiveWanted{Serial: serial}, liveWait
	if s := api.Last(v, "serial"); s != "" {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return want, wait, api.Invalid(model.CodeRequestInvalid, "", "serial must be a whole number from 0 to 4294967295.")
		}
		want.Serial = uint32(n)
	}
	if s := api.Last(v, "wait"); s != "" {
		if wait, err = time.ParseDuration(s); err != nil || wait < 0 || wait > liveMost {
			return want, wait, api.Invalid(model.CodeRequestInvalid, "", "wait must be a time from 0s to 5m, as in 30s.")
		}
	}
	if s := api.Last(v, "quorum"); s != "" && s != "all" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > quorumMost {
			return want, wait, api.Invalid(model.CodeRequestInvalid, "", "quorum must be all, or a number of servers from 1 to 1000.")
		}
		want.Quorum = n
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
		begin := time.Now()
		ctx, cancel := context.WithTimeout(q.Ctx(), wait)
		defer cancel()
		is, err := a.Live(ctx, &q.Zone, want)
		if err != nil {
			return api.OrMissing(err, model.CodeZoneInvalid, "Invalid zone identifier")
		}
		out := liveJSON{
			Zone: q.Zone.ID, Live: is.Live, Serial: want.Serial, Ours: is.Serial, Waited: float64(time.Since(begin).Milliseconds()) / 1000, Missing: []string{},
		}
		out.Servers = api.Each(is.Servers, func(s *api.LiveServer) liveServerJSON {
			kind := serverOfAll
			if s.Peer {
				kind = serverOfUs
			}
			if !s.Live && !slices.Contains(out.Missing, s.Name) {
				out.Missing = append(out.Missing, s.Name)
			}
			return liveServerJSON{s.Name, kind, s.Address, s.State, s.Cause, s.Serial, api.Stamp(s.Seen), s.Live}
		})
		return q.OK(out)
	})
}
