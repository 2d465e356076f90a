package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"
)

type zoneWaitCmd struct {
	clientFlags
	Name    string        `arg:"" help:"The zone."`
	Serial  string        `help:"Wait for this serial, or a later one; default: that of the zone now." placeholder:"N"`
	Quorum  string        `help:"How many servers have to serve it." default:"all" placeholder:"N"`
	Timeout time.Duration `help:"How long to wait." default:"30s"`
}

// Help shows an example.
func (*zoneWaitCmd) Help() string {
	return "The exit status is 0 as soon as the zone's linked peers, and the names of its NS RRset where the server asks those, answer with the serial, and 1 " +
		"when the time is over or something fails; who is missing is printed then.\n\nExample: headwater zone wait example.com --timeout 2m"
}

// waitMost is the longest that a server has one request wait.
const waitMost = 5 * time.Minute

// liveAnswer is what a server says of who serves a zone.
type liveAnswer struct {
	Live       bool   `json:"live"`
	Serial     uint32 `json:"serial"`
	ZoneSerial uint32 `json:"zone_serial"`
	Servers    []struct {
		Name    string `json:"name"`
		Kind    string `json:"kind"`
		Address string `json:"address"`
		State   string `json:"state"`
		Cause   string `json:"cause"`
		Serial  *int64 `json:"serial"`
		Live    bool   `json:"live"`
	} `json:"servers"`
}

// Run waits. What takes longer than one request may is asked for again, for the serial of the first.
func (c *zoneWaitCmd) Run(ctx context.Context, s *streams) error {
	r := c.remote()
	z, err := r.Zone(ctx, c.Name)
	if err != nil {
		return err
	}
	query := url.Values{"quorum": {c.Quorum}, "serial": {c.Serial}}
	end := time.Now().Add(c.Timeout)
	for {
		query.Set("wait", min(max(time.Until(end), 0), waitMost).Round(time.Millisecond).String())
		var is liveAnswer
		if _, err := r.Call(ctx, http.MethodGet, "/headwater/v1/zones/"+z.ID+"/live?"+query.Encode(), nil, &is); err != nil {
			return err
		}
		if is.Live {
			_, err := fmt.Fprintf(s.out, "%s: serial %d is live on %d of %d\n", c.Name, is.Serial, len(is.Servers)-is.missing(nil), len(is.Servers))
			return err
		}
		if time.Until(end) <= 0 {
			return c.missing(s, &is)
		}
		query.Set("serial", strconv.FormatUint(uint64(is.Serial), 10))
	}
}

// missing counts those that do not serve the zone as wanted, and shows each.
func (a *liveAnswer) missing(show func(i int)) (n int) {
	for i := range a.Servers {
		if a.Servers[i].Live {
			continue
		}
		if n++; show != nil {
			show(i)
		}
	}
	return n
}

func (c *zoneWaitCmd) missing(s *streams, is *liveAnswer) error {
	fmt.Fprintf(s.err, "%s: serial %d is not live; the zone here has %d\n", c.Name, is.Serial, is.ZoneSerial)
	w := tabwriter.NewWriter(s.err, 0, 0, 2, ' ', 0)
	is.missing(func(i int) {
		m := &is.Servers[i]
		fmt.Fprintf(w, "missing\t%s\t%s\t%s\t%s\t%s\n", m.Name, m.Address, serialText(m.Serial), m.State, m.Cause)
	})
	if err := w.Flush(); err != nil {
		return err
	}
	return exitStatus(1)
}
