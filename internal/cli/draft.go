package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/headwaterdns/headwater/internal/client"
)

// zoneDraftCmd are the verbs on a zone's drafts.
type zoneDraftCmd struct {
	List    draftListCmd    `cmd:"" help:"List the drafts of a zone."`
	New     draftNewCmd     `cmd:"" help:"Make a draft."`
	Show    draftShowCmd    `cmd:"" help:"Show what a draft would do."`
	Add     draftAddCmd     `cmd:"" help:"Put a new record into a draft."`
	Remove  draftRemoveCmd  `cmd:"" help:"Have a draft remove records."`
	Import  draftImportCmd  `cmd:"" help:"Put a zone file's records into a draft."`
	Approve draftApproveCmd `cmd:"" help:"Approve a draft in which you have no part."`
	Apply   draftApplyCmd   `cmd:"" help:"Do what a draft says, now or at a time."`
	Drop    draftDropCmd    `cmd:"" help:"Remove a draft."`
}

// draftOf says which draft a verb is about.
type draftOf struct {
	clientFlags
	Zone  string `arg:"" help:"The zone."`
	Draft string `arg:"" help:"The draft, by its name or id."`
}

// draftState is what the server says of a draft.
type draftState struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	State    string     `json:"state"`
	Version  int        `json:"version"`
	Serial   uint32     `json:"serial"`
	Failure  string     `json:"failure"`
	ApplyAt  *time.Time `json:"apply_at"`
	Modified time.Time  `json:"modified_on"`
	By       struct {
		Email string `json:"email"`
	} `json:"created_by"`
	Needs bool `json:"needs_approval"`
}

func draftsPath(zone string) string { return "/headwater/v1/zones/" + zone + "/drafts" }

var errNoDraft = errors.New("the zone has no such draft, or several of that name")

// find gives a server, the zone's id, and the draft.
func (c *draftOf) find(ctx context.Context) (r *client.Client, zone string, d draftState, err error) {
	r = c.remote()
	z, err := r.Zone(ctx, c.Zone)
	if err != nil {
		return nil, "", d, err
	}
	all, err := client.All[draftState](ctx, r, draftsPath(z.ID))
	if err != nil {
		return nil, "", d, err
	}
	found := 0
	for _, one := range all {
		if one.ID == c.Draft || one.Name == c.Draft && one.State != "applied" {
			d, found = one, found+1
		}
	}
	if found != 1 {
		return nil, "", d, fmt.Errorf("%s: %w", c.Draft, errNoDraft)
	}
	return r, z.ID, d, nil
}

type draftListCmd struct {
	clientFlags
	Zone string `arg:"" help:"The zone."`
}

// Help shows an example.
func (*draftListCmd) Help() string { return "Example: headwater zone draft list example.com" }

// Run prints a line for each draft.
func (c *draftListCmd) Run(ctx context.Context, s *streams) error {
	r := c.remote()
	z, err := r.Zone(ctx, c.Zone)
	if err != nil {
		return err
	}
	all, err := client.All[draftState](ctx, r, draftsPath(z.ID))
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for i := range all {
		d := &all[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", d.ID, d.Name, d.text(), d.By.Email)
	}
	return w.Flush()
}

// text is a draft's state in words.
func (d *draftState) text() string {
	switch {
	case d.State == "scheduled" && d.ApplyAt != nil:
		return "scheduled for " + d.ApplyAt.Format(time.RFC3339)
	case d.State == "applied":
		return fmt.Sprint("applied, serial ", d.Serial)
	case d.Failure != "":
		return d.State + ": " + d.Failure
	case d.State == "open" && d.Needs:
		return "open, needs approval"
	}
	return d.State
}

type draftNewCmd struct {
	clientFlags
	Zone  string `arg:"" help:"The zone."`
	Draft string `arg:"" help:"Its name."`
	Note  string `help:"What it is for."`
}

// Help shows an example.
func (*draftNewCmd) Help() string {
	return `Example: headwater zone draft new example.com "new mail server"`
}

// Run makes a draft.
func (c *draftNewCmd) Run(ctx context.Context, s *streams) error {
	r := c.remote()
	z, err := r.Zone(ctx, c.Zone)
	if err != nil {
		return err
	}
	var d draftState
	if _, err := r.Call(ctx, http.MethodPost, draftsPath(z.ID), map[string]string{"name": c.Draft, "note": c.Note}, &d); err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, d.ID)
	return err
}

type draftShowCmd struct{ draftOf }

// Help shows an example.
func (*draftShowCmd) Help() string {
	return `Example: headwater zone draft show example.com "new mail server"`
}

