package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v4"
)

// The configuration file is YAML. A key is a flag's name, with hyphens or underscores; at the top it counts for every command that
// has the flag, and in a section with a command's name (serve, zone and in it import) for that command, before the top. What
// is not known is an error: a setting that is silently not there is worse than a program that does not start.
//
// A flag given on the command line comes before the environment, and that before the file.

// flagSet is the flags of a command, and its commands.
type flagSet struct {
	flags map[string]*kong.Flag
	under map[string]*flagSet
}

// flagsOf takes the flags from the grammar; own flags of a command with sub-commands count for those.
func flagsOf(n *kong.Node) *flagSet {
	s := &flagSet{flags: map[string]*kong.Flag{}, under: map[string]*flagSet{}}
	for _, f := range n.Flags {
		if f.Name != "help" && f.Name != "config" && f.Name != "version" {
			s.flags[f.Name] = f
		}
	}
	for _, c := range n.Children {
		if c.Type == kong.CommandNode {
			s.under[c.Name] = flagsOf(c)
		}
	}
	return s
}

// named finds the flags of a name in a command and all that is under it.
func (s *flagSet) named(name string) *kong.Flag {
	if f := s.flags[name]; f != nil {
		return f
	}
	for _, u := range s.under {
		if f := u.named(name); f != nil {
			return f
		}
	}
	return nil
}

// names are all names that a file may use here.
func (s *flagSet) names() []string {
	var out []string
	for name := range s.flags {
		out = append(out, name)
	}
	for name, u := range s.under {
		out = append(append(out, name), u.names()...)
	}
	return out
}

// setting is one value of the file.
type setting struct {
	value any // string or []any of strings
	line  int
}

// fileResolver is what a configuration file says.
type fileResolver struct {
	file string
	// values are by the command's path and the flag, such as "serve data"; a flag at the top stands alone.
	values map[string]setting
}

// loadFile reads a configuration file against the flags there are.
func loadFile(name string, all *flagSet) (*fileResolver, error) {
	if strings.EqualFold(filepath.Ext(name), ".toml") {
		return nil, fmt.Errorf("%s: %w", name, errTOML)
	}
	raw, err := os.ReadFile(kong.ExpandPath(name))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	out := &fileResolver{file: name, values: map[string]setting{}}
	var docs []yaml.Node
	if err := yaml.Load(raw, &docs, yaml.WithAllDocuments()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var problems []error
	for i := range docs {
		if i > 0 {
			problems = append(problems, out.at(docs[i].Line, "a second document: there may be one"))
			break
		}
		if len(docs[i].Content) > 0 {
			problems = append(problems, out.section(docs[i].Content[0], all, nil))
		}
	}
	return out, errors.Join(problems...)
}

var errTOML = errors.New("TOML is not read: write the configuration as YAML, in which `name = value` is `name: value`")

func (r *fileResolver) at(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", r.file, line, fmt.Errorf(format, args...))
}

// section reads a mapping of the command that path names; all of the root.
func (r *fileResolver) section(n *yaml.Node, flags *flagSet, path []string) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return r.at(n.Line, "want `name: value` lines")
	}
	var problems []error
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := strings.ReplaceAll(key.Value, "_", "-")
		f := flags.named(name)
		if under := flags.under[name]; under != nil && (value.Kind == yaml.MappingNode || f == nil) {
			problems = append(problems, r.section(value, under, append(slices.Clone(path), name)))
			continue
		}
		if f == nil {
			problems = append(problems, r.at(key.Line, "there is no setting %q%s", key.Value, meant(name, flags.names())))
			continue
		}
		problems = append(problems, r.set(key, value, f, strings.Join(append(slices.Clone(path), name), " ")))
	}
	return errors.Join(problems...)
}

// set notes one value, when it is one that the flag can have.
func (r *fileResolver) set(key, value *yaml.Node, f *kong.Flag, at string) error {
	if before, twice := r.values[at]; twice {
		return r.at(key.Line, "%q stands twice, before in line %d", key.Value, before.line)
	}
	s := setting{line: key.Line}
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	switch {
	case value.Kind == yaml.ScalarNode && value.Tag == "!!null":
		return r.at(key.Line, "%q has no value", key.Value)
	case value.Kind == yaml.ScalarNode:
		s.value = value.Value
	case value.Kind == yaml.SequenceNode && f.IsSlice():
		list := make([]any, 0, len(value.Content))
		for _, v := range value.Content {
			if v.Kind != yaml.ScalarNode {
				return r.at(v.Line, "%q: want a list of values", key.Value)
			}
			list = append(list, v.Value)
		}
		s.value = list
	default:
		return r.at(value.Line, "%q takes one value", key.Value)
	}
	if err := try(f, s.value); err != nil {
		return r.at(value.Line, "%q: %w", key.Value, err)
	}
	r.values[at] = s
	return nil
}

