package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/schollz/progressbar/v3"
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

// copier copies from one server to another. Objects of the account are made once and known by their name.
type copier struct {
	from, to *remote
	dry      bool
	lenient  bool // leave out lines that cannot be imported
	bare     bool // leave out what belongs to transfers
	// told hears of each step, and read of how many octets of zone file came.
	told     func(text string)
	read     func(octets int64)
	made     func(zone string) // hears of the id of the target's zone
	notes    []remoteMessage   // of lines
	account  string            // of the target
	ids      map[string]string // object ids of the source to those of the target
	accounts map[string]bool   // source accounts whose objects are copied
}

// Run copies.
func (c *importCloudflareCmd) Run(ctx context.Context, s *streams) error {
	k := &copier{
		from: newRemote(c.From, c.Token), to: newRemote(c.Server, c.ServerToken), dry: c.DryRun,
		told: func(text string) { fmt.Fprintln(s.out, text) },
		ids:  map[string]string{}, accounts: map[string]bool{},
	}
	accounts, err := all[remoteZone](ctx, k.to, "/accounts")
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if len(accounts) == 0 {
		return errors.New("target: the token reaches no account")
	}
	k.account = accounts[0].ID
	zones, err := k.zones(ctx, c.Zone)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	bar := progressbar.NewOptions(len(zones), progressbar.OptionSetWriter(s.err), progressbar.OptionSetDescription("zones"), progressbar.OptionClearOnFinish())
	for _, z := range zones {
		if err := k.copyZone(ctx, &z); err != nil {
			return fmt.Errorf("%s: %w", z.Name, err)
		}
		for _, n := range k.notes {
			fmt.Fprintln(s.out, " ", n.Message)
		}
		k.notes = nil
		_ = bar.Add(1)
	}
	return nil
}

func (k *copier) zones(ctx context.Context, names []string) ([]remoteZone, error) {
	if len(names) == 0 {
		return all[remoteZone](ctx, k.from, "/zones")
	}
	var out []remoteZone
	for _, n := range names {
		z, err := k.from.zone(ctx, n)
		if err != nil {
			return nil, err
		}
		out = append(out, *z)
	}
	return out, nil
}

func (k *copier) say(format string, args ...any) {
	if k.dry {
		format = "would " + format
	}
	k.told(fmt.Sprintf(format, args...))
}

func (k *copier) copyZone(ctx context.Context, z *remoteZone) error {
	if !k.bare {
		if err := k.copyAccount(ctx, z.Account.ID); err != nil {
			return err
		}
	}
	target, err := k.to.zone(ctx, z.Name)
	if errors.Is(err, errNoZone) {
		k.say("create zone %s", z.Name)
		target, err = &remoteZone{}, nil
		if !k.dry {
			body := map[string]any{"name": z.Name, "account": map[string]string{"id": k.account}, "type": "full"}
			_, err = k.to.call(ctx, http.MethodPost, "/zones", body, target)
		}
	}
	if err != nil {
		return err
	}
	if k.made != nil {
		k.made(target.ID)
	}
	if err := k.copySettings(ctx, z, target); err != nil {
		return err
	}
	if err := k.copyRecords(ctx, z, target); err != nil || k.bare {
		return err
	}
	return k.copyOutgoing(ctx, z, target)
}

func (k *copier) copySettings(ctx context.Context, z, target *remoteZone) error {
	var settings map[string]json.RawMessage
	if _, err := k.from.call(ctx, http.MethodGet, "/zones/"+z.ID+"/dns_settings", nil, &settings); err != nil {
		return skipMissing(err)
	}
	// Which servers a zone has is the target's own matter.
	delete(settings, "nameservers")
	delete(settings, "foundation_dns")
	k.say("copy DNS settings of %s", z.Name)
	if k.dry {
		return nil
	}
	_, err := k.to.call(ctx, http.MethodPatch, "/zones/"+target.ID+"/dns_settings", settings, nil)
	return err
}

// copyRecords goes by the zone file, which carries comments, tags and the proxy switch.
func (k *copier) copyRecords(ctx context.Context, z, target *remoteZone) error {
	body, err := k.from.raw(ctx, http.MethodGet, "/zones/"+z.ID+"/dns_records/export", "", nil)
	if err != nil {
		return err
	}
	defer body.Close()
	if k.dry {
		file, err := io.ReadAll(body)
		k.say("import the records of %s (%d octets of zone file)", z.Name, len(file))
		return err
	}
	var file io.Reader = body
	if k.read != nil {
		file = &counted{r: body, told: k.read}
	}
	res, notes, err := k.to.importFile(ctx, target.ID, file, false, k.lenient)
	if err != nil {
		return err
	}
	k.notes = append(k.notes, notes...)
	k.say("imported %d of %d records of %s", res.Added, res.Parsed, z.Name)
	return nil
}

// kinds of objects that accounts hold, in the order in which they need each other.
func accountKinds() []string { return []string{"tsigs", "peers", "acls"} }

func (k *copier) copyAccount(ctx context.Context, account string) error {
	if k.accounts[account] {
		return nil
	}
	k.accounts[account] = true
	for _, kind := range accountKinds() {
		var list, have []map[string]any
		if _, err := k.from.call(ctx, http.MethodGet, "/accounts/"+account+"/secondary_dns/"+kind, nil, &list); err != nil {
			if err := skipMissing(err); err != nil {
				return err
			}
			continue
		}
		path := "/accounts/" + k.account + "/secondary_dns/" + kind
		if _, err := k.to.call(ctx, http.MethodGet, path, nil, &have); err != nil {
			return err
		}
		for _, o := range list {
			if err := k.copyObject(ctx, path, kind, o, have); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *copier) copyObject(ctx context.Context, path, kind string, o map[string]any, have []map[string]any) error {
	id, _ := o["id"].(string)
	for _, h := range have {
		if h["name"] == o["name"] {
			k.ids[id], _ = h["id"].(string)
			return nil
		}
	}
	delete(o, "id")
	if old, ok := o["tsig_id"].(string); ok && old != "" {
		o["tsig_id"] = k.ids[old]
	}
	k.say("create %s %v", kind[:len(kind)-1], o["name"])
	if k.dry {
		return nil
	}
	var made struct {
		ID string `json:"id"`
	}
	if _, err := k.to.call(ctx, http.MethodPost, path, o, &made); err != nil {
		return err
	}
	k.ids[id] = made.ID
	return nil
}

// copyOutgoing copies links, and leaves the switch off: who hands out a zone is the operator's decision.
func (k *copier) copyOutgoing(ctx context.Context, z, target *remoteZone) error {
	var out struct {
		Name  string   `json:"name"`
		Peers []string `json:"peers"`
	}
	if _, err := k.from.call(ctx, http.MethodGet, "/zones/"+z.ID+"/secondary_dns/outgoing", nil, &out); err != nil {
		return skipMissing(err)
	}
	k.say("link %d peers to %s", len(out.Peers), z.Name)
	if k.dry {
		return nil
	}
	for i, p := range out.Peers {
		out.Peers[i] = k.ids[p]
	}
	_, err := k.to.call(ctx, http.MethodPost, "/zones/"+target.ID+"/secondary_dns/outgoing", out, nil)
	var refused *remoteError
	if errors.As(err, &refused) && bytes.Contains([]byte(refused.Error()), []byte("13033")) {
		return nil // linked before
	}
	return err
}

// skipMissing passes over what the source does not have or does not let us see.
func skipMissing(err error) error {
	var refused *remoteError
	if errors.As(err, &refused) && (refused.status == http.StatusNotFound || refused.status == http.StatusForbidden) {
		return nil
	}
	return err
}
