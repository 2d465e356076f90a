package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/auth"
	zonecheck "github.com/headwaterdns/headwater/internal/control/check"
	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

type checkCmd struct {
	storeFlags
	Zones         []string `arg:"" optional:"" name:"zone" help:"Zones to look at; default is all, and the store as a whole."`
	Repair        bool     `help:"Make the damaged ones of the named zones anew from their rows."`
	JSON          bool     `name:"json" help:"One JSON object a line: each zone with faults, and at last the whole."`
	Quick         bool     `help:"Leave out the database's own check of pages and indexes."`
	EdgeAddresses []string `help:"The server's edge addresses, as serve has them; none where it has none." placeholder:"IP"`
}

// Help shows an example.
func (*checkCmd) Help() string {
	return "Holds the rows of each zone against its image and journal: contents, serial, position, counts, signatures, history; then rows that belong to nothing, " +
		"and indexes. It only reads, beside a server or without one. It ends with 0 when all is well, with 3 when something is damaged, and with 1 when it could not tell.\n\n" +
		"With --repair the zones that are named and damaged are made anew from their rows, each in one transaction, under a serial that secondaries follow. With the " +
		"embedded store the server must be stopped; on PostgreSQL nodes may run, and take it over.\n\n" +
		"Example: headwater check --data /var/lib/headwater\nExample: headwater check --data /var/lib/headwater --repair example.com"
}

// statusDamaged is how check ends where something is damaged.
const statusDamaged = exitStatus(3)

var errRepairAll = errors.New("--repair wants the zones to be named")

// Run checks, and repairs if asked.
func (c *checkCmd) Run(ctx context.Context, s *streams) error {
	if c.Repair && len(c.Zones) == 0 {
		return errRepairAll
	}
	cfg, err := c.config()
	if err != nil {
		return err
	}
	st, err := c.openToLook(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	cfg.Source = st
	r := &checkReport{s: s, json: c.JSON}
	whole, err := zonecheck.Run(ctx, cfg, r.zone)
	if err != nil {
		return err
	}
	if len(whole.Missing) > 0 {
		return fmt.Errorf("there is no zone %q here", whole.Missing)
	}
	if c.Repair {
		if err := c.repair(ctx, cfg, r); err != nil {
			return err
		}
		whole.Faults = nil
	}
	return r.end(whole, cfg)
}

func (c *checkCmd) config() (*zonecheck.Config, error) {
	cfg := &zonecheck.Config{Shallow: c.Quick}
	for _, z := range c.Zones {
		n, err := wire.ParseName(z)
		if err != nil {
			return nil, fmt.Errorf("zone %q: %w", z, err)
		}
		cfg.Names = append(cfg.Names, n.Host())
	}
	cfg.Pooled = len(c.EdgeAddresses) > 0
	if slices.Equal(c.EdgeAddresses, []string{"none"}) {
		return cfg, nil
	}
	for _, text := range c.EdgeAddresses {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("--edge-addresses: %w", err)
		}
		cfg.Pool = append(cfg.Pool, a)
	}
	return cfg, nil
}

// openToLook opens the store to read; a key that is lost is no reason not to look.
func (c *checkCmd) openToLook(ctx context.Context) (*store.Store, error) {
	st, err := c.open(ctx, store.Config{ReadOnly: true, Existing: true})
	if errors.Is(err, fs.ErrNotExist) && c.SecretKeyFile == "" && c.SecretKey == "" {
		return c.open(ctx, store.Config{ReadOnly: true, Existing: true, Keyless: true})
	}
	return st, err
}

// repair makes anew what was found damaged, and looks at it again.
func (c *checkCmd) repair(ctx context.Context, cfg *zonecheck.Config, r *checkReport) error {
	var found []*zonecheck.Zone
	for _, z := range r.bad {
		if z.NeedsRepair() {
			found = append(found, z)
		}
	}
	if len(found) == 0 {
		return nil
	}
	st, err := c.open(ctx, store.Config{Existing: true})
	if errors.Is(err, store.ErrInUse) {
		return fmt.Errorf("a server runs on this data directory: stop it, do this again, and start it: %w", err)
	}
	if err != nil {
		return err
	}
	defer handOver(c.Data)
	defer st.Close()
	rep := &zonecheck.Repairer{
		Source: st, Pool: cfg.Pool, Clock: time.Now, NewID: auth.NewID, Log: slog.New(slog.DiscardHandler),
		Begin: func(ctx context.Context) (commit.Tx, error) { return st.Begin(ctx) },
	}
	names := make([]string, 0, len(found))
	for _, z := range found {
		serial, err := rep.Repair(ctx, z)
		if err != nil {
			return fmt.Errorf("%s: %w", z.Name, err)
		}
		names = append(names, z.Name)
		r.repaired(z, serial)
	}
	r.bad = slices.DeleteFunc(r.bad, func(z *zonecheck.Zone) bool { return slices.Contains(found, z) })
	again := *cfg
	again.Source, again.Names = st, names
	_, err = zonecheck.Run(ctx, &again, r.again)
	return err
}