// try says whether a flag can have a value.
func try(f *kong.Flag, value any) error {
	scratch := *f.Value
	if err := scratch.Parse(kong.Scan().PushTyped(value, kong.FlagValueToken), reflect.New(f.Target.Type()).Elem()); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), f.ShortSummary()+": "))
	}
	if text, ok := value.(string); ok && f.Enum != "" && !slices.Contains(strings.Split(f.Enum, ","), text) {
		return fmt.Errorf("must be one of %s", f.Enum)
	}
	return nil
}

// configured is kong's resolver: it reads the file that --config or its variable names, when the first flag asks.
type configured struct {
	// all describes every verb: a file may have settings of each, whichever is run.
	all  func() (*kong.Application, error)
	file *fileResolver
	err  error
	read bool
}

// Validate is done when the file is read.
func (*configured) Validate(*kong.Application) error { return nil }

// Resolve finds a flag's value in the file, unless the environment has one.
func (c *configured) Resolve(ctx *kong.Context, parent *kong.Path, f *kong.Flag) (any, error) {
	if !c.read {
		c.read = true
		c.load(ctx)
	}
	if c.file == nil {
		return nil, c.err
	}
	if _, ok := fromEnv(f); ok {
		return nil, nil //nolint:nilnil // kong's word for "not here"
	}
	if s, ok := c.file.find(commandPath(parent.Node()), f.Name); ok {
		return s.value, nil
	}
	return nil, nil //nolint:nilnil // as above
}

func (c *configured) load(ctx *kong.Context) {
	for _, f := range ctx.Model.Flags {
		if f.Name != "config" {
			continue
		}
		if name, _ := ctx.FlagValue(f).(string); name != "" {
			c.file, c.err = c.open(name)
		}
	}
}

func (c *configured) open(name string) (*fileResolver, error) {
	app, err := c.all()
	if err != nil {
		return nil, err
	}
	file, err := loadFile(name, flagsOf(app.Node))
	if err != nil {
		return nil, err
	}
	return file, nil
}

// find looks in the command's section, in those around it, and at the top.
func (r *fileResolver) find(path []string, flag string) (setting, bool) {
	for i := len(path); i >= 0; i-- {
		if s, ok := r.values[strings.Join(append(slices.Clone(path[:i]), flag), " ")]; ok {
			return s, true
		}
	}
	return setting{}, false
}

// fromEnv names the variable that a flag's value is from.
func fromEnv(f *kong.Flag) (name string, ok bool) {
	for _, name := range f.Envs {
		if _, ok := os.LookupEnv(name); ok {
			return name, true
		}
	}
	return "", false
}

func commandPath(n *kong.Node) []string {
	var out []string
	for ; n != nil && n.Parent != nil; n = n.Parent {
		if n.Type == kong.CommandNode {
			out = append(out, n.Name)
		}
	}
	slices.Reverse(out)
	return out
}

// Variables that Kubernetes sets for a service whose name begins with headwater: by their names, and one by its value.
var (
	links = regexp.MustCompile(`^HEADWATER(_[A-Z0-9_]+)?_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)=`)
	link  = regexp.MustCompile(`^HEADWATER(_[A-Z0-9_]+)?_PORT=(tcp|udp|sctp)://`)
)

const envPrefix = "HEADWATER_"

// checkEnv refuses variables of ours that mean nothing to any verb; app is the grammar of the one that is run, and all makes that of all.
func checkEnv(environ []string, app *kong.Application, all func() (*kong.Application, error)) error {
	strange := strangers(environ, variables(app))
	if len(strange) == 0 {
		return nil
	}
	app, err := all()
	if err != nil {
		return err
	}
	known := variables(app)
	var problems []error
	for _, name := range strangers(strange, known) {
		problems = append(problems, fmt.Errorf("environment: there is no setting %s%s", name, meant(name, known)))
	}
	return errors.Join(problems...)
}

// variables are the names of a grammar's settings in the environment.
func variables(app *kong.Application) []string {
	var names []string
	_ = kong.Visit(app, func(n kong.Visitable, next kong.Next) error {
		if f, ok := n.(*kong.Flag); ok {
			names = append(names, f.Envs...)
		}
		return next(nil)
	})
	slices.Sort(names)
	return names
}

// strangers are the names of ours in the environment that are not known, which are sorted.
func strangers(environ, known []string) []string {
	var out []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, envPrefix) || links.MatchString(kv) || link.MatchString(kv) {
			continue
		}
		if _, ok := slices.BinarySearch(known, name); !ok {
			out = append(out, name)
		}
	}
	return out
}

// meant names what somebody may have meant, in words that follow the problem's.
func meant(name string, known []string) string {
	best, least := "", max(3, len(name)/3)+1
	slices.Sort(known)
	for _, k := range known {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance counts the letters to add, drop or change on the way from a to b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, before+1)
		}
	}
	return row[len(b)]
}
