package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v4"
)

type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Check file and environment as serve would read them."`
	Show  configShowCmd  `cmd:"" help:"Show every setting of serve and where it is from."`
}

type configCheckCmd struct{}

// Help shows an example.
func (configCheckCmd) Help() string {
	return "Reads what serve would read, and starts nothing. The exit status is 0 when a node would take it.\n\nExample: headwater config check --config /etc/headwater/headwater.yaml"
}

// Run checks.
func (configCheckCmd) Run(ctx context.Context, s *streams, c *commands) error {
	p, err := serving(ctx, s, c)
	if err != nil {
		return err
	}
	if err := p.commands.Serve.Check(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, "the configuration is good")
	return err
}

type configShowCmd struct{}

// Help shows an example.
func (configShowCmd) Help() string {
	return "Secrets are not shown.\n\nExample: headwater config show --config /etc/headwater/headwater.yaml"
}

// Run shows settings as a file would give them.
func (configShowCmd) Run(ctx context.Context, s *streams, c *commands) error {
	p, err := serving(ctx, s, c)
	if err != nil {
		return err
	}
	for _, f := range p.context.Selected().Flags {
		value, err := shown(f)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(s.out, "%s: %s # %s\n", f.Name, value, p.file.origin(f)); err != nil {
			return err
		}
	}
	return nil
}

// serving reads what serve would read.
func serving(ctx context.Context, s *streams, c *commands) (*parsed, error) {
	args := []string{"serve"}
	if c.Every.Config != "" {
		args = []string{"serve", "--config", c.Every.Config}
	}
	quiet := *s
	quiet.out = io.Discard
	return parse(ctx, &quiet, args)
}

// origin tells where the value of one of serve's flags is from.
func (c *configured) origin(f *kong.Flag) string {
	if name, ok := fromEnv(f); ok {
		return name
	}
	if c.file != nil {
		if at, ok := c.file.find([]string{"serve"}, f.Name); ok {
			return fmt.Sprintf("%s:%d", c.file.file, at.line)
		}
	}
	return "default"
}

// shown is a value as YAML on one line.
func shown(f *kong.Flag) (string, error) {
	v := f.Target.Interface()
	switch {
	case f.Tag.Has("secret") && !f.Target.IsZero():
		return "(not shown)", nil
	case f.IsSlice() && f.Target.Len() == 0:
		return "[]", nil
	}
	switch t := v.(type) {
	case fmt.Stringer:
		v = t.String()
	case string:
		if u, err := url.Parse(t); err == nil && u.User != nil {
			v = u.Redacted()
		}
	}
	n := &yaml.Node{}
	if err := n.Encode(v); err != nil {
		return "", err
	}
	if n.Kind == yaml.SequenceNode {
		n.Style = yaml.FlowStyle
	}
	raw, err := yaml.Dump(n)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(raw)), nil
}
