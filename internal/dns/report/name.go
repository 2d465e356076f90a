package report

import (
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// mark begins the name that reports are for, and stands before the agent (RFC 9567 section 6.1.1).
const mark = "\x03_er"

// About is what a report says.
type About struct {
	Name wire.Name     // that was asked for
	Type wire.Type     // likewise; the first of several
	Code wire.InfoCode // the extended error (RFC 8914)
}

// Under says whether a name is the place where reports for an agent are, or below it. The name is folded.
func Under(name []byte, agent wire.Name) bool {
	at := len(name) - len(agent) - len(mark)
	if at < 0 || string(name[at+len(mark):]) != string(agent) || string(name[at:at+len(mark)]) != mark {
		return false
	}
	for i := 0; i < at; i += 1 + int(name[i]) { // the mark begins where a label does
		if i+1+int(name[i]) > at {
			return false
		}
	}
	return true
}

// Read reads the name of a report for an agent; false: it is none.
func Read(name []byte, agent wire.Name) (a About, ok bool) {
	if !Under(name, agent) {
		return a, false
	}
	rest := string(name[:len(name)-len(agent)-len(mark)])
	rest, ok = strings.CutPrefix(rest, mark)
	if !ok {
		return a, false
	}
	types, rest, ok := cutLabel(rest)
	if !ok {
		return a, false
	}
	first, _, _ := strings.Cut(types, "-") // of several in one question (RFC 9567 section 6.1.1)
	t, err := strconv.ParseUint(first, 10, 16)
	if err != nil {
		return a, false
	}
	last := ""
	asked := wire.Name("")
	for rest != "" {
		label, behind, whole := cutLabel(rest)
		if !whole {
			return a, false
		}
		if behind == "" {
			last = label
			break
		}
		asked += wire.Name(rest[:1+len(label)])
		rest = behind
	}
	code, err := strconv.ParseUint(last, 10, 16)
	if err != nil {
		return a, false
	}
	return About{Name: asked + "\x00", Type: wire.Type(t), Code: wire.InfoCode(code)}, true
}

func cutLabel(s string) (label, rest string, ok bool) {
	if s == "" || len(s) < 1+int(s[0]) {
		return "", "", false
	}
	n := 1 + int(s[0])
	return s[1:n], s[n:], true
}
