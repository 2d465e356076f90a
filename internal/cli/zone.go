package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/headwaterdns/headwater/internal/client"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// clientFlags say which Headwater the verbs talk to.
type clientFlags struct {
	Server string `default:"http://127.0.0.1:8053" help:"Address of the Headwater to talk to." placeholder:"URL"`
	Token  string `help:"API token for it." env:"HEADWATER_TOKEN" required:""`
}

func (c *clientFlags) remote() *client.Client { return client.New(c.Server, c.Token) }

type zoneCmd struct {
	Import zoneImportCmd `cmd:"" help:"Add a zone file's records to a zone."`
	Export zoneExportCmd `cmd:"" help:"Write a zone as a zone file."`
	Check  zoneCheckCmd  `cmd:"" help:"Check a zone file without any server."`
	Status zoneStatusCmd `cmd:"" help:"Show what the secondaries of a zone hold."`
	Wait   zoneWaitCmd   `cmd:"" help:"Wait until a zone is live on all its servers."`
	Draft  zoneDraftCmd  `cmd:"" help:"Put edits of a zone together before they are done."`
	DNSSEC zoneDNSSECCmd `cmd:"" name:"dnssec" help:"Sign a zone, and look after its keys."`

	Updates zoneUpdatesCmd `cmd:"" help:"Which keys may update a zone by messages (RFC 2136)."`

	History zoneHistoryCmd `cmd:"" help:"Show who changed what in a zone."`
	Diff    zoneDiffCmd    `cmd:"" help:"Show what two versions of a zone differ in."`
	At      zoneAtCmd      `cmd:"" help:"Write a zone as it was as a zone file."`
	Revert  zoneRevertCmd  `cmd:"" help:"Bring a zone back to what it was."`

	Undelete zoneUndeleteCmd `cmd:"" help:"Bring a deleted zone back."`
}

type zoneImportCmd struct {
	clientFlags
	Name        string `arg:"" help:"The zone."`
	File        string `arg:"" help:"Zone file; - is standard input."`
	Create      bool   `help:"Create the zone when it is not there."`
	Proxied     bool   `help:"Make addresses and aliases proxied."`
	SkipInvalid bool   `help:"Pass over what is invalid instead of refusing the whole file."`
	DryRun      bool   `help:"Say what would change, and do nothing."`
}

// Help shows an example.
func (*zoneImportCmd) Help() string {
	return "Example: headwater zone import --create example.com example.com.zone"
}

// Run imports.
func (c *zoneImportCmd) Run(ctx context.Context, s *streams) error {
	in := io.Reader(os.Stdin)
	size := int64(-1)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		if st, err := f.Stat(); err == nil {
			size = st.Size()
		}
		in = f
	}
	r := c.remote()
	z, err := r.Zone(ctx, c.Name)
	if errors.Is(err, client.ErrNoZone) && c.Create && !c.DryRun {
		z = &client.Zone{}
		_, err = r.Call(ctx, http.MethodPost, "/zones", map[string]string{"name": c.Name}, z)
	}
	if err != nil {
		return err
	}
	bar := progress(s.err, size, "sending")
	if c.DryRun {
		var p plan
		if _, err := r.With(dryRun, "1").SendFile(ctx, z.ID, io.TeeReader(in, bar), c.Proxied, c.SkipInvalid, &p); err != nil {
			return err
		}
		return p.write(s.out)
	}
	res, notes, err := r.ImportFile(ctx, z.ID, io.TeeReader(in, bar), c.Proxied, c.SkipInvalid)
	if err != nil {
		return err
	}
	for _, n := range notes {
		fmt.Fprintln(s.err, n.Message)
	}
	_, err = fmt.Fprintf(s.out, "%s: %d records read, %d added\n", c.Name, res.Parsed, res.Added)
	return err
}

