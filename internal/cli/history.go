package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// changeAnswer is a change as a server tells it.
type changeAnswer struct {
	ID    string    `json:"id"`
	When  time.Time `json:"when"`
	From  uint32    `json:"from_serial"`
	To    uint32    `json:"to_serial"`
	Actor struct {
		Email   string `json:"email"`
		Context string `json:"context"`
		Token   string `json:"token_id"`
		IP      string `json:"ip"`
	} `json:"actor"`
	Note    string `json:"note"`
	What    string `json:"what"`
	Records struct {
		Added   int `json:"added"`
		Changed int `json:"changed"`
		Removed int `json:"removed"`
	} `json:"records"`
	Imported int      `json:"imported"`
	Settings []string `json:"settings"`
	First    []string `json:"first"`
}

type zoneHistoryCmd struct {
	clientFlags
	Name  string `arg:"" help:"The zone."`
	Limit int    `help:"How many changes to show, newest first." default:"20"`
}

// Help shows an example.
func (*zoneHistoryCmd) Help() string { return "Example: headwater zone history example.com --limit 50" }

// historyPage is the most that a server tells at once.
const historyPage = 200

// Run shows who changed what.
func (c *zoneHistoryCmd) Run(ctx context.Context, s *streams) error {
	r := c.remote()
	z, err := r.Zone(ctx, c.Name)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHEN\tSERIAL\tWHO\tWHAT\tNOTE\tCHANGE")
	query := url.Values{}
	for left := c.Limit; left > 0; {
		query.Set("limit", strconv.Itoa(min(left, historyPage)))
		var list []changeAnswer
		a, err := r.Call(ctx, http.MethodGet, ownRoot+"/zones/"+z.ID+"/history?"+query.Encode(), nil, &list)
		if err != nil {
			return err
		}
		for i := range list {
			one := &list[i]
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", one.When.Format(time.DateTime), one.serials(), one.who(), one.did(), one.Note, one.ID)
		}
		after := a.ResultInfo.Cursors.After
		if left -= len(list); after == "" || len(list) == 0 {
			break
		}
		query.Set("cursor", after)
	}
	return w.Flush()
}

func (c *changeAnswer) serials() string {
	if c.From == c.To {
		return strconv.FormatUint(uint64(c.To), 10)
	}
	return fmt.Sprintf("%d -> %d", c.From, c.To)
}

func (c *changeAnswer) who() string {
	if c.Actor.Email == "" {
		return c.Actor.Context
	}
	return c.Actor.Email
}

func (c *changeAnswer) did() string {
	var parts []string
	for _, n := range []struct {
		count int
		sign  string
	}{{c.Records.Added + c.Imported, "+"}, {c.Records.Changed, "~"}, {c.Records.Removed, "-"}} {
		if n.count > 0 {
			parts = append(parts, n.sign+strconv.Itoa(n.count))
		}
	}
	switch {
	case len(c.First) > 0:
		parts = append(parts, c.First[0])
	case len(c.Settings) > 0:
		parts = append(parts, strings.Join(c.Settings, ", "))
	}
	return strings.TrimSpace(c.What + " " + strings.Join(parts, " "))
}

type zoneDiffCmd struct {
	clientFlags
	Name string `arg:"" help:"The zone."`
	From string `arg:"" help:"A serial, or a time as in 2026-11-28T20:00:00Z."`
	To   string `arg:"" optional:"" help:"Another; default is now."`
	Face string `help:"Whose view to show: what secondaries get (transfer), or what is answered (served)." enum:"transfer,served" default:"transfer"`
}

// Help shows an example.
func (*zoneDiffCmd) Help() string {
	return "Lines of a zone file, with - in front of what is gone and + in front of what has come.\n\nExample: headwater zone diff example.com 2026112801"
}

// diffAnswer is what two versions differ in.
type diffAnswer struct {
	From     versionAnswer `json:"from"`
	To       versionAnswer `json:"to"`
	Settings []struct {
		Setting string `json:"setting"`
		Before  any    `json:"before"`
		After   any    `json:"after"`
	} `json:"settings"`
	Served   faceAnswer `json:"served"`
	Transfer faceAnswer `json:"transfer"`
}

type versionAnswer struct {
	Serial uint32 `json:"serial"`
}

type faceAnswer struct {
	Removed   []string `json:"removed"`
	Added     []string `json:"added"`
	Truncated bool     `json:"truncated"`
}

// Run shows what two versions differ in.
func (c *zoneDiffCmd) Run(ctx context.Context, s *streams) error {
	r := c.remote()
	z, err := r.Zone(ctx, c.Name)
	if err != nil {
		return err
	}
	query := url.Values{"from": {c.From}, "limit": {"10000"}}
	if c.To != "" {
		query.Set("to", c.To)
	}
	var d diffAnswer
	if _, err := r.Call(ctx, http.MethodGet, ownRoot+"/zones/"+z.ID+"/diff?"+query.Encode(), nil, &d); err != nil {
		return err
	}
	f := d.Transfer
	if c.Face == "served" {
		f = d.Served
	}
	fmt.Fprintf(s.out, "--- %s serial %d\n+++ %s serial %d\n", c.Name, d.From.Serial, c.Name, d.To.Serial)
	for _, one := range d.Settings {
		fmt.Fprintf(s.out, "; %s: %v -> %v\n", one.Setting, one.Before, one.After)
	}
	for _, l := range f.Removed {
		fmt.Fprintln(s.out, "-"+l)
	}
	for _, l := range f.Added {
		fmt.Fprintln(s.out, "+"+l)
	}
	if f.Truncated {
		fmt.Fprintln(s.err, "There is more; compare versions that are nearer to each other.")
	}
	return nil
}

type zoneAtCmd struct {
	clientFlags
	Name    string `arg:"" help:"The zone."`
	Version string `arg:"" help:"A serial, or a time as in 2026-11-28T20:00:00Z."`
}

// Help shows an example.
func (*zoneAtCmd) Help() string {
	return "Example: headwater zone at example.com 2026112801 >then.zone"
}

// Run writes a zone as it was, as a zone file.
func (c *zoneAtCmd) Run(ctx context.Context, s *streams) error {
	r := c.remote()
	z, err := r.Zone(ctx, c.Name)
	if err != nil {
		return err
	}
	body, err := r.Raw(ctx, http.MethodGet, ownRoot+"/zones/"+z.ID+"/at/"+url.PathEscape(c.Version), "", nil)
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(s.out, body)
	return err
}
