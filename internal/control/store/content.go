package store

import (
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Contents of TXT records stand as they were sent, as bare text or as quoted strings. A filter finds them by either: both
// sides are brought to plain text, by SQL here and by plainText in Go, which take the same steps. Control characters stand
// in for what a later step must not take for its own; no content has them unescaped.
const (
	markSlash = "\x01" // an escaped backslash
	markQuote = "\x02" // an escaped quote
	markOpen  = "\x03" // a blank is the pair of these two,
	markShut  = "\x04" // so that where blanks meet, "shut open" is left out
)

// plainSteps make plain text of quoted strings, but for the quotes at its ends; blankSteps make one space of each run of
// white space.
var (
	blankSteps = [][2]string{{"\t", " "}, {" ", markOpen + markShut}, {markShut + markOpen, ""}, {markOpen + markShut, " "}}
	quoteSteps = [][2]string{{`\\`, markSlash}, {`\"`, markQuote}, {`" "`, ""}}
	lastSteps  = [][2]string{{markQuote, `"`}, {markSlash, `\`}}
)

// plainText is a text with runs of white space as one space, and without quotes if it is quoted. open and shut say that a
// quote at its beginning, or at its end, is one of quoting even if the other is missing: the text is but a part.
func plainText(s string, open, shut bool) string {
	s = stepped(blankSteps, s)
	if s == "" || s[0] != '"' && (!shut || s[len(s)-1] != '"') || !open && !shut && s[len(s)-1] != '"' {
		return s
	}
	s = stepped(quoteSteps, s)
	return stepped(lastSteps, strings.Trim(s, `"`))
}

func stepped(steps [][2]string, s string) string {
	for _, step := range steps {
		s = strings.ReplaceAll(s, step[0], step[1])
	}
	return s
}

// plainContent is plainText of the column, in SQL.
func (d *dialect) plainContent() string {
	blank := d.stepped(blankSteps, "content")
	quoted := d.stepped(lastSteps, "trim("+d.stepped(quoteSteps, blank)+`, '"')`)
	return `(CASE WHEN content LIKE '"%"' THEN ` + quoted + ` ELSE ` + blank + ` END)`
}

func (d *dialect) stepped(steps [][2]string, expr string) string {
	for _, step := range steps {
		expr = "replace(" + expr + ", " + d.literal(step[0]) + ", " + d.literal(step[1]) + ")"
	}
	return expr
}

// literal writes a text without a ' in it; control characters go by their numbers.
func (d *dialect) literal(s string) string {
	var parts []string
	for i := range len(s) {
		if s[i] < ' ' {
			parts = append(parts, d.char+"("+string('0'+s[i])+")")
			continue
		}
		parts = append(parts, "'"+s[i:i+1]+"'")
	}
	if len(parts) == 0 {
		return "''"
	}
	return "(" + strings.Join(parts, " || ") + ")"
}

// content adds a condition on contents: any of the value's spellings, white space in runs or single, and for TXT quoted or
// bare. TXT contents are looked at one by one, all others that have to be equal through the index.
func (w *where) content(f *model.Filter) {
	values := slices.Clone(f.Also)
	values = append(values, f.Value, stepped(blankSteps, f.Value))
	slices.Sort(values)
	values = slices.Compact(values)
	plain := w.d.plainContent()
	texts := where{d: w.d}
	texts.add("zone = "+zoneNumber, id(w.zone))
	texts.add("type = 'TXT'")
	w.group(false, func(g *where) {
		if f.Op == model.OpExact {
			for _, v := range values {
				low := lowerASCII(v)
				g.add(contentKey+" = ? AND lower(content) = ?", keyOf(low), low)
			}
			texts.add("lower("+plain+") = ?", lowerASCII(plainText(f.Value, false, false)))
		} else {
			var before, after string
			if f.Op != model.OpStartsWith {
				before = "%"
			}
			if f.Op != model.OpEndsWith {
				after = "%"
			}
			for _, v := range values {
				g.add(w.like("content"), before+escaped(v)+after)
			}
			text := plainText(f.Value, f.Op != model.OpEndsWith, f.Op != model.OpStartsWith)
			texts.add(w.like(plain), before+escaped(text)+after)
		}
		if w.only == 0 || w.only == wire.TypeTXT {
			g.add(texts.joined(), texts.args...)
		}
		if f.RData != nil {
			g.add("zone = "+zoneNumber+" AND type = 'TXT' AND rdata = ?", id(w.zone), octets(f.RData))
		}
	})
}