// checkReport tells what is found, as it is found.
type checkReport struct {
	s       *streams
	json    bool
	zones   int
	records int64
	apart   int
	bad     []*zonecheck.Zone
}

type (
	faultLine struct {
		Kind   string `json:"kind"`
		Detail string `json:"detail"`
	}
	zoneLine struct {
		Zone     string      `json:"zone"`
		ID       string      `json:"id"`
		Serial   uint32      `json:"serial"`
		Records  int64       `json:"records"`
		Faults   []faultLine `json:"faults,omitempty"`
		Repaired uint32      `json:"repaired_to,omitempty"`
	}
	wholeLine struct {
		Whole   bool        `json:"whole"`
		Zones   int         `json:"zones"`
		Records int64       `json:"records"`
		Damaged int         `json:"damaged"`
		Apart   int         `json:"names_not_compared"`
		Indexes bool        `json:"indexes_checked"`
		Faults  []faultLine `json:"faults,omitempty"`
	}
)

func linesOf(list []zonecheck.Fault) (out []faultLine) {
	for _, f := range list {
		out = append(out, faultLine{f.Kind, f.Detail})
	}
	return out
}

func (r *checkReport) line(v any) error { return json.NewEncoder(r.s.out).Encode(v) }

func (r *checkReport) zone(z *zonecheck.Zone) error {
	r.zones, r.records, r.apart = r.zones+1, r.records+z.Records, r.apart+z.Apart
	return r.again(z)
}

// again tells of a zone that is counted already.
func (r *checkReport) again(z *zonecheck.Zone) error {
	if len(z.Faults) == 0 {
		return nil
	}
	if len(r.bad) < faultyMost || z.NeedsRepair() {
		r.bad = append(r.bad, z)
	}
	if r.json {
		return r.line(zoneLine{Zone: z.Name, ID: string(z.ID), Serial: z.Serial, Records: z.Records, Faults: linesOf(z.Faults)})
	}
	for _, f := range z.Faults {
		if _, err := fmt.Fprintf(r.s.out, "%s: %s: %s\n", z.Name, f.Kind, f.Detail); err != nil {
			return err
		}
	}
	return nil
}

// faultyMost bounds how many zones with minor faults are held.
const faultyMost = 10000

func (r *checkReport) repaired(z *zonecheck.Zone, serial uint32) {
	if r.json {
		_ = r.line(zoneLine{Zone: z.Name, ID: string(z.ID), Serial: z.Serial, Records: z.Records, Repaired: serial})
		return
	}
	_, _ = fmt.Fprintf(r.s.out, "%s: made anew from its rows, serial %d\n", z.Name, serial)
}

func (r *checkReport) end(w *zonecheck.Whole, cfg *zonecheck.Config) error {
	if r.json {
		line := wholeLine{
			Whole: len(r.bad)+len(w.Faults) == 0, Zones: r.zones, Records: r.records, Damaged: len(r.bad), Apart: r.apart, Indexes: w.Indexes, Faults: linesOf(w.Faults),
		}
		if err := r.line(line); err != nil {
			return err
		}
	} else {
		for _, f := range w.Faults {
			fmt.Fprintf(r.s.out, "%s: %s\n", f.Kind, f.Detail)
		}
		if r.apart > 0 {
			fmt.Fprintf(r.s.out, "%d names were not compared, for they depend on the server's edge addresses: name them with --edge-addresses\n", r.apart)
		}
		if !w.Indexes && !cfg.Shallow && len(cfg.Names) == 0 {
			fmt.Fprint(r.s.out, "indexes were not checked: PostgreSQL's extension amcheck is not installed in this database\n")
		}
		fmt.Fprintf(r.s.out, "%d zones, %d records: %d damaged\n", r.zones, r.records, len(r.bad))
	}
	if len(r.bad)+len(w.Faults) > 0 {
		return statusDamaged
	}
	return nil
}
