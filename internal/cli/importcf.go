package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/schollz/progressbar/v3"

	"github.com/headwaterdns/headwater/internal/client"
)

type importCmd struct {
	Cloudflare importCloudflareCmd `cmd:"" help:"Copy zones from a server that speaks the Cloudflare v4 API."`
}

type importCloudflareCmd struct {
	From        string   `default:"https://api.cloudflare.com/client/v4" help:"Address of the source's API." placeholder:"URL"`
	Token       string   `required:"" help:"API token for the source." env:"CLOUDFLARE_API_TOKEN"`
	Zone        []string `help:"Zone to copy; repeatable. Default is all that the token reaches." placeholder:"NAME"`
	Server      string   `default:"http://127.0.0.1:8053" help:"Address of the Headwater to copy to." placeholder:"URL"`
	ServerToken string   `required:"" help:"API token for it." env:"HEADWATER_TOKEN"`
	DryRun      bool     `help:"Say what would be done, and do nothing."`
}

// Help shows an example.
func (*importCloudflareCmd) Help() string {
	return "Copies zones, records with comments and tags, DNS settings, TSIGs, peers, ACLs and outgoing configuration. What is there already is left alone.\n\n" +
		"Example: headwater import cloudflare --token $CLOUDFLARE_API_TOKEN --server-token $HEADWATER_TOKEN --zone example.com --dry-run"
}

// Run copies.
func (c *importCloudflareCmd) Run(ctx context.Context, s *streams) error {
	k := &client.Copier{
		From: client.New(c.From, c.Token), To: client.New(c.Server, c.ServerToken), Dry: c.DryRun,
		Told: func(text string) { fmt.Fprintln(s.out, text) },
	}
	accounts, err := client.All[client.Zone](ctx, k.To, "/accounts")
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if len(accounts) == 0 {
		return errors.New("target: the token reaches no account")
	}
	k.Account = accounts[0].ID
	zones, err := k.Zones(ctx, c.Zone)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	bar := progressbar.NewOptions(len(zones), progressbar.OptionSetWriter(s.err), progressbar.OptionSetDescription("zones"), progressbar.OptionClearOnFinish())
	for _, z := range zones {
		if err := k.Copy(ctx, &z); err != nil {
			return fmt.Errorf("%s: %w", z.Name, err)
		}
		for _, n := range k.Notes {
			fmt.Fprintln(s.out, " ", n.Message)
		}
		k.Notes = nil
		_ = bar.Add(1)
	}
	return nil
}
