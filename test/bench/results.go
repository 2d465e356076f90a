//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// order is how contestants stand in the table.
func order() []string {
	return []string{nameUs, nameNSD, nameKnot, nameBIND, namePDNS, nameSignzone, nameKzonesign, nameEcho, namePlain}
}

// write prints the table with what is needed to judge it: the machine, and the contestants' versions and settings.
func (b *bench) write(w io.Writer) {
	fmt.Fprintf(w, "# Benchmark\n\n%s. A zone of %d records and %d zones of %d; %d rounds, loads of %s; %s in all.\n\n",
		time.Now().UTC().Format("2 January 2006"), b.records, b.zones, smallRecords, b.rounds, b.duration,
		time.Since(b.began).Round(time.Second))
	fmt.Fprintf(w, "- Machine: %s, %d processors, %d MB of memory, Linux %s, %s for the servers' files\n- Go: %s\n",
		cpuModel(), runtime.NumCPU(), memory(), kernel(), filesystem(b.dir), runtime.Version())
	var names []string
	for _, n := range order() {
		for _, c := range b.met {
			if c.name == n {
				names = append(names, n)
				fmt.Fprintf(w, "- %s: %s\n", c.name, c.version)
				break
			}
		}
	}
	fmt.Fprint(w, "\nMedian (least – most). A ratio is that of the medians, ours to the best of those that the goal names; "+
		"of two rows that are measured in turns it is the median of the turns' own. "+
		"[docs/benchmark.md](../docs/benchmark.md) tells the method.\n\n")
	b.table.write(w, names)
	fmt.Fprint(w, "\n## Settings\n")
	shown := map[string]bool{}
	for _, c := range b.met {
		if !shown[c.name] {
			fmt.Fprintf(w, "\n%s:\n\n```\n%s\n```\n", c.name, strings.TrimSpace(strings.ReplaceAll(c.settings, b.dir, "DIR")))
		}
		shown[c.name] = true
	}
}

func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, ok := strings.CutPrefix(s.Text(), "model name"); ok {
			return strings.TrimLeft(name, " \t:")
		}
	}
	return "unknown processor"
}

// memory is the machine's, in MB of 2^20 octets.
func memory() uint64 {
	var i unix.Sysinfo_t
	if unix.Sysinfo(&i) != nil {
		return 0
	}
	return i.Totalram * uint64(i.Unit) >> 20
}

func kernel() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "unknown"
	}
	return string(bytes.TrimRight(u.Release[:], "\x00"))
}

// filesystem is the type of what a directory lies on: additions are only as durable as that.
func filesystem(dir string) string {
	raw, _ := os.ReadFile("/proc/self/mounts")
	best, kind := "", "an unknown file system"
	dir, _ = filepath.Abs(dir)
	for line := range strings.Lines(string(raw)) {
		f := strings.Fields(line)
		if len(f) > 2 && len(f[1]) >= len(best) && strings.HasPrefix(dir+"/", strings.TrimSuffix(f[1], "/")+"/") {
			best, kind = f[1], f[2]
		}
	}
	return kind
}
