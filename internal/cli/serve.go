package cli

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/headwaterdns/headwater/internal/node"
)

// serveCmd runs a node; its configuration is its flags.
type serveCmd struct{ node.Config }

// Help shows an example.
func (*serveCmd) Help() string {
	return "Example: headwater serve --data /var/lib/headwater --dns-listen 192.0.2.1:53 --nameservers ns1.example.net,ns2.example.net\n\n" +
		"SIGTERM ends it in order, within ten seconds; SIGHUP has it read its configuration and certificates again; SIGUSR2 starts the program " +
		"anew, as it lies on the disk, and hands the sockets over once that answers."
}

// Run serves until ctx ends.
func (c *serveCmd) Run(ctx context.Context, s *streams) error {
	hups := make(chan os.Signal, 1)
	signal.Notify(hups, syscall.SIGHUP)
	defer signal.Stop(hups)
	passes := make(chan os.Signal, 1)
	signal.Notify(passes, syscall.SIGUSR2)
	defer signal.Stop(passes)
	log, err := c.Logger(s.err)
	if err != nil {
		return err
	}
	c.Version = s.version
	n, err := node.Open(ctx, &c.Config, log)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go s.hangups(ctx, stop, hups, n, log)
	return n.Run(ctx, s.out, passes)
}

// hangups reads the configuration again at each SIGHUP. From a terminal that is gone it means that nobody is there any more:
// the end, in order.
func (s *streams) hangups(ctx context.Context, stop func(), hups <-chan os.Signal, n *node.Program, log *slog.Logger) {
	terminal := term.IsTerminal(int(os.Stdin.Fd()))
	for {
		select {
		case <-ctx.Done():
			return
		case <-hups:
		}
		if terminal && !term.IsTerminal(int(os.Stdin.Fd())) {
			stop()
			return
		}
		err := n.Reload(func() (*node.Config, error) {
			quiet := *s
			quiet.out, quiet.err = io.Discard, io.Discard
			p, err := parse(ctx, &quiet, s.args)
			if err != nil {
				return nil, err
			}
			return &p.commands.Serve.Config, nil
		})
		if err != nil {
			log.Error("not reloaded: everything stays as it was", "error", err)
		}
	}
}
