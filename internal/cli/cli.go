// Package cli is the command line: flags, their file and environment, and the verbs. Verbs are thin clients of the API or
// tools on the data; serve runs a node. It must not know how a node does its work.
package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"

	"github.com/headwaterdns/headwater/internal/node"
)

type commands struct {
	Config  kong.ConfigFlag `help:"YAML or TOML file with the same keys as the flags." placeholder:"FILE" env:"HEADWATER_CONFIG"`
	Serve   serveCmd        `cmd:"" help:"Run the primary."`
	Zone    zoneCmd         `cmd:"" help:"Import, export, check or look at a zone."`
	Import  importCmd       `cmd:"" help:"Copy from another server."`
	Backup  backupCmd       `cmd:"" help:"Write a backup of everything."`
	Restore restoreCmd      `cmd:"" help:"Restore a backup into an empty database."`
	Migrate migrateCmd      `cmd:"" help:"Copy everything to another database engine."`
	Version versionCmd      `cmd:"" help:"Print the version."`
}

// Run does what the arguments say and returns the exit status: 0, 1 for what failed, 2 for arguments that make no sense.
func Run(version string, args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code := -1
	var c commands
	parser, err := kong.New(&c,
		kong.Name("headwater"),
		kong.Description("A self-hosted DNS primary with the Cloudflare v4 API, feeding any number of secondaries.\n\nExample: headwater serve --data ./data --dns-listen 127.0.0.1:5300"),
		kong.DefaultEnvars("HEADWATER"),
		kong.Configuration(loadConfig),
		kong.Writers(stdout, stderr),
		kong.Exit(func(c int) { code = c }),
		kong.UsageOnError(),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&streams{out: stdout, err: stderr, version: version}),
	)
	if err != nil {
		fmt.Fprintln(stderr, "headwater:", err)
		return 2
	}
	k, err := parser.Parse(args)
	if code >= 0 {
		return code
	}
	if err != nil {
		fmt.Fprintln(stderr, "headwater:", err)
		return 2
	}
	if err := k.Run(); err != nil {
		fmt.Fprintln(stderr, "headwater:", err)
		return 1
	}
	return 0
}

// streams are what a verb writes to.
type streams struct {
	out, err io.Writer
	version  string
}

// serveCmd runs a node; its configuration is its flags.
type serveCmd struct{ node.Config }

// Help shows an example.
func (*serveCmd) Help() string {
	return "Example: headwater serve --data /var/lib/headwater --dns-listen 192.0.2.1:53 --nameservers ns1.example.net,ns2.example.net"
}

// Run serves until ctx ends.
func (c *serveCmd) Run(ctx context.Context, s *streams) error {
	log, err := c.Logger(s.err)
	if err != nil {
		return err
	}
	n, err := node.Open(ctx, &c.Config, log)
	if err != nil {
		return err
	}
	return n.Run(ctx, s.out)
}

type versionCmd struct{}

// Help shows an example.
func (versionCmd) Help() string { return "Example: headwater version" }

// Run prints the version.
func (versionCmd) Run(s *streams) error {
	_, err := fmt.Fprintln(s.out, "headwater", s.version)
	return err
}

// loadConfig reads a configuration file; its keys are the flags' names. TOML by its ending, YAML (and so JSON) otherwise.
func loadConfig(r io.Reader) (kong.Resolver, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	values := map[string]any{}
	if f, ok := r.(*os.File); ok && strings.EqualFold(filepath.Ext(f.Name()), ".toml") {
		err = toml.Unmarshal(raw, &values)
	} else {
		err = yaml.Unmarshal(raw, &values)
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	var js strings.Builder
	if err := json.NewEncoder(&js).Encode(values); err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return kong.JSON(strings.NewReader(js.String()))
}
