package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/client"
)

type statusCmd struct {
	Server  string        `default:"http://127.0.0.1:8053" help:"Address of the Headwater to look at." placeholder:"URL"`
	Token   string        `help:"API token for it; without one, secondaries are not looked at." env:"HEADWATER_TOKEN"`
	Timeout time.Duration `default:"10s" help:"How long to wait for it."`
}

// Help shows an example.
func (*statusCmd) Help() string {
	return "Looks at the server and, with a token, at the secondaries of all zones that the token may see, and says the worst of it first. " +
		"The exit status is that of monitoring plugins: 0 when all is well, 1 for what wants a look, 2 for what wants somebody now, 3 when nothing can be said.\n\n" +
		"Example: headwater status --token $TOKEN"
}

// level is how bad something is.
type level int

const (
	fine level = iota
	unknown
	warning
	critical
)

func (l level) String() string { return [...]string{"OK", "UNKNOWN", "WARNING", "CRITICAL"}[l] }

// status is how monitoring plugins tell it.
func (l level) status() exitStatus { return [...]exitStatus{0, 3, 1, 2}[l] }

// exitStatus ends the program with a status of its own, after all has been said.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// findings are what was seen, and the worst of it.
type findings struct {
	worst level
	lines []string
}

// add puts the worst first.
func (f *findings) add(l level, format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if l > f.worst {
		f.worst = l
		f.lines = slices.Insert(f.lines, 0, line)
		return
	}
	f.lines = append(f.lines, line)
}

// Run looks, prints, and ends with the status.
func (c *statusCmd) Run(ctx context.Context, s *streams) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	var f findings
	r := client.New(c.Server, c.Token)
	if ok, text, err := r.Ready(ctx); err != nil {
		f.add(critical, "no answer: %v", err)
	} else {
		f.server(ok, text)
		if c.Token != "" {
			f.secondaries(ctx, r)
		}
	}
	if _, err := fmt.Fprintf(s.out, "HEADWATER %s - %s\n", f.worst, strings.Join(f.lines, "\n")); err != nil {
		return err
	}
	if f.worst == fine {
		return nil
	}
	return f.worst.status()
}

// server weighs what /readyz tells: facts, and then whatever is not as it should be.
func (f *findings) server(ok bool, text string) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if !ok {
		f.add(critical, "%s", lines[0])
		return
	}
	facts := map[string]bool{"ready": true, "roles": true, "zones": true, "seq": true, "nodes": true}
	var told []string
	for _, line := range lines {
		first, _, _ := strings.Cut(line, " ")
		switch {
		case strings.HasPrefix(line, "no lease"):
			told = append(told, line)
		case facts[first] && !strings.HasPrefix(line, "zones damaged"):
			told = append(told, line)
		case strings.HasPrefix(line, "no secret key"), strings.HasPrefix(line, "history lost"):
			f.add(warning, "%s", line)
		default:
			f.add(critical, "%s", line)
		}
	}
	f.add(fine, "%s", strings.Join(told, ", "))
}

// lagging are the states of a secondary that may pass by themselves.
func lagging() []string { return []string{"behind", "no_address"} }

// secondaries weighs the zones that somebody should look at.
func (f *findings) secondaries(ctx context.Context, r *client.Client) {
	type standing struct {
		Name   string         `json:"name"`
		Serial uint32         `json:"serial"`
		States map[string]int `json:"states"`
	}
	zones, err := client.All[standing](ctx, r, "/headwater/v1/zones?standing=trouble")
	var refused *client.Error
	switch {
	case errors.As(err, &refused):
		f.add(unknown, "secondaries cannot be looked at: %v", err)
		return
	case err != nil:
		f.add(critical, "no answer about secondaries: %v", err)
		return
	case len(zones) == 0:
		f.add(fine, "no secondary is in trouble")
		return
	}
	for _, z := range zones {
		at := fine
		var parts []string
		for _, state := range slices.Sorted(maps.Keys(z.States)) {
			switch {
			case state == "in_step" || state == "unknown":
				continue
			case slices.Contains(lagging(), state):
				at = max(at, warning)
			default:
				at = critical
			}
			parts = append(parts, fmt.Sprintf("%d %s", z.States[state], state))
		}
		f.add(at, "%s (serial %d): %s", z.Name, z.Serial, strings.Join(parts, ", "))
	}
}
