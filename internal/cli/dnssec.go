package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// zoneDNSSECCmd are the verbs on a zone's signatures and keys; without one, it shows them.
type zoneDNSSECCmd struct {
	Show    dnssecShowCmd    `cmd:"" default:"withargs" help:"Show a zone's keys, and what each of them waits for."`
	Enable  dnssecEnableCmd  `cmd:"" help:"Sign a zone."`
	Disable dnssecDisableCmd `cmd:"" help:"Ask the parent to remove its DS records; the zone stays signed until it is removed."`
	Remove  dnssecRemoveCmd  `cmd:"" help:"Remove keys and signatures of a zone that is disabled."`
	DS      dnssecDSCmd      `cmd:"" name:"ds" help:"Print the DS records that the registrar needs."`
	Seen    dnssecSeenCmd    `cmd:"" help:"Say that a key's DS record is at the parent, or is gone."`
	Roll    dnssecRollCmd    `cmd:"" help:"Roll keys."`
	Set     dnssecSetCmd     `cmd:"" help:"Change how a zone is signed."`
	Export  dnssecExportCmd  `cmd:"" help:"Write a key into two files of BIND's form."`
	Import  dnssecImportCmd  `cmd:"" help:"Bring in a key from two files of BIND's form."`
}

// dnssecZone is what all of them need.
type dnssecZone struct {
	clientFlags
	Name string `arg:"" help:"The zone."`
}

// signingState is what the server says of a zone's keys.
type signingState struct {
	Status   string `json:"status"`
	Denial   string `json:"denial"`
	Progress *struct {
		What  string `json:"what"`
		Done  int    `json:"done"`
		Total int    `json:"total"`
	} `json:"progress"`
	Expires     *time.Time   `json:"expires"`
	Renews      *time.Time   `json:"renews"`
	Trouble     string       `json:"trouble"`
	Keys        []signingKey `json:"keys"`
	Secondaries []struct {
		Name    string     `json:"name"`
		State   string     `json:"state"`
		Serial  *int64     `json:"serial"`
		Expires *time.Time `json:"expires"`
	} `json:"secondaries"`
	Steps []struct {
		Done *bool  `json:"done"`
		Text string `json:"text"`
	} `json:"multi_signer_steps"`
}

type signingKey struct {
	ID        string `json:"id"`
	Tag       uint16 `json:"tag"`
	Role      string `json:"role"`
	Algorithm string `json:"algorithm_name"`
	State     string `json:"state"`
	Origin    string `json:"origin"`
	Waits     []struct {
		Text string `json:"text"`
	} `json:"waits"`
	DS     []string `json:"ds"`
	DSSeen string   `json:"ds_seen"`
}

func (k *signingKey) stays() bool { return k.State != "leaving" && k.State != "gone" }

// call asks something of the zone's DNSSEC, at the upstream's path or below our own, and gives the zone's id.
func (c *dnssecZone) call(ctx context.Context, method, root, path string, in, out any) error {
	r := c.remote()
	z, err := r.Zone(ctx, c.Name)
	if err != nil {
		return err
	}
	_, err = r.Call(ctx, method, root+"/zones/"+z.ID+"/dnssec"+path, in, out)
	return err
}

// Where the two halves of the API stand.
const (
	upstreamRoot = ""
	ownRoot      = "/headwater/v1"
)

func (c *dnssecZone) state(ctx context.Context) (*signingState, error) {
	out := &signingState{}
	return out, c.call(ctx, http.MethodGet, ownRoot, "", nil, out)
}

