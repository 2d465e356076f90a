package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/headwaterdns/headwater/internal/cli"
)

// manuals writes a manual page for the program, one for each command, and completions for three shells, from the grammar that the
// program itself parses by.
func (r *release) manuals(context.Context) error {
	app, err := cli.Grammar()
	if err != nil {
		return err
	}
	for _, n := range commandsOf(app.Node) {
		name := strings.ReplaceAll(n.path, " ", "-")
		r.shared = append(r.shared, file{"man/" + name + ".1", []byte(r.page(n)), 0o644})
	}
	for shell, text := range map[string]string{"bash": bashCompletion(app.Node), "zsh": zshCompletion(app.Node), "fish": fishCompletion(app.Node)} {
		r.shared = append(r.shared, file{"completions/headwater." + shell, []byte(text), 0o644})
	}
	return nil
}

// command is one with its whole name, "headwater zone import".
type command struct {
	*kong.Node

	path string
}

// commandsOf gives a command and all below it, as people are shown them.
func commandsOf(root *kong.Node) []command {
	var out []command
	var walk func(n *kong.Node, path string)
	walk = func(n *kong.Node, path string) {
		out = append(out, command{n, path})
		for _, c := range n.Children {
			if c.Type == kong.CommandNode && !c.Hidden {
				walk(c, path+" "+c.Name)
			}
		}
	}
	walk(root, root.Name)
	return out
}

// words are the names that may follow a command: its commands, then its flags.
func (c command) words() (names, flags []string) {
	for _, child := range c.Children {
		if child.Type == kong.CommandNode && !child.Hidden {
			names = append(names, child.Name)
		}
	}
	for _, f := range c.flags() {
		flags = append(flags, "--"+f.Name)
	}
	return names, flags
}

// flags are those of the command and of what it belongs to.
func (c command) flags() []*kong.Flag {
	var out []*kong.Flag
	for _, group := range c.AllFlags(true) {
		out = append(out, group...)
	}
	return out
}

// roff keeps a text from being taken for requests.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, `-`, `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	var b strings.Builder
	for _, r := range s {
		if r < 0x80 {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\[u%04X]`, r)
		}
	}
	return b.String()
}

func (r *release) page(c command) string {
	var b strings.Builder
	name := strings.ReplaceAll(c.path, " ", "-")
	fmt.Fprintf(&b, ".TH %s 1 %s \"headwater %s\" \"User Commands\"\n", strings.ToUpper(name), r.when.Format("2006-01-02"), r.version)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(name), roff(summary(c)))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n%s\n", roff(c.path), roff(strings.TrimPrefix(c.Summary(), c.FullPath())))
	b.WriteString(".SH DESCRIPTION\n")
	for line := range strings.Lines(c.Help + "\n\n" + c.Detail) {
		if line = strings.TrimSpace(line); line == "" {
			b.WriteString(".PP\n")
			continue
		}
		b.WriteString(roff(line) + "\n")
	}
	if names, _ := c.words(); len(names) > 0 {
		b.WriteString(".SH COMMANDS\n")
		for _, child := range c.Children {
			if slices.Contains(names, child.Name) {
				fmt.Fprintf(&b, ".TP\n.B %s\n%s See\n.BR %s (1).\n", roff(child.Name), roff(child.Help), roff(name+"-"+child.Name))
			}
		}
	}
	b.WriteString(".SH OPTIONS\n")
	for _, f := range c.flags() {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(f.String()), roff(f.Help))
		for _, env := range f.Envs {
			fmt.Fprintf(&b, "Environment: %s.\n", roff(env))
		}
	}
	b.WriteString(".SH EXIT STATUS\n0 when it is done, 1 when it failed, 2 for arguments that make no sense.\n")
	return b.String()
}

func summary(c command) string {
	if c.Type == kong.ApplicationNode {
		return "a self-hosted DNS primary"
	}
	return strings.TrimSuffix(c.Help, ".")
}

// bashCompletion knows the commands and flags; the rest are files.
func bashCompletion(root *kong.Node) string {
	var b strings.Builder
	b.WriteString("# bash completion for headwater\n_headwater() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} at=headwater w\n" +
		"\tfor w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n\t\tcase \"$at $w\" in\n")
	all := commandsOf(root)
	for _, c := range all[1:] {
		fmt.Fprintf(&b, "\t\t%q) at=%q ;;\n", c.path, c.path)
	}
	b.WriteString("\t\tesac\n\tdone\n\tlocal words=\n\tcase $at in\n")
	for _, c := range all {
		names, flags := c.words()
		fmt.Fprintf(&b, "\t%q) words=%q ;;\n", c.path, strings.Join(append(names, flags...), " "))
	}
	b.WriteString("\tesac\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\ncomplete -o default -F _headwater headwater\n")
	return b.String()
}

func zshCompletion(root *kong.Node) string {
	return "#compdef headwater\nautoload -U +X bashcompinit && bashcompinit\n" + bashCompletion(root)
}

func fishCompletion(root *kong.Node) string {
	var b strings.Builder
	b.WriteString("# fish completion for headwater\n")
	for _, c := range commandsOf(root) {
		seen := "__fish_use_subcommand"
		if words := strings.Fields(c.path)[1:]; len(words) > 0 {
			seen = "__fish_seen_subcommand_from " + strings.Join(words, "; and __fish_seen_subcommand_from ")
		}
		for _, child := range c.Children {
			if child.Type == kong.CommandNode && !child.Hidden {
				fmt.Fprintf(&b, "complete -c headwater -f -n %s -a %s -d %s\n", fishQuoted(seen), child.Name, fishQuoted(child.Help))
			}
		}
		for _, f := range c.flags() {
			fmt.Fprintf(&b, "complete -c headwater -n %s -l %s -d %s\n", fishQuoted(seen), f.Name, fishQuoted(f.Help))
		}
	}
	return b.String()
}

func fishQuoted(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
