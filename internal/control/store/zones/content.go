package zones

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
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
func plainContent(d *engine.Dialect) string {
	blank := steppedSQL(d, blankSteps, "content")
	quoted := steppedSQL(d, lastSteps, "trim("+steppedSQL(d, quoteSteps, blank)+`, '"')`)
	return `(CASE WHEN content LIKE '"%"' THEN ` + quoted + ` ELSE ` + blank + ` END)`
}

func steppedSQL(d *engine.Dialect, steps [][2]string, expr string) string {
	for _, step := range steps {
		expr = "replace(" + expr + ", " + literal(d, step[0]) + ", " + literal(d, step[1]) + ")"
	}
	return expr
}

// literal writes a text without a ' in it; control characters go by their numbers.
func literal(d *engine.Dialect, s string) string {
	var parts []string
	for i := range len(s) {
		if s[i] < ' ' {
			parts = append(parts, d.Char+"("+string('0'+s[i])+")")
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
// bare.
func (r *recordWhere) content(w *engine.Where, f *model.Filter) {
	values := slices.Clone(f.Also)
	values = append(values, f.Value, stepped(blankSteps, f.Value))
	slices.Sort(values)
	values = slices.Compact(values)
	plain := plainContent(w.Dialect)
	texts := engine.NewWhere(w.Dialect)
	texts.Add("type = 'TXT'")
	w.Group(false, func(g *engine.Where) {
		if f.Op == model.OpExact {
			for _, v := range values {
				low := engine.LowerASCII(v)
				g.Add(fmt.Sprintf(w.Dialect.Same, "content"), low)
			}
			texts.Add("lower("+plain+") = ?", engine.LowerASCII(plainText(f.Value, false, false)))
		} else {
			var before, after string
			if f.Op != model.OpStartsWith {
				before = "%"
			}
			if f.Op != model.OpEndsWith {
				after = "%"
			}
			for _, v := range values {
				g.Add(w.Like("content"), before+engine.Escaped(v)+after)
			}
			text := plainText(f.Value, f.Op != model.OpEndsWith, f.Op != model.OpStartsWith)
			texts.Add(w.Like(plain), before+engine.Escaped(text)+after)
		}
		if r.only == 0 || r.only == wire.TypeTXT {
			g.Add(texts.Joined(), texts.Arguments()...)
		}
		if f.RData != nil {
			g.Add("type = 'TXT' AND rdata = ?", engine.Octets(f.RData))
		}
	})
}