// Run prints what the draft would do. Clashes with what the zone has become are exit status 1.
func (c *draftShowCmd) Run(ctx context.Context, s *streams) error {
	r, zone, d, err := c.find(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s: %s\n", d.Name, d.text())
	if d.State == "applied" {
		return nil
	}
	var p plan
	if _, err := r.Call(ctx, http.MethodGet, draftsPath(zone)+"/"+d.ID+"/plan", nil, &p); err != nil {
		return err
	}
	if err := p.write(s.out); err != nil || len(p.Clashes) == 0 {
		return err
	}
	return exitStatus(1)
}

type draftAddCmd struct {
	draftOf
	Type     string `arg:"" help:"Type of the record."`
	Record   string `arg:"" help:"Its name, in the zone; @ is the zone itself."`
	Content  string `arg:"" help:"Its content."`
	TTL      int    `default:"1" help:"Seconds; 1 is automatic."`
	Priority int    `default:"-1" help:"Of MX, SRV and URI records; -1: none."`
	Proxied  bool   `help:"Answer with edge addresses."`
	Comment  string `help:"What is kept beside the record."`
}

// Help shows an example.
func (*draftAddCmd) Help() string {
	return `Example: headwater zone draft add example.com "new mail server" MX @ mail.example.com --priority 10`
}

// Run puts a record into the draft.
func (c *draftAddCmd) Run(ctx context.Context, s *streams) error {
	r, zone, d, err := c.find(ctx)
	if err != nil {
		return err
	}
	body := map[string]any{"type": strings.ToUpper(c.Type), "name": c.Record, "content": c.Content, "ttl": c.TTL}
	if c.Priority >= 0 {
		body["priority"] = c.Priority
	}
	if c.Proxied {
		body["proxied"] = true
	}
	if c.Comment != "" {
		body["comment"] = c.Comment
	}
	var p plan
	if _, err := r.With(intoDraft, d.ID).Call(ctx, http.MethodPost, "/zones/"+zone+"/dns_records", body, &p); err != nil {
		return err
	}
	return p.write(s.out)
}

type draftRemoveCmd struct {
	draftOf
	Type    string `arg:"" help:"Type of the records."`
	Record  string `arg:"" help:"Their name."`
	Content string `arg:"" optional:"" help:"Content of the one that is meant; default: all of the name and type."`
}

// Help shows an example.
func (*draftRemoveCmd) Help() string {
	return `Example: headwater zone draft remove example.com "new mail server" A old.example.com`
}

// Run has the draft remove records of the zone.
func (c *draftRemoveCmd) Run(ctx context.Context, s *streams) error {
	r, zone, d, err := c.find(ctx)
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(c.Record, ".")
	if name == "@" {
		name = c.Zone
	}
	query := url.Values{"type": {strings.ToUpper(c.Type)}, "name.exact": {name}}
	if c.Content != "" {
		query.Set("content.exact", c.Content)
	}
	found, err := client.All[struct {
		ID string `json:"id"`
	}](ctx, r, "/zones/"+zone+"/dns_records?"+query.Encode())
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return errors.New("the zone has no such record")
	}
	var p plan
	if _, err := r.With(intoDraft, d.ID).Call(ctx, http.MethodPost, "/zones/"+zone+"/dns_records/batch", map[string]any{"deletes": found}, &p); err != nil {
		return err
	}
	return p.write(s.out)
}

type draftImportCmd struct {
	draftOf
	File string `arg:"" help:"Zone file; - is standard input."`
}

// Help shows an example.
func (*draftImportCmd) Help() string {
	return `Example: headwater zone draft import example.com "new mail server" mail.zone`
}

// Run puts a file's records into the draft.
func (c *draftImportCmd) Run(ctx context.Context, s *streams) error {
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	r, zone, d, err := c.find(ctx)
	if err != nil {
		return err
	}
	var p plan
	if _, err := r.With(intoDraft, d.ID).SendFile(ctx, zone, in, false, false, &p); err != nil {
		return err
	}
	return p.write(s.out)
}

type draftApproveCmd struct{ draftOf }

// Help shows an example.
func (*draftApproveCmd) Help() string {
	return `Example: headwater zone draft approve example.com "new mail server"`
}

// Run approves the draft as it is now.
func (c *draftApproveCmd) Run(ctx context.Context, s *streams) error {
	return c.post(ctx, s, "approve", map[string]any{})
}

// post asks for something to be done with the draft as it is now.
func (c *draftOf) post(ctx context.Context, s *streams, what string, body map[string]any) error {
	r, zone, d, err := c.find(ctx)
	if err != nil {
		return err
	}
	body["version"] = d.Version
	if _, err := r.Call(ctx, http.MethodPost, draftsPath(zone)+"/"+d.ID+"/"+what, body, &d); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s: %s\n", d.Name, d.text())
	return err
}

type draftApplyCmd struct {
	draftOf
	At string `help:"When, such as 2026-12-24T20:00:00Z; default: now." placeholder:"TIME"`
}

// Help shows an example.
func (*draftApplyCmd) Help() string {
	return `Example: headwater zone draft apply example.com "new mail server" --at 2026-12-24T20:00:00Z`
}

// Run applies the draft, or has it applied.
func (c *draftApplyCmd) Run(ctx context.Context, s *streams) error {
	body := map[string]any{}
	if c.At != "" {
		body["at"] = c.At
	}
	return c.post(ctx, s, "apply", body)
}

type draftDropCmd struct{ draftOf }

// Help shows an example.
func (*draftDropCmd) Help() string {
	return `Example: headwater zone draft drop example.com "new mail server"`
}

// Run removes the draft.
func (c *draftDropCmd) Run(ctx context.Context, _ *streams) error {
	r, zone, d, err := c.find(ctx)
	if err != nil {
		return err
	}
	_, err = r.Call(ctx, http.MethodDelete, draftsPath(zone)+"/"+d.ID, nil, nil)
	return err
}