// show prints what the server answers to a change.
func (c *dnssecZone) show(s *streams, state *signingState) error {
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\t%s\t%s\n", c.Name, state.Status, state.Denial)
	if p := state.Progress; p != nil {
		fmt.Fprintf(w, "%s\t%d of %d records\n", p.What, p.Done, p.Total)
	}
	if state.Expires != nil {
		fmt.Fprintf(w, "signatures\tend from %s on\trenewed from %s on\n", day(state.Expires), day(state.Renews))
	}
	if state.Trouble != "" {
		fmt.Fprintf(w, "TROUBLE\t%s\n", state.Trouble)
	}
	for _, k := range state.Keys {
		fmt.Fprintf(w, "%s %d\t%s\t%s, %s", strings.ToUpper(k.Role), k.Tag, k.Algorithm, k.State, k.Origin)
		if len(k.DS) > 0 {
			fmt.Fprintf(w, "\tDS seen %s", k.DSSeen)
		}
		fmt.Fprintln(w)
		for _, wait := range k.Waits {
			fmt.Fprintf(w, "  waits\t%s\n", wait.Text)
		}
	}
	for _, p := range state.Secondaries {
		fmt.Fprintf(w, "%s\t%s\t%s\tsignatures end from %s on\n", p.Name, serialText(p.Serial), p.State, day(p.Expires))
	}
	for i, step := range state.Steps {
		fmt.Fprintf(w, "step %d\t%s\t%s\n", i+1, done(step.Done), step.Text)
	}
	return w.Flush()
}

func day(t *time.Time) string {
	if t == nil {
		return "unknown"
	}
	return t.UTC().Format("2006-01-02 15:04 MST")
}

func done(is *bool) string {
	switch {
	case is == nil:
		return "cannot be seen"
	case *is:
		return "done"
	}
	return "to do"
}

// key finds a key by its tag, or that of a role which stays.
func (c *dnssecZone) key(ctx context.Context, what string) (*signingKey, error) {
	state, err := c.state(ctx)
	if err != nil {
		return nil, err
	}
	var found []*signingKey
	for i := range state.Keys {
		k := &state.Keys[i]
		named := strconv.Itoa(int(k.Tag)) == what || k.Role == what && k.stays()
		if named && k.Origin != "foreign" {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%s has %d keys that are meant by %s", c.Name, len(found), what)
	}
	return found[0], nil
}

// change asks for something and shows what the zone is then.
func (c *dnssecZone) change(ctx context.Context, s *streams, method, path string, in any) error {
	out := &signingState{}
	if err := c.call(ctx, method, ownRoot, path, in, out); err != nil {
		return err
	}
	return c.show(s, out)
}

type dnssecShowCmd struct{ dnssecZone }

// Help shows an example.
func (*dnssecShowCmd) Help() string { return "Example: headwater zone dnssec example.com" }

// Run shows.
func (c *dnssecShowCmd) Run(ctx context.Context, s *streams) error {
	state, err := c.state(ctx)
	if err != nil {
		return err
	}
	return c.show(s, state)
}

type dnssecEnableCmd struct{ dnssecZone }

// Help shows an example.
func (*dnssecEnableCmd) Help() string { return "Example: headwater zone dnssec enable example.com" }

// Run enables.
func (c *dnssecEnableCmd) Run(ctx context.Context, s *streams) error {
	return c.want(ctx, s, "active")
}

// want sets the status, and shows what comes of it.
func (c *dnssecZone) want(ctx context.Context, s *streams, status string) error {
	if err := c.call(ctx, http.MethodPatch, upstreamRoot, "", map[string]string{"status": status}, nil); err != nil {
		return err
	}
	state, err := c.state(ctx)
	if err != nil {
		return err
	}
	return c.show(s, state)
}

type dnssecDisableCmd struct{ dnssecZone }

// Help shows an example.
func (*dnssecDisableCmd) Help() string { return "Example: headwater zone dnssec disable example.com" }

// Run disables.
func (c *dnssecDisableCmd) Run(ctx context.Context, s *streams) error {
	return c.want(ctx, s, "disabled")
}

type dnssecRemoveCmd struct{ dnssecZone }

// Help shows an example.
func (*dnssecRemoveCmd) Help() string { return "Example: headwater zone dnssec remove example.com" }

// Run removes.
func (c *dnssecRemoveCmd) Run(ctx context.Context, s *streams) error {
	if err := c.call(ctx, http.MethodDelete, upstreamRoot, "", nil, nil); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.out, "%s: keys and signatures go as soon as no cache expects them\n", c.Name)
	return err
}

