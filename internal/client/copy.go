package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Copier copies zones from one server to another. Objects of the account are made once and known by their name; what is
// there already is left alone. Its first six fields and Account are set by who makes it.
type Copier struct {
	From, To *Client
	Dry      bool // say what would be done, and do nothing
	Lenient  bool // leave out lines that cannot be imported
	Bare     bool // leave out what belongs to transfers
	// Told hears of each step, Read of how many octets of zone file came, and Made of the id of the target's zone. The
	// last two may be nil.
	Told    func(text string)
	Read    func(octets int64)
	Made    func(zone string)
	Account string    // of the target
	Notes   []Message // of lines of the last zone

	ids      map[string]string // object ids of the source to those of the target
	accounts map[string]bool   // source accounts whose objects are copied
}

// Zones are those of the source with these names; without names, all that its token reaches.
func (k *Copier) Zones(ctx context.Context, names []string) ([]Zone, error) {
	if len(names) == 0 {
		return All[Zone](ctx, k.From, "/zones")
	}
	var out []Zone
	for _, n := range names {
		z, err := k.From.Zone(ctx, n)
		if err != nil {
			return nil, err
		}
		out = append(out, *z)
	}
	return out, nil
}

func (k *Copier) say(format string, args ...any) {
	if k.Dry {
		format = "would " + format
	}
	k.Told(fmt.Sprintf(format, args...))
}

// Copy copies a zone of the source.
func (k *Copier) Copy(ctx context.Context, z *Zone) error {
	if !k.Bare {
		if err := k.copyAccount(ctx, z.Account.ID); err != nil {
			return err
		}
	}
	target, err := k.To.Zone(ctx, z.Name)
	if errors.Is(err, ErrNoZone) {
		k.say("create zone %s", z.Name)
		target, err = &Zone{}, nil
		if !k.Dry {
			body := map[string]any{"name": z.Name, "account": map[string]string{"id": k.Account}, "type": "full"}
			_, err = k.To.Call(ctx, http.MethodPost, "/zones", body, target)
		}
	}
	if err != nil {
		return err
	}
	if k.Made != nil {
		k.Made(target.ID)
	}
	if err := k.copySettings(ctx, z, target); err != nil {
		return err
	}
	if err := k.copyRecords(ctx, z, target); err != nil || k.Bare {
		return err
	}
	return k.copyOutgoing(ctx, z, target)
}

func (k *Copier) copySettings(ctx context.Context, z, target *Zone) error {
	var settings map[string]json.RawMessage
	if _, err := k.From.Call(ctx, http.MethodGet, "/zones/"+z.ID+"/dns_settings", nil, &settings); err != nil {
		return skipMissing(err)
	}
	// Which servers a zone has is the target's own matter.
	delete(settings, "nameservers")
	delete(settings, "foundation_dns")
	k.say("copy DNS settings of %s", z.Name)
	if k.Dry {
		return nil
	}
	_, err := k.To.Call(ctx, http.MethodPatch, "/zones/"+target.ID+"/dns_settings", settings, nil)
	return err
}

// copyRecords goes by the zone file, which carries comments, tags and the proxy switch.
func (k *Copier) copyRecords(ctx context.Context, z, target *Zone) error {
	body, err := k.From.Raw(ctx, http.MethodGet, "/zones/"+z.ID+"/dns_records/export", "", nil)
	if err != nil {
		return err
	}
	defer body.Close()
	if k.Dry {
		file, err := io.ReadAll(body)
		k.say("import the records of %s (%d octets of zone file)", z.Name, len(file))
		return err
	}
	var file io.Reader = body
	if k.Read != nil {
		file = &counted{r: body, told: k.Read}
	}
	res, notes, err := k.To.ImportFile(ctx, target.ID, file, false, k.Lenient)
	if err != nil {
		return err
	}
	k.Notes = append(k.Notes, notes...)
	k.say("imported %d of %d records of %s", res.Added, res.Parsed, z.Name)
	return nil
}

// kinds of objects that accounts hold, in the order in which they need each other.
func accountKinds() []string { return []string{"tsigs", "peers", "acls"} }

func (k *Copier) copyAccount(ctx context.Context, account string) error {
	if k.accounts[account] {
		return nil
	}
	if k.accounts == nil {
		k.accounts, k.ids = map[string]bool{}, map[string]string{}
	}
	k.accounts[account] = true
	for _, kind := range accountKinds() {
		var list, have []map[string]any
		if _, err := k.From.Call(ctx, http.MethodGet, "/accounts/"+account+"/secondary_dns/"+kind, nil, &list); err != nil {
			if err := skipMissing(err); err != nil {
				return err
			}
			continue
		}
		path := "/accounts/" + k.Account + "/secondary_dns/" + kind
		if _, err := k.To.Call(ctx, http.MethodGet, path, nil, &have); err != nil {
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

func (k *Copier) copyObject(ctx context.Context, path, kind string, o map[string]any, have []map[string]any) error {
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
	if k.Dry {
		return nil
	}
	var made struct {
		ID string `json:"id"`
	}
	if _, err := k.To.Call(ctx, http.MethodPost, path, o, &made); err != nil {
		return err
	}
	k.ids[id] = made.ID
	return nil
}

// copyOutgoing copies links, and leaves the switch off: who hands out a zone is the operator's decision.
func (k *Copier) copyOutgoing(ctx context.Context, z, target *Zone) error {
	var out struct {
		Name  string   `json:"name"`
		Peers []string `json:"peers"`
	}
	if _, err := k.From.Call(ctx, http.MethodGet, "/zones/"+z.ID+"/secondary_dns/outgoing", nil, &out); err != nil {
		return skipMissing(err)
	}
	k.say("link %d peers to %s", len(out.Peers), z.Name)
	if k.Dry {
		return nil
	}
	for i, p := range out.Peers {
		out.Peers[i] = k.ids[p]
	}
	_, err := k.To.Call(ctx, http.MethodPost, "/zones/"+target.ID+"/secondary_dns/outgoing", out, nil)
	var refused *Error
	if errors.As(err, &refused) && bytes.Contains([]byte(refused.Error()), []byte("13033")) {
		return nil // linked before
	}
	return err
}

// skipMissing passes over what the source does not have or does not let us see.
func skipMissing(err error) error {
	var refused *Error
	if errors.As(err, &refused) && (refused.Status == http.StatusNotFound || refused.Status == http.StatusForbidden) {
		return nil
	}
	return err
}

// toldEvery is how often a count is told.
const toldEvery = 250 * time.Millisecond

// counted tells now and then how much of a stream went by.
type counted struct {
	r    io.Reader
	told func(int64)
	n    int64
	at   time.Time
}

// Read reads on.
func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	if now := time.Now(); now.Sub(c.at) >= toldEvery {
		c.at = now
		c.told(c.n)
	}
	return n, err
}
