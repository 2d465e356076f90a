package node

import (
	"reflect"
	"strings"
	"unicode"
)

// Reload takes over what may change while the node runs: the level of the log and the certificates. Of other settings that
// differ it says that they want a restart. Nothing changes if it fails.
func (n *Node) Reload(next *Config) error {
	if err := next.Check(); err != nil {
		return err
	}
	level, err := next.level()
	if err != nil {
		return err
	}
	for _, c := range []*certFile{n.certs, n.dnsCerts, n.connect} {
		if c == nil {
			continue
		}
		if err := c.load(); err != nil {
			return err
		}
	}
	if n.cfg.logLevel != nil {
		n.cfg.logLevel.Set(level)
	}
	n.log.Info("reloaded", "log_level", next.LogLevel)
	if differ := n.cfg.differing(next); len(differ) > 0 {
		n.log.Warn("settings that changed and count after a restart", "settings", strings.Join(differ, ", "))
	}
	return nil
}

// differing names the settings, without their values, in which two configurations differ and that Reload does not take over.
func (c *Config) differing(next *Config) []string {
	var out []string
	a, b := reflect.ValueOf(c).Elem(), reflect.ValueOf(next).Elem()
	for i := range a.NumField() {
		f := a.Type().Field(i)
		if !f.IsExported() || f.Tag.Get("kong") == "-" || f.Name == "LogLevel" || reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			continue
		}
		out = append(out, flagName(f))
	}
	return out
}

// flagName is what a field is called on the command line: by its tag, or its words with hyphens between.
func flagName(f reflect.StructField) string {
	if name := f.Tag.Get("name"); name != "" {
		return name
	}
	var b strings.Builder
	for i, r := range f.Name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
