// Package cli is the command line: flags, their file and environment, and the verbs. Verbs are thin clients of the API or
// tools on the data; serve runs a node. It must not know how a node does its work.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

type commands struct {
	Config       string           `help:"YAML file with the flags' names as keys." placeholder:"FILE"`
	Tell         kong.VersionFlag `name:"version" env:"-" help:"Print the version."`
	Serve        serveCmd         `cmd:"" help:"Run the primary."`
	Status       statusCmd        `cmd:"" help:"Say whether all is well, for people and for monitoring."`
	Zone         zoneCmd          `cmd:"" help:"Import, export, check or look at a zone."`
	Import       importCmd        `cmd:"" help:"Copy from another server."`
	Admin        adminCmd         `cmd:"" help:"Find a way back in, on the data themselves."`
	Check        checkCmd         `cmd:"" help:"Hold the rows of zones against what is served, and repair what is damaged."`
	Backup       backupCmd        `cmd:"" help:"Write, verify or list a backup of everything."`
	Restore      restoreCmd       `cmd:"" help:"Restore a backup into an empty database, or a zone of it into a server."`
	Migrate      migrateCmd       `cmd:"" help:"Copy everything to another database engine."`
	RotateSecret rotateSecretCmd  `cmd:"" help:"Encrypt all secrets with a new key."`
	Cert         certCmd          `cmd:"" help:"Make certificates for private networks and labs."`
	Settings     configCmd        `cmd:"" name:"config" help:"Check the configuration, or show what it comes to."`
	Version      versionCmd       `cmd:"" help:"Print the version."`
}

// Run does what the arguments say and returns the exit status: 0, 1 for what failed, 2 for arguments that make no sense; status has
// its own.
func Run(version string, args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := &streams{out: stdout, err: stderr, version: versionOf(version), args: args}
	p, err := parse(ctx, s, args)
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "headwater:", err)
		return 2
	case p.code >= 0:
		return p.code
	}
	err = p.context.Run()
	if status, ok := errors.AsType[exitStatus](err); ok {
		return int(status)
	}
	if err != nil {
		fmt.Fprintln(stderr, "headwater:", err)
		return 1
	}
	return 0
}

// parsed is what arguments, environment and file come to.
type parsed struct {
	context  *kong.Context
	commands *commands
	file     *configured
	code     int // not negative when help was asked for and given
}

// parse reads arguments, environment and file.
func parse(ctx context.Context, s *streams, args []string) (*parsed, error) {
	p := &parsed{commands: &commands{}, file: &configured{}, code: -1}
	parser, err := kong.New(p.commands, append(wording(),
		kong.Resolvers(p.file),
		kong.Vars{"version": "headwater " + s.version},
		kong.Writers(s.out, s.err),
		kong.Exit(func(c int) { p.code = c }),
		kong.UsageOnError(),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(s, p.commands),
	)...)
	if err != nil {
		return nil, err
	}
	p.file.app = parser.Model
	p.context, err = parser.Parse(args)
	if p.code >= 0 {
		return p, nil
	}
	if err == nil && p.context.Command() != "version" {
		err = checkEnv(os.Environ(), parser.Model)
	}
	return p, err
}

// wording is what is so of the command line, whoever runs it.
func wording() []kong.Option {
	return []kong.Option{
		kong.Name("headwater"),
		kong.Description("A self-hosted DNS primary with the Cloudflare v4 API, feeding any number of secondaries.\n\nExample: headwater serve --data ./data --dns-listen 127.0.0.1:5300"),
		kong.DefaultEnvars("HEADWATER"),
	}
}

// Grammar describes every command and flag, for manuals and shells.
func Grammar() (*kong.Application, error) {
	parser, err := kong.New(&commands{}, wording()...)
	if err != nil {
		return nil, err
	}
	return parser.Model, nil
}

// streams are what a verb writes to.
type streams struct {
	out, err io.Writer
	version  string
	args     []string
}

// versionOf is what the linker was told, or, of a program that was built without that, what the Go command noted: the module's
// version, or the commit.
func versionOf(linked string) string {
	info, ok := debug.ReadBuildInfo()
	if linked != "" || !ok {
		return cmp.Or(linked, "unknown")
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	version := cmp.Or(settings["vcs.revision"], "unknown")
	if settings["vcs.modified"] == "true" {
		version += "-dirty"
	}
	return version
}

type versionCmd struct{}

// Help shows an example.
func (versionCmd) Help() string { return "Example: headwater version" }

// Run prints the version.
func (versionCmd) Run(s *streams) error {
	_, err := fmt.Fprintln(s.out, "headwater", s.version)
	return err
}
