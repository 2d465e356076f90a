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

// commands are what flags are read into.
type commands struct {
	Every        everyCmd
	Serve        serveCmd
	Status       statusCmd
	Zone         zoneCmd
	Import       importCmd
	Admin        adminCmd
	Check        checkCmd
	Backup       backupCmd
	Restore      restoreCmd
	Migrate      migrateCmd
	RotateSecret rotateSecretCmd
	Cert         certCmd
	Settings     configCmd
	Version      versionCmd
}

// everyCmd is what every verb has.
type everyCmd struct {
	Config string           `help:"YAML file with the flags' names as keys." placeholder:"FILE"`
	Tell   kong.VersionFlag `name:"version" env:"-" help:"Print the version."`
}

// verb is a command by its name.
type verb struct {
	name, help string
	flags      any
}

func (c *commands) verbs() []verb {
	return []verb{
		{"serve", "Run the primary.", &c.Serve},
		{"status", "Say whether all is well, for people and for monitoring.", &c.Status},
		{"zone", "Import, export, check or look at a zone.", &c.Zone},
		{"import", "Copy from another server.", &c.Import},
		{"admin", "Find a way back in, on the data themselves.", &c.Admin},
		{"check", "Hold the rows of zones against what is served, and repair what is damaged.", &c.Check},
		{"backup", "Write, verify or list a backup of everything.", &c.Backup},
		{"restore", "Restore a backup into an empty database, or a zone of it into a server.", &c.Restore},
		{"migrate", "Copy everything to another database engine.", &c.Migrate},
		{"rotate-secret", "Encrypt all secrets with a new key.", &c.RotateSecret},
		{"cert", "Make certificates for private networks and labs.", &c.Cert},
		{"config", "Check the configuration, or show what it comes to.", &c.Settings},
		{"version", "Print the version.", &c.Version},
	}
}

// grammar is of the verb that arguments begin with alone: all flags of all verbs are several thousand things to make, of which a
// start would use the fewest. Where they begin with no verb, it is the whole.
func (c *commands) grammar(args []string) (verbs []kong.Option, whole bool) {
	for _, v := range c.verbs() {
		option := kong.DynamicCommand(v.name, v.help, "", v.flags)
		if len(args) > 0 && v.name == args[0] {
			return []kong.Option{option}, false
		}
		verbs = append(verbs, option)
	}
	return verbs, true
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
	verbs, whole := p.commands.grammar(args)
	parser, err := kong.New(&p.commands.Every, append(append(wording(), verbs...),
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
	p.file.all = Grammar
	if whole {
		p.file.all = func() (*kong.Application, error) { return parser.Model, nil }
	}
	p.context, err = parser.Parse(args)
	if p.code >= 0 {
		return p, nil
	}
	if err == nil && p.context.Command() != "version" {
		err = checkEnv(os.Environ(), parser.Model, p.file.all)
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
	c := &commands{}
	verbs, _ := c.grammar(nil)
	parser, err := kong.New(&c.Every, append(wording(), verbs...)...)
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
