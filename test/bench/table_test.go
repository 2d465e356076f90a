//go:build linux

package main

import (
	"errors"
	"strings"
	"testing"
)

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		row            string
		values         map[string][]float64
		more           map[string][]float64 // of rows of ours
		ratio, verdict string
	}{
		"met": {rowHot, map[string][]float64{nameUs: {7, 6, 8}, nameNSD: {10, 10, 11}, nameKnot: {12}}, nil, "0.70 of NSD", "met"},
		"missed, against the better one": {
			rowHot, map[string][]float64{nameUs: {10}, nameNSD: {20}, nameKnot: {10}, nameBIND: {1}}, nil, "1.00 of Knot", "**missed**",
		},
		"two goals": {
			rowWide, map[string][]float64{nameUs: {5}, nameNSD: {10}, namePlain: {3}}, nil, "0.50 of NSD; 1.67 of plain echo", "met; **missed**",
		},
		"at least": {rowAdd1, map[string][]float64{nameUs: {1500}, nameBIND: {500}}, nil, "3.00 of BIND", "met"},
		"at least, and more is better": {
			rowSlowBatch, map[string][]float64{nameUs: {1500}, nameBIND: {1000}, namePDNS: {10}}, nil, "1.50 of BIND", "**missed**",
		},
		"at least, and what can be reached": {
			rowAdd1, map[string][]float64{nameUs: {500}, nameBIND: {1000}, nameEcho: {2500}}, nil, "0.50 of BIND", "**missed**, the echo has 2.50",
		},
		"noise": {rowRateP99, map[string][]float64{nameUs: {105, 99, 110}, nameKnot: {100, 90, 101}}, nil, "1.05 of Knot", "met within noise"},
		"more than noise": {
			rowRateP99, map[string][]float64{nameUs: {150, 99, 160}, nameKnot: {100, 90, 101}}, nil, "1.50 of Knot", "**missed**",
		},
		"against another row": {
			rowAccept, map[string][]float64{nameUs: {2.7}}, map[string][]float64{rowAcceptSmall: {2}}, "1.35 of " + rowAcceptSmall, "**missed**",
		},
		"in turns, while the machine gets slower": {
			rowLimitHot, map[string][]float64{nameUs: {2.02, 4.04, 6.06}}, map[string][]float64{rowPlainHot: {2, 4, 6}}, "1.01 of " + rowPlainHot, "met",
		},
		"in turns, of which most are more": {
			rowLimitHot, map[string][]float64{nameUs: {2.2, 4.4, 5}}, map[string][]float64{rowPlainHot: {2, 4, 6}}, "1.10 of " + rowPlainHot, "**missed**",
		},
		"a turn is missing":      {rowLimitHot, map[string][]float64{nameUs: {2, 4}}, map[string][]float64{rowPlainHot: {2, 4, 6}}, "1.00 of " + rowPlainHot, "met"},
		"good enough by itself":  {rowSeen, map[string][]float64{nameUs: {19}}, map[string][]float64{rowAlone: {2}}, "9.50 of " + rowAlone, "met"},
		"nobody to compare with": {rowHot, map[string][]float64{nameUs: {8}}, nil, "", ""},
	} {
		tab := newTable()
		for c, list := range tt.values {
			for _, v := range list {
				tab.add(tt.row, c, v)
			}
		}
		for row, list := range tt.more {
			for _, v := range list {
				tab.add(row, nameUs, v)
			}
		}
		if _, ratio, verdict := tab.verdicts(tt.row); ratio != tt.ratio || verdict != tt.verdict {
			t.Errorf("%s: %q, %q; want %q, %q", name, ratio, verdict, tt.ratio, tt.verdict)
		}
	}
}

// Every goal belongs to a row that is measured.
func TestGoalsHaveRows(t *testing.T) {
	t.Parallel()
	rows := strings.Join(append(append(largeRows(), signedRows()...), rowManyUDP, rowManyMemory, rowManyStart, rowLoad, rowLoadMemory, rowMostStart, rowMostMemory), "\n")
	for row, list := range goals() {
		for _, g := range list {
			if !strings.Contains(rows, row) || !strings.Contains(rows, g.row) {
				t.Errorf("goal %+v of row %q is never judged", g, row)
			}
		}
	}
}

func TestTableText(t *testing.T) {
	t.Parallel()
	tab := newTable()
	tab.add(rowAXFR, nameUs, 0.25)
	tab.add(rowAXFR, nameNSD, 1)
	tab.fail(nameKnot, rowAXFR, errors.New("gone"))
	tab.note("twice")
	tab.note("twice")
	var b strings.Builder
	tab.write(&b, []string{nameUs, nameNSD, nameKnot})
	for _, want := range []string{
		"| AXFR: s | 0.25 (0.25 – 0.25) | 1 (1 – 1) | – | ≤ 0.33 | 0.25 of NSD | met |\n", "- Knot, AXFR: s: gone\n", "\n- twice\n",
	} {
		if strings.Count(b.String(), want) != 1 {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}
