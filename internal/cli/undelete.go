package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/headwaterdns/headwater/internal/client"
)

type zoneUndeleteCmd struct {
	clientFlags
	Name   string `arg:"" optional:"" help:"The zone; without it those that can come back are listed."`
	ID     string `help:"Its id, where several zones of that name were deleted; default is the one that was deleted last." placeholder:"ID"`
	DryRun bool   `help:"Only say whether it can come back."`
	Note   string `help:"Why, for the history."`
}

// Help shows an example.
func (*zoneUndeleteCmd) Help() string {
	return "A deleted zone can come back for 14 days, with its records, keys, links and history.\n\nExample: headwater zone undelete example.com"
}

// deletedAnswer is a zone that can come back.
type deletedAnswer struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Deleted time.Time `json:"deleted_on"`
	Until   time.Time `json:"until"`
	Records int       `json:"records"`
	account string
}

// Run brings a zone back, or lists those that can.
func (c *zoneUndeleteCmd) Run(ctx context.Context, s *streams) error {
	r := c.remote()
	r.Note = c.Note
	list, err := c.deleted(ctx, r)
	if err != nil {
		return err
	}
	if c.Name == "" {
		w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ZONE\tRECORDS\tDELETED\tUNTIL\tID")
		for _, z := range list {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", z.Name, z.Records, z.Deleted.Format(time.DateTime), z.Until.Format(time.DateTime), z.ID)
		}
		return w.Flush()
	}
	for _, z := range list {
		if !strings.EqualFold(z.Name, strings.TrimSuffix(c.Name, ".")) || c.ID != "" && c.ID != z.ID {
			continue
		}
		a, err := r.Call(ctx, http.MethodPost, ownRoot+"/accounts/"+z.account+"/deleted_zones/"+z.ID+"/undelete", map[string]any{"dry_run": c.DryRun}, nil)
		if err != nil {
			return err
		}
		for _, m := range a.Messages {
			fmt.Fprintln(s.err, m.Message)
		}
		if c.DryRun {
			_, err = fmt.Fprintf(s.out, "%s can come back\n", z.Name)
			return err
		}
		_, err = fmt.Fprintf(s.out, "%s is back, with %d records\n", z.Name, z.Records)
		return err
	}
	return fmt.Errorf("no deleted zone %s can come back", c.Name)
}

// deleted lists the deleted zones of all accounts that the token reaches, of each the newest first.
func (c *zoneUndeleteCmd) deleted(ctx context.Context, r *client.Client) (out []deletedAnswer, err error) {
	type account struct {
		ID string `json:"id"`
	}
	accounts, err := client.All[account](ctx, r, "/accounts")
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		list, err := client.All[deletedAnswer](ctx, r, ownRoot+"/accounts/"+a.ID+"/deleted_zones")
		if err != nil {
			return nil, err
		}
		for i := range list {
			list[i].account = a.ID
		}
		out = append(out, list...)
	}
	return out, nil
}
