//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// expectation is what an answer must be; -1 stands for "anything".
type expectation struct {
	rcode   int8
	answers int32
}

// queries are all messages to send, in one slab, so that a million of them cost the collector nothing.
type queries struct {
	slab   []byte
	ends   []uint32 // message i ends at ends[i]
	expect []expectation
}

func (q *queries) len() int { return len(q.ends) }

// message is query i with identifier zero.
func (q *queries) message(i int) []byte {
	from := uint32(0)
	if i > 0 {
		from = q.ends[i-1]
	}
	return q.slab[from:q.ends[i]]
}

func readFile(path string, edns int, do bool) (*queries, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	q := new(queries)
	s := bufio.NewScanner(f)
	for line := 1; s.Scan(); line++ {
		text := strings.TrimSpace(s.Text())
		if text == "" || text[0] == '#' || text[0] == ';' {
			continue
		}
		if err := q.add(strings.Fields(text), edns, do); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, line, err)
		}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if q.len() == 0 {
		return nil, fmt.Errorf("%s: no queries", path)
	}
	return q, nil
}

func (q *queries) add(f []string, edns int, do bool) error {
	if len(f) < 2 || len(f) > 4 {
		return errors.New("want: name type [rcode [answers]]")
	}
	name, err := wire.ParseName(f[0])
	if err != nil {
		return err
	}
	typ, err := wire.ParseType(f[1])
	if err != nil {
		return fmt.Errorf("type %q: %w", f[1], err)
	}
	e := expectation{rcode: -1, answers: -1}
	if len(f) > 2 {
		if e.rcode, err = parseRcode(f[2]); err != nil {
			return err
		}
	}
	if len(f) > 3 {
		n, err := strconv.ParseUint(f[3], 10, 16)
		if err != nil {
			return fmt.Errorf("answers: %w", err)
		}
		e.answers = int32(n)
	}
	var b wire.Builder
	b.Start(q.slab, wire.MaxMessage, 0, 0)
	b.Question([]byte(name), typ, wire.ClassIN)
	if edns > 0 {
		b.OPT(&wire.OPT{UDPSize: uint16(edns), DO: do})
	}
	q.slab = b.Finish()
	q.ends = append(q.ends, uint32(len(q.slab)))
	q.expect = append(q.expect, e)
	return nil
}

// parseRcode reads a mnemonic of a code that fits the header, or its number.
func parseRcode(s string) (int8, error) {
	for r := range wire.Rcode(16) {
		if r.String() == strings.ToUpper(s) {
			return int8(r), nil
		}
	}
	n, err := strconv.ParseUint(s, 10, 4)
	if err != nil {
		return 0, fmt.Errorf("rcode %q is unknown", s)
	}
	return int8(n), nil
}