// progress is a bar of octets, or a spinner where the size is not known.
func progress(w io.Writer, size int64, what string) *progressbar.ProgressBar {
	return progressbar.NewOptions64(size, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
}

type zoneExportCmd struct {
	clientFlags
	Name string `arg:"" help:"The zone."`
	File string `short:"o" help:"Where to; default is standard output." placeholder:"FILE"`
}

// Help shows an example.
func (*zoneExportCmd) Help() string {
	return "Example: headwater zone export example.com -o example.com.zone"
}

// Run exports. A file is complete or not there.
func (c *zoneExportCmd) Run(ctx context.Context, s *streams) error {
	r := c.remote()
	z, err := r.Zone(ctx, c.Name)
	if err != nil {
		return err
	}
	body, err := r.Raw(ctx, http.MethodGet, "/zones/"+z.ID+"/dns_records/export", "", nil)
	if err != nil {
		return err
	}
	defer body.Close()
	if c.File == "" {
		_, err = io.Copy(s.out, body)
		return err
	}
	f, err := os.CreateTemp(".", ".headwater-export-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone already after the rename
	_, err = io.Copy(f, body)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), c.File)
}

type zoneCheckCmd struct {
	Name string `arg:"" help:"The zone."`
	File string `arg:"" help:"Zone file." type:"existingfile"`
}

// Help shows an example.
func (*zoneCheckCmd) Help() string {
	return "Example: headwater zone check example.com example.com.zone"
}

var errZoneFile = errors.New("the file has errors")

// Run checks each record, and that they make a zone.
func (c *zoneCheckCmd) Run(s *streams) error {
	origin, err := wire.ParseName(c.Name)
	if err != nil {
		return fmt.Errorf("zone name: %w", err)
	}
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	sets, bad, err := checkFile(f, origin, s.err)
	if err != nil {
		return err
	}
	v, err := zone.Build(origin, sets)
	if err != nil {
		fmt.Fprintln(s.err, err)
		bad++
	}
	if bad > 0 {
		return errZoneFile
	}
	_, err = fmt.Fprintf(s.out, "%s: %d records, serial %d\n", c.Name, v.Records(), v.Serial())
	return err
}

// checkFile reads a zone file and tells of each line that is wrong.
func checkFile(f io.Reader, origin wire.Name, out io.Writer) (sets []rr.Set, bad int, err error) {
	r := rr.NewReader(f, origin)
	for {
		e, err := r.Next()
		var line *rr.LineError
		switch {
		case errors.Is(err, io.EOF):
			return sets, bad, nil
		case errors.As(err, &line):
			fmt.Fprintln(out, line)
			bad++
			continue
		case err != nil:
			return nil, 0, err
		}
		data, err := e.Data()
		if err == nil && !e.Owner.Within(origin) {
			err = zone.ErrOutside
		}
		if err != nil {
			fmt.Fprintln(out, &rr.LineError{Line: e.Line, Err: err})
			bad++
			continue
		}
		sets = append(sets, rr.Set{Owner: e.Owner, Type: e.Type, TTL: e.TTL, Data: [][]byte{data}})
	}
}

type zoneStatusCmd struct {
	clientFlags
	Name string `arg:"" help:"The zone."`
}

// Help shows an example.
func (*zoneStatusCmd) Help() string { return "Example: headwater zone status example.com" }

// Run prints a line for each secondary and for each address of the zone's name servers.
func (c *zoneStatusCmd) Run(ctx context.Context, s *streams) error {
	r := c.remote()
	z, err := r.Zone(ctx, c.Name)
	if err != nil {
		return err
	}
	var out struct {
		Serial uint32 `json:"serial"`
		Peers  []struct {
			Name    string `json:"name"`
			Address string `json:"address"`
			State   string `json:"state"`
			Cause   string `json:"cause"`
			Serial  *int64 `json:"serial"`
		} `json:"peers"`
		NameServers []struct {
			Name    string `json:"name"`
			Address string `json:"address"`
			State   string `json:"state"`
			Serial  *int64 `json:"serial"`
			Error   string `json:"error"`
		} `json:"name_servers"`
	}
	if _, err := r.Call(ctx, http.MethodGet, "/headwater/v1/zones/"+z.ID+"/secondaries", nil, &out); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\tserial %d\n", c.Name, out.Serial)
	for _, p := range out.Peers {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.Name, p.Address, serialText(p.Serial), p.State, p.Cause)
	}
	for _, n := range out.NameServers {
		fmt.Fprintf(w, "NS %s\t%s\t%s\t%s\t%s\n", n.Name, n.Address, serialText(n.Serial), n.State, n.Error)
	}
	return w.Flush()
}

func serialText(s *int64) string {
	if s == nil {
		return "unknown"
	}
	return strconv.FormatInt(*s, 10)
}