type dnssecDSCmd struct{ dnssecZone }

// Help shows an example.
func (*dnssecDSCmd) Help() string {
	return "Prints those of the keys that stay, in the form of a zone file.\n\nExample: headwater zone dnssec ds example.com"
}

var errNoDS = errors.New("the zone has no key that a DS record could name: enable DNSSEC first")

// Run prints the records alone: they are for other programs, too.
func (c *dnssecDSCmd) Run(ctx context.Context, s *streams) error {
	state, err := c.state(ctx)
	if err != nil {
		return err
	}
	n := 0
	for _, k := range state.Keys {
		if !k.stays() {
			continue
		}
		for _, ds := range k.DS {
			n++
			fmt.Fprintln(s.out, ds)
		}
	}
	if n == 0 {
		return errNoDS
	}
	return nil
}

type dnssecSeenCmd struct {
	dnssecZone
	Key  string `arg:"" help:"The key's tag, or its role: ksk or csk."`
	Gone bool   `help:"The parent has it no more."`
}

// Help shows an example.
func (*dnssecSeenCmd) Help() string { return "Example: headwater zone dnssec seen example.com 12345" }

// Run says it.
func (c *dnssecSeenCmd) Run(ctx context.Context, s *streams) error {
	k, err := c.key(ctx, c.Key)
	if err != nil {
		return err
	}
	return c.change(ctx, s, http.MethodPost, "/ds_seen", map[string]any{"key_id": k.ID, "seen": !c.Gone})
}

type dnssecRollCmd struct {
	dnssecZone
	What string `arg:"" help:"zsk, ksk, csk (a key that signs everything), or the number of another algorithm: 8, 13, 14 or 15."`
}

// Help shows an example.
func (*dnssecRollCmd) Help() string { return "Example: headwater zone dnssec roll example.com zsk" }

// Run rolls.
func (c *dnssecRollCmd) Run(ctx context.Context, s *streams) error {
	in := map[string]any{"role": c.What}
	if algorithm, err := strconv.Atoi(c.What); err == nil {
		in = map[string]any{"algorithm": algorithm}
	}
	return c.change(ctx, s, http.MethodPost, "/roll", in)
}

type dnssecSetCmd struct {
	dnssecZone
	Denial      string `help:"nsec or nsec3." placeholder:"KIND"`
	ZSKRollDays int    `default:"-1" help:"For how many days a ZSK signs; 0 until somebody rolls it." placeholder:"DAYS"`
	KSKRoll     string `help:"request, or cds to roll KSKs every year where the parent follows CDS records." placeholder:"WHEN"`
	CDS         string `help:"on or off: whether CDS and CDNSKEY records tell the parent of its DS records." enum:",on,off" default:"" placeholder:"ON"`
}

// Help shows an example.
func (*dnssecSetCmd) Help() string {
	return "Example: headwater zone dnssec set example.com --denial nsec3 --zsk-roll-days 90"
}

// Run sends what was given.
func (c *dnssecSetCmd) Run(ctx context.Context, s *streams) error {
	in, policy := map[string]any{}, map[string]any{}
	if c.Denial != "" {
		in["denial"] = c.Denial
	}
	if c.ZSKRollDays >= 0 {
		policy["zsk_roll_days"] = c.ZSKRollDays
	}
	if c.KSKRoll != "" {
		policy["ksk_roll"] = c.KSKRoll
	}
	if c.CDS != "" {
		policy["cds"] = c.CDS == "on"
	}
	if len(policy) > 0 {
		in["policy"] = policy
	}
	return c.change(ctx, s, http.MethodPatch, "", in)
}
