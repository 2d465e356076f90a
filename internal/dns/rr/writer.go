package rr

import (
	"bufio"
	"io"
	"strconv"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Writer writes a zone file in canonical form: one record a line, absolute names, tab separated, class IN.
type Writer struct{ out *bufio.Writer }

// NewWriter writes to w; Flush ends it.
func NewWriter(w io.Writer) *Writer { return &Writer{bufio.NewWriterSize(w, 1<<16)} }

// Write writes one record; comment, when not empty, follows a semicolon and must have no line break.
func (w *Writer) Write(owner wire.Name, t wire.Type, ttl uint32, data []byte, comment string) error {
	w.out.WriteString(owner.String())
	w.out.WriteByte('\t')
	w.out.WriteString(strconv.FormatUint(uint64(ttl), 10))
	w.out.WriteString("\tIN\t")
	w.out.WriteString(t.String())
	w.out.WriteByte('\t')
	w.out.WriteString(FormatData(t, data))
	if comment != "" {
		w.out.WriteString(" ; ")
		w.out.WriteString(comment)
	}
	return w.out.WriteByte('\n')
}

// Comment writes a line of its own.
func (w *Writer) Comment(s string) error {
	w.out.WriteString(";; ")
	w.out.WriteString(s)
	return w.out.WriteByte('\n')
}

// Flush writes what is buffered and reports the first error.
func (w *Writer) Flush() error { return w.out.Flush() }
