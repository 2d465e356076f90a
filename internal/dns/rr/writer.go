package rr

import (
	"bufio"
	"io"
	"strconv"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Writer writes a zone file in canonical form: one record a line, absolute names, tab separated, class IN.
type Writer struct {
	out  *bufio.Writer
	line []byte
}

// NewWriter writes to w; Flush ends it.
func NewWriter(w io.Writer) *Writer { return &Writer{out: bufio.NewWriterSize(w, 1<<16)} }

// Write writes one record; comment, when not empty, follows a semicolon and must have no line break. An error stays and
// comes back from every later call, as with bufio.
func (w *Writer) Write(owner wire.Name, t wire.Type, ttl uint32, data []byte, comment string) error {
	w.line = append(append(w.line[:0], owner.String()...), '\t')
	w.line = append(strconv.AppendUint(w.line, uint64(ttl), 10), "\tIN\t"...)
	w.line = append(append(w.line, t.String()...), '\t')
	w.line = append(w.line, FormatData(t, data)...)
	if comment != "" {
		w.line = append(append(w.line, " ; "...), comment...)
	}
	_, err := w.out.Write(append(w.line, '\n'))
	return err
}

// Comment writes a line of its own.
func (w *Writer) Comment(s string) error {
	_, err := w.out.WriteString(";; " + s + "\n")
	return err
}

// Flush writes what is buffered and reports the first error.
func (w *Writer) Flush() error { return w.out.Flush() }
