package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
)

// zoneUpdatesCmd are the verbs on who may update a zone by messages (RFC 2136); without one, it shows them.
type zoneUpdatesCmd struct {
	Show   updatesShowCmd   `cmd:"" default:"withargs" help:"Show which keys may change which records by messages."`
	Allow  updatesAllowCmd  `cmd:"" help:"Let a key change records."`
	Remove updatesRemoveCmd `cmd:"" help:"Take a policy away."`
}

// updatePolicy is a policy as the server has it.
type updatePolicy struct {
	ID      string       `json:"id,omitempty"`
	TSIG    string       `json:"tsig_id"`
	Key     string       `json:"tsig_name,omitempty"`
	Names   []updateName `json:"names"`
	Types   []string     `json:"types"`
	Except  []string     `json:"types_except,omitempty"`
	Comment string       `json:"comment,omitempty"`
}

type updateName struct {
	Match string `json:"match"`
	Name  string `json:"name,omitempty"`
}

// print is a line of what a policy lets in.
func (p *updatePolicy) print(w *tabwriter.Writer) {
	var names []string
	for _, n := range p.Names {
		names = append(names, strings.TrimSpace(n.Match+" "+n.Name))
	}
	types := strings.Join(p.Types, ",")
	if types == "" {
		types = "all"
		if len(p.Except) > 0 {
			types += " but " + strings.Join(p.Except, ",")
		}
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.ID, p.Key, strings.Join(names, ", "), types, p.Comment)
}

// updatesZone is what all of them need.
type updatesZone struct {
	clientFlags
	Name string `arg:"" help:"The zone."`
}

// call asks something of the zone's policies.
func (c *updatesZone) call(ctx context.Context, method, path string, in, out any) error {
	r := c.remote()
	z, err := r.Zone(ctx, c.Name)
	if err != nil {
		return err
	}
	_, err = r.Call(ctx, method, ownRoot+"/zones/"+z.ID+"/update_policies"+path, in, out)
	return err
}

type updatesShowCmd struct{ updatesZone }

// Run prints the policies.
func (c *updatesShowCmd) Run(ctx context.Context, s *streams) error {
	var list []updatePolicy
	if err := c.call(ctx, http.MethodGet, "", nil, &list); err != nil {
		return err
	}
	if len(list) == 0 {
		_, err := fmt.Fprintf(s.out, "%s takes no updates: no key is let in\n", c.Name)
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for i := range list {
		list[i].print(w)
	}
	return w.Flush()
}

type updatesAllowCmd struct {
	updatesZone
	Key      string   `arg:"" help:"Name of a TSIG of the zone's account."`
	Exact    []string `help:"Name that it may change; repeatable." placeholder:"NAME"`
	Subtree  []string `help:"Name that it may change with all below it; @ is all of the zone. Repeatable." placeholder:"NAME"`
	Wildcard []string `help:"Names with one label or more in the place of an asterisk, such as _acme-challenge.*; repeatable." placeholder:"NAME"`
	Self     bool     `help:"The name of the key itself."`
	Types    []string `help:"Types that it may change; default is all but those that decide who is authoritative and who signs." placeholder:"TYPE"`
	Except   []string `help:"Types that it may not change, where none are named." placeholder:"TYPE"`
	Comment  string   `help:"What it is for."`
}

// Help shows an example.
func (*updatesAllowCmd) Help() string {
	return "Example: headwater zone updates allow example.com certbot.example.com --wildcard '_acme-challenge.*' --types TXT"
}

var errNoKey = errors.New("the account has no TSIG of this name")

// Run adds a policy.
func (c *updatesAllowCmd) Run(ctx context.Context, s *streams) error {
	r := c.remote()
	z, err := r.Zone(ctx, c.Name)
	if err != nil {
		return err
	}
	var keys []struct{ ID, Name string }
	if _, err := r.Call(ctx, http.MethodGet, "/accounts/"+z.Account.ID+"/secondary_dns/tsigs", nil, &keys); err != nil {
		return err
	}
	p := updatePolicy{Types: c.Types, Except: c.Except, Comment: c.Comment}
	plain := func(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
	for _, k := range keys {
		if plain(k.Name) == plain(c.Key) {
			p.TSIG = k.ID
		}
	}
	if p.TSIG == "" {
		return fmt.Errorf("%s: %w", c.Key, errNoKey)
	}
	for _, l := range []struct {
		match string
		names []string
	}{{"exact", c.Exact}, {"subtree", c.Subtree}, {"wildcard", c.Wildcard}} {
		for _, n := range l.names {
			p.Names = append(p.Names, updateName{l.match, n})
		}
	}
	if c.Self {
		p.Names = append(p.Names, updateName{Match: "self"})
	}
	var made updatePolicy
	if err := c.call(ctx, http.MethodPost, "", p, &made); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	made.print(w)
	return w.Flush()
}

type updatesRemoveCmd struct {
	updatesZone
	Policy string `arg:"" help:"Id of the policy, as it is shown."`
}

// Run removes a policy.
func (c *updatesRemoveCmd) Run(ctx context.Context, s *streams) error {
	if err := c.call(ctx, http.MethodDelete, "/"+c.Policy, nil, nil); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.out, "%s is gone\n", c.Policy)
	return err
}
