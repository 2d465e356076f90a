package engine

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Dialect is everything in which the engines' SQL differs. Statements are written with ? for parameters.
type Dialect struct {
	numbered bool   // parameters are $1, $2, …
	Alone    bool   // one transaction writes at a time
	Lock     string // ends a SELECT whose rows stay locked until the transaction's end
	LockFree string // the same for rows that nobody else has locked, the others are left out; empty where there is no such thing
	// insert begins a statement of many rows, of which there may be so many.
	insert string
	rows   int
	// folded is an expression whose LIKE with a lower-case pattern ignores the case of ASCII letters.
	folded func(expr string) string
	// Same is a comparison with a lower-case text that ignores the case of ASCII letters.
	Same string
	// Position is an expression for where the second text starts in the first, counted from 1, 0 if nowhere.
	Position string
	// Char is the function that gives a character by its number.
	Char string
	// AtNames reads columns of records at names: one probe of the key for each. A plain IN list is one on SQLite; PostgreSQL
	// takes a zone it has not counted for a small one, and reads it whole.
	AtNames func(columns string) string
	// classify wraps model.ErrStale, model.ErrUnavailable or errUnique around errors of the driver that mean them.
	classify func(error) error
	// LostRace says that the same transaction may succeed when it is run again.
	LostRace func(error) bool
	// Timeline is an expression for what changes whenever the server's history may have lost its end, and system one for what all
	// servers of that history have in common; noTimeline where nothing is known.
	Timeline, System string
	// noTable says that a table is not there.
	noTable func(error) bool
	// Notify tells other processes of a commit, inside its transaction; empty where there are none.
	Notify string
	// Blob is the type of octets.
	Blob string
	// Now is an expression for the database's own clock, in microseconds since 1970.
	Now string
	// Linked says that entries of the journal have the position of their zone's entry before them, and no index by zone.
	Linked bool
	// Head is an expression for the journal's last position.
	Head string
	// Impatient and hurry are expressions that have the database take back this transaction, and with it its locks, should
	// its node fall silent: they stand where all other nodes wait. Their values mean nothing.
	Impatient, Hurry string
	// NextZone is an expression for a number that neither a zone nor an import has or had a moment ago.
	NextZone string
	// AfterRestore moves what hands out zone numbers past those that were restored; empty where nothing needs it.
	AfterRestore string
}

// NoTimeline is the empty text.
const NoTimeline = "''"

// bind writes a statement in the dialect's form. No statement has a ? inside a literal.
func (d *Dialect) bind(text string) string {
	if !d.numbered || !strings.Contains(text, "?") {
		return text
	}
	var b strings.Builder
	b.Grow(len(text) + 32)
	for n := 1; ; n++ {
		before, after, found := strings.Cut(text, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
		text = after
	}
}

// likeEscaper makes text literal inside a LIKE pattern with ESCAPE '!'.
var likeEscaper = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// LowerASCII folds the 26 letters and nothing else, as both engines' lower() does here. What it returns is well formed.
func LowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return noNUL(r)
	}, s)
}

// WellFormed puts the replacement character for what is not UTF-8 and for NUL: PostgreSQL takes neither in text, and
// SQLite ends a pattern at a NUL.
func WellFormed(s string) string { return strings.Map(noNUL, s) }

func noNUL(r rune) rune {
	if r == 0 {
		return utf8.RuneError
	}
	return r
}

// Placeholders writes n parameters with commas: "?, ?, ?".
func Placeholders(n int) string {
	if n == 0 {
		return ""
	}
	return strings.Repeat("?, ", n-1) + "?"
}

// tuples writes n rows of width parameters for a multi-row VALUES.
func tuples(n, width int) string {
	row := "(" + Placeholders(width) + ")"
	return strings.Repeat(row+", ", n-1) + row
}

// Rows of one multi-row statement. Only these sizes are used, so that few statements are prepared.
var chunkSizes = [...]int{512, 64, 32, 16, 8, 4, 2, 1}

// Chunk returns how many of n waiting rows, of width parameters each, go into the next statement.
func (d *Dialect) Chunk(n, width int) int {
	for _, size := range chunkSizes {
		if size <= n && size <= d.rows && size*width <= maxParameters {
			return size
		}
	}
	return 1
}

// maxParameters is the lower of the engines' limits on parameters of one statement.
const maxParameters = 32766

// padded returns the size of a list that holds n values and whose text is prepared for many n: the next power of two.
func padded(n int) int {
	size := 1
	for size < n {
		size *= 2
	}
	return size
}

// MaxList bounds how many values are asked for by one IN list.
const MaxList = 512
