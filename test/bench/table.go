//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// table collects measurements.
type table struct {
	rows   []string
	values map[string]map[string][]float64
}

func (t *table) add(row, contestant string, v float64) {
	if t.values == nil {
		t.values = map[string]map[string][]float64{}
	}
	if t.values[row] == nil {
		t.values[row] = map[string][]float64{}
		t.rows = append(t.rows, row)
	}
	t.values[row][contestant] = append(t.values[row][contestant], v)
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

// ratio is ours to the best of the others named; for rates, theirs is the largest.
func (t *table) ratio(row string) string {
	ours := t.values[row]["Headwater"]
	best := 0.0
	for name, v := range t.values[row] {
		m := median(v)
		if name == "Headwater" || name == "BIND" && !strings.Contains(row, "per second") {
			continue
		}
		if best == 0 || strings.Contains(row, "per second") && m > best || !strings.Contains(row, "per second") && m < best {
			best = m
		}
	}
	if len(ours) == 0 || best == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", median(ours)/best)
}

// write prints the table as Markdown, with what is needed to judge it.
func (t *table) write(w io.Writer, b *bench) {
	fmt.Fprintf(w, "# Benchmark\n\n%s, %d records, %d rounds, loads of %s; %s, %d processors, %s.\n\n",
		time.Now().UTC().Format("2 January 2006"), b.records, b.rounds, b.duration, cpuModel(), runtime.NumCPU(), runtime.Version())
	names := []string{}
	for _, c := range b.all {
		fmt.Fprintf(w, "- %s: %s\n", c.name, c.version)
		names = append(names, c.name)
	}
	fmt.Fprintf(w, "\nMedian (least – most). The ratio is ours to the better of NSD and Knot; for additions, to BIND.\n\n| | %s | ratio |\n|---|%s---|\n",
		strings.Join(names, " | "), strings.Repeat("---|", len(names)))
	for _, row := range t.rows {
		fmt.Fprintf(w, "| %s |", row)
		for _, n := range names {
			v := t.values[row][n]
			if len(v) == 0 {
				fmt.Fprint(w, " – |")
				continue
			}
			fmt.Fprintf(w, " %.3g (%.3g – %.3g) |", median(v), slices.Min(v), slices.Max(v))
		}
		fmt.Fprintf(w, " %s |\n", t.ratio(row))
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
