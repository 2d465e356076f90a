package peers

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Program is a DNS server that can be a secondary.
type Program string

// The programs that this package can start.
const (
	BIND     Program = "BIND"
	NSD      Program = "NSD"
	Knot     Program = "Knot"
	PowerDNS Program = "PowerDNS"
)

// Programs lists them all.
func Programs() []Program { return []Program{BIND, NSD, Knot, PowerDNS} }

// binary is the program's file name, and the Debian packages that bring it.
func (p Program) binary() (name, packages string) {
	switch p {
	case BIND:
		return "named", "bind9"
	case NSD:
		return "nsd", "nsd"
	case Knot:
		return "knotd", "knot"
	case PowerDNS:
		return "pdns_server", "pdns-server and pdns-backend-sqlite3"
	}
	return "", ""
}

// Find gives the program's path, or an error that names the Debian package to install.
func (p Program) Find() (string, error) {
	// Servers live where an ordinary user's PATH does not lead.
	return p.find("", "/usr/sbin", "/usr/local/sbin", "/sbin")
}

// find looks in dirs in turn; the empty one is the PATH.
func (p Program) find(dirs ...string) (string, error) {
	name, packages := p.binary()
	if name == "" {
		return "", fmt.Errorf("no program is called %q", string(p))
	}
	for _, dir := range dirs {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is missing: install the Debian package %s", name, packages)
}

// CanSkipIXFR says whether the program can be told to ask by AXFR alone.
func (p Program) CanSkipIXFR() bool { return p != Knot }

// AnswersAfterIXFR says whether the program answers queries for what came by IXFR. PowerDNS 4 stores such records without
// its mark of authority: it hands them on by AXFR, but answers as if they were not there. Unless its operator asks for
// IXFR it transfers by AXFR, and all is well.
func (p Program) AnswersAfterIXFR() bool { return p != PowerDNS }

// version asks the program what it is, for reports.
func (p Program) version(path string) string {
	flag := "-v"
	switch p {
	case Knot, PowerDNS:
		flag = "--version"
	case BIND, NSD:
	}
	out, _ := exec.Command(path, flag).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if i := strings.Index(line, "PowerDNS"); i > 0 {
			line = line[i:] // behind a time stamp
		}
		line, _, _ = strings.Cut(strings.TrimSpace(line), " (C)")
		return line
	}
	return string(p)
}
