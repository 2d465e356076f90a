//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// table collects measurements.
type table struct {
	goals    map[string][]goal
	rows     []string // in the order in which they came
	values   map[string]map[string][]float64
	notes    []string
	failures []string
}

func newTable() *table {
	return &table{goals: goals(), values: map[string]map[string][]float64{}}
}

func (t *table) add(row, contestant string, v float64) {
	if t.values[row] == nil {
		t.values[row] = map[string][]float64{}
		t.rows = append(t.rows, row)
	}
	t.values[row][contestant] = append(t.values[row][contestant], v)
}

// note keeps a remark for the reader, once.
func (t *table) note(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(t.notes, n) {
		t.notes = append(t.notes, n)
	}
}

// fail keeps a measurement that failed.
func (t *table) fail(contestant, row string, err error) {
	t.failures = append(t.failures, fmt.Sprintf("%s, %s: %v", contestant, row, err))
}

// verdict is how a row did against one of its goals.
type verdict struct {
	name  string  // what we are compared with
	ratio float64 // ours to that
	met   bool
	noise bool // only because the difference may be noise
}

// judge compares ours with the best of what the goal names. It is false where something is missing.
func (t *table) judge(row string, g goal) (v verdict, ok bool) {
	ours := t.values[row][nameUs]
	theirs := t.values[g.row][nameUs]
	if v.name = g.row; g.row == "" {
		for _, name := range g.peers {
			has := t.values[row][name]
			if len(has) > 0 && (len(theirs) == 0 || (median(has) < median(theirs)) != g.least) {
				v.name, theirs = name, has
			}
		}
	}
	if len(ours) == 0 || len(theirs) == 0 {
		return v, false
	}
	v.ratio = median(ours) / median(theirs)
	if g.turns && len(ours) == len(theirs) {
		v.ratio = median(turns(ours, theirs))
	}
	v.met = v.ratio <= g.factor || median(ours) <= g.limit
	if g.least {
		v.met = v.ratio >= g.factor
	}
	if !v.met && g.noise && v.ratio < noise && slices.Min(ours) <= slices.Max(theirs) {
		v.met, v.noise = true, true
	}
	return v, true
}

// turns are the ratios of what was measured one right after the other. Whatever else the machine does changes from minute to minute, and by more
// than what such goals are about: the medians of all turns may be those of different minutes.
func turns(ours, theirs []float64) []float64 {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / theirs[i]
	}
	return ratios
}

// noise is the ratio below which values that overlap are the same.
const noise = 1.2

func (g goal) String() string {
	most := "≤"
	if g.least {
		most = "≥"
	}
	s := fmt.Sprintf("%s %.4g", most, g.factor)
	if g.limit > 0 {
		s += fmt.Sprintf(", or %s %.4g", most, g.limit)
	}
	return s
}

// verdicts are the cells for goal, ratio and verdict of a row.
func (t *table) verdicts(row string) (want, ratio, result string) {
	var wants, ratios, results []string
	for _, g := range t.goals[row] {
		v, ok := t.judge(row, g)
		if !ok {
			continue
		}
		wants = append(wants, g.String())
		ratios = append(ratios, fmt.Sprintf("%.2f of %s", v.ratio, v.name))
		switch {
		case v.noise:
			results = append(results, "met within noise")
		case v.met:
			results = append(results, "met")
		default:
			results = append(results, "**missed**"+t.bound(row, g, v))
		}
	}
	return strings.Join(wants, "; "), strings.Join(ratios, "; "), strings.Join(results, "; ")
}

// bound tells what the echo reaches where more is better: nothing that goes the same road can do better on this machine.
func (t *table) bound(row string, g goal, v verdict) string {
	echo := t.values[row][nameEcho]
	if !g.least || len(echo) == 0 {
		return ""
	}
	return fmt.Sprintf(", the echo has %.2f", v.ratio*median(echo)/median(t.values[row][nameUs]))
}

// write prints the table as Markdown.
func (t *table) write(w io.Writer, names []string) {
	fmt.Fprintf(w, "| | %s | goal | ratio | verdict |\n|---|%s---|---|---|\n", strings.Join(names, " | "), strings.Repeat("---|", len(names)))
	for _, row := range t.rows {
		fmt.Fprintf(w, "| %s |", row)
		for _, n := range names {
			v := t.values[row][n]
			if len(v) == 0 {
				fmt.Fprint(w, " – |")
				continue
			}
			fmt.Fprintf(w, " %s (%s – %s) |", figure(median(v)), figure(slices.Min(v)), figure(slices.Max(v)))
		}
		want, ratio, result := t.verdicts(row)
		fmt.Fprintf(w, " %s | %s | %s |\n", want, ratio, result)
	}
	for _, part := range []struct {
		title string
		lines []string
	}{{"Failed", t.failures}, {"Notes", t.notes}} {
		if len(part.lines) > 0 {
			fmt.Fprintf(w, "\n%s:\n\n", part.title)
		}
		for _, l := range part.lines {
			fmt.Fprintf(w, "- %s\n", strings.ReplaceAll(l, "\n", " "))
		}
	}
}

// figure shows three significant digits, and all of a larger whole number.
func figure(v float64) string {
	if v >= 100 || v <= -100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}
