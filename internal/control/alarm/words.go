package alarm

import (
	"fmt"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// linesMost is how many alarms a mail names.
const linesMost = 100

// Mail is a message in words: its subject, and its text.
func Mail(d *model.Delivery) (subject, text string) {
	if d.Test {
		return "Headwater: a test", "Somebody tries whether alarms get through to this address. They do.\n"
	}
	raised, cleared := 0, 0
	var b strings.Builder
	for i := range d.Alarms {
		a := &d.Alarms[i]
		what, on := "RAISED ", a.RaisedOn
		if a.Raised {
			raised++
		} else {
			cleared++
			what, on = "CLEARED", a.Cleared
		}
		if i < linesMost {
			fmt.Fprintf(&b, "%s  %s  %-8s  %s  %s\n", on.UTC().Format(time.DateTime+"Z"), what, a.Severity, orDash(a.ZoneName), plain(a.Text))
		}
	}
	if more := len(d.Alarms) - linesMost; more > 0 {
		fmt.Fprintf(&b, "… and %d more\n", more)
	}
	switch {
	case len(d.Alarms) == 1 && raised == 1:
		subject = "Headwater: " + d.Alarms[0].Text
	case len(d.Alarms) == 1:
		subject = "Headwater: over: " + d.Alarms[0].Text
	default:
		subject = fmt.Sprintf("Headwater: %d alarms raised, %d cleared", raised, cleared)
	}
	return shortened(plain(subject)), b.String()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// plain is a text on one line.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// shortened is a text of at most 120 characters.
func shortened(s string) string {
	if r := []rune(s); len(r) > 120 {
		return string(r[:119]) + "…"
	}
	return s
}
