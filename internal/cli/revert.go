package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

type zoneRevertCmd struct {
	clientFlags
	Name         string `arg:"" help:"The zone."`
	To           string `arg:"" help:"A serial, a time as in 2026-11-28T20:00:00Z, or, with --change, a change."`
	Change       bool   `help:"Take back this one change, and nothing else."`
	DryRun       bool   `help:"Only show what would be done."`
	KeepSettings bool   `help:"Leave the zone's settings as they are."`
	Note         string `help:"Why, for the history."`
}

// Help shows an example.
func (*zoneRevertCmd) Help() string {
	return "The zone gets a new serial. What conflicts with it is named, and nothing is changed then.\n\n" +
		"Examples: headwater zone revert example.com 2026112801 --dry-run\n          headwater zone revert example.com --change 1764374386123456_0123…"
}

// recordAnswer is a record in answers.
type recordAnswer struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Content string `json:"content"`
	TTL     uint32 `json:"ttl"`
}

func (r *recordAnswer) String() string {
	return fmt.Sprintf("%s %d %s %s", r.Name, r.TTL, r.Type, r.Content)
}

// Run reverts.
func (c *zoneRevertCmd) Run(ctx context.Context, s *streams) error {
	r := c.remote()
	r.Note = c.Note
	z, err := r.Zone(ctx, c.Name)
	if err != nil {
		return err
	}
	in := map[string]any{"dry_run": c.DryRun, "settings": !c.KeepSettings}
	switch serial, err := strconv.ParseUint(c.To, 10, 32); {
	case c.Change:
		in["change"] = c.To
	case err == nil:
		in["serial"] = serial
	case strings.Contains(c.To, "T"):
		in["time"] = c.To
	default:
		return errors.New("say a serial, a time as in 2026-11-28T20:00:00Z, or a change with --change")
	}
	var out struct {
		From    uint32 `json:"from_serial"`
		To      uint32 `json:"to_serial"`
		Records struct {
			Added   []recordAnswer `json:"added"`
			Removed []recordAnswer `json:"removed"`
			Changed []struct {
				Before recordAnswer `json:"before"`
				After  recordAnswer `json:"after"`
			} `json:"changed"`
			Total     int  `json:"total"`
			Truncated bool `json:"truncated"`
		} `json:"records"`
		Settings []struct {
			Setting string `json:"setting"`
			Before  any    `json:"before"`
			After   any    `json:"after"`
		} `json:"settings"`
		Left []string `json:"left"`
	}
	if _, err := r.Call(ctx, http.MethodPost, ownRoot+"/zones/"+z.ID+"/revert", in, &out); err != nil {
		return err
	}
	for i := range out.Records.Removed {
		fmt.Fprintln(s.out, "-"+out.Records.Removed[i].String())
	}
	for i := range out.Records.Changed {
		one := &out.Records.Changed[i]
		fmt.Fprintf(s.out, "-%s\n+%s\n", &one.Before, &one.After)
	}
	for i := range out.Records.Added {
		fmt.Fprintln(s.out, "+"+out.Records.Added[i].String())
	}
	for _, one := range out.Settings {
		fmt.Fprintf(s.out, "; %s: %v -> %v\n", one.Setting, one.Before, one.After)
	}
	if len(out.Left) > 0 {
		fmt.Fprintf(s.err, "Left as they are: %s\n", strings.Join(out.Left, ", "))
	}
	switch {
	case out.Records.Total+len(out.Settings) == 0:
		fmt.Fprintln(s.err, "There is nothing to be done.")
	case c.DryRun:
		fmt.Fprintf(s.err, "Nothing was changed; it would be %d records and %d settings.\n", out.Records.Total, len(out.Settings))
	default:
		fmt.Fprintf(s.err, "%d records and %d settings, serial %d -> %d\n", out.Records.Total, len(out.Settings), out.From, out.To)
	}
	return nil
}
