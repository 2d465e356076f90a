package api

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// LiveJSON tells who serves a zone as it was waited for.
type LiveJSON struct {
	Zone    model.ID         `json:"zone_id"`
	Live    bool             `json:"live"`
	Serial  uint32           `json:"serial"`      // that was waited for
	Ours    uint32           `json:"zone_serial"` // of the zone now
	Waited  float64          `json:"waited"`      // seconds
	Missing []string         `json:"missing"`
	Servers []LiveServerJSON `json:"servers"`
	Trouble string           `json:"trouble,omitempty"`
}

// LiveServerJSON is one of those who are to serve it.
type LiveServerJSON struct {
	Name    string         `json:"name"`
	Kind    string         `json:"kind"`
	Address string         `json:"address"`
	State   SecondaryState `json:"state"`
	Cause   string         `json:"cause"`
	Serial  *uint32        `json:"serial"`
	Seen    Stamp          `json:"seen_on"`
	Live    bool           `json:"live"`
}

// The kinds of servers.
const (
	serverOfUs  = "peer"
	serverOfAll = "name_server"
)

var errRange = errors.New("out of range")

// ReadWait reads how long to wait.
func ReadWait(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err == nil && (d < 0 || d > LiveMost) {
		err = errRange
	}
	return d, err
}

// ReadQuorum reads at how many servers; 0 is all.
func ReadQuorum(s string) (int, error) {
	if s == "all" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err == nil && (n < 1 || n > quorumMost) {
		err = errRange
	}
	return n, err
}

// AwaitLive waits until a zone is served as wanted, or the context ends.
func (q *Request) AwaitLive(ctx context.Context, z *model.Zone, want LiveWanted) (*LiveJSON, error) {
	begin := time.Now()
	is, err := q.API.Live(ctx, z, want)
	if err != nil {
		return nil, OrMissing(err, model.CodeZoneInvalid, "Invalid zone identifier")
	}
	out := &LiveJSON{
		Zone: z.ID, Live: is.Live, Serial: want.Serial, Ours: is.Serial, Waited: float64(time.Since(begin).Milliseconds()) / 1000, Missing: []string{},
	}
	out.Servers = Each(is.Servers, func(s *LiveServer) LiveServerJSON {
		kind := serverOfAll
		if s.Peer {
			kind = serverOfUs
		}
		if !s.Live && !slices.Contains(out.Missing, s.Name) {
			out.Missing = append(out.Missing, s.Name)
		}
		return LiveServerJSON{s.Name, kind, s.Address, s.State, s.Cause, s.Serial, Stamp(s.Seen), s.Live}
	})
	return out, nil
}
