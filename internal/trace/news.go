package trace

import (
	"strconv"
	"strings"
	"time"
)

// newsMost bounds one piece of news, in octets: what PostgreSQL takes along with a NOTIFY is less than 8,000.
const newsMost = 7000

// News are changes as the other nodes of a database are told of them, of whom one may have to tell a zone's secondaries: pieces of
// text, of which each stands for itself. The first line of a piece names the book that they are in here, each further one is a change:
// zone, serial, traceparent. Nobody is told of more changes than a book holds.
func (b *Book) News(changes []Change) (pieces []string) {
	if b == nil {
		return nil
	}
	var piece strings.Builder
	for i := range changes[:min(len(changes), booked)] {
		c := &changes[i]
		line := "\n" + c.zone + " " + strconv.FormatUint(uint64(c.serial), 10) + " " + c.span.Traceparent()
		if piece.Len() > 0 && piece.Len()+len(line) > newsMost {
			pieces = append(pieces, piece.String())
			piece.Reset()
		}
		if piece.Len() == 0 {
			piece.WriteString(b.name)
		}
		piece.WriteString(line)
	}
	if piece.Len() > 0 {
		pieces = append(pieces, piece.String())
	}
	return pieces
}

// Heard is a change of which another node has told.
type Heard struct {
	Zone   string
	Serial uint32
}

// Hear puts down what another node has told, and says what that was. What this one has told itself it knows already; what is no
// news, or of a trace that is not recorded, is passed over.
func (b *Book) Hear(now time.Time, news string, tracer Tracer) (heard []Heard) {
	if b == nil || len(news) > newsMost {
		return nil
	}
	from, rest, _ := strings.Cut(news, "\n")
	if from == b.name {
		return nil
	}
	for line := range strings.SplitSeq(rest, "\n") {
		part := strings.Split(line, " ")
		if len(part) != 3 {
			continue
		}
		serial, err := strconv.ParseUint(part[1], 10, 32)
		if err != nil {
			continue
		}
		if span := tracer.Elsewhere(part[2]); span != nil {
			b.Put(now, NewChange(part[0], uint32(serial), span))
			heard = append(heard, Heard{part[0], uint32(serial)})
		}
	}
	return heard
}
