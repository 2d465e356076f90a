//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/miekg/dns"
)

// zoneName is the zone that every contestant serves.
const zoneName = "bench.example"

// makeZone writes a zone file of the wanted size and files of queries for it, all from a fixed seed: hosts with addresses,
// texts and mail exchangers, one or three labels below the apex.
func (b *bench) makeZone() error {
	r := rand.New(rand.NewPCG(20261124, 1))
	zone, err := newFile(filepath.Join(b.dir, "zone"))
	if err != nil {
		return err
	}
	zone.line("$ORIGIN %s.\n$TTL 3600\n@ IN SOA ns1 hostmaster 1 10000 2400 604800 1800\n@ IN NS ns1\n@ IN NS ns2\nns1 IN A 192.0.2.1\nns2 IN A 192.0.2.2", zoneName)
	asked := &sample{r: r, want: distinctQueries * 9 / 10, of: b.records - 5}
	for i := range b.records - 5 {
		name := fmt.Sprintf("h%07d", i)
		if r.IntN(4) == 0 {
			name = fmt.Sprintf("h%d.d%d.sub%d", i, i%977, i%31)
		}
		var typ string
		switch k := r.IntN(20); {
		case k < 14:
			typ = "A"
			zone.line("%s IN A 10.%d.%d.%d", name, i>>16&255, i>>8&255, i&255)
		case k < 16:
			typ = "AAAA"
			zone.line("%s IN AAAA 2001:db8::%x:%x", name, i>>16, i&0xffff)
		case k < 18:
			typ = "TXT"
			zone.line("%s IN TXT \"text of %d with some length to it\"", name, i)
		default:
			typ = "MX"
			zone.line("%s IN MX 10 mail%d.elsewhere.example.", name, i%1000)
		}
		asked.offer(i, name, typ)
	}
	if err := zone.close(); err != nil {
		return err
	}
	b.probe = question{name: asked.lines[0].name + "." + zoneName + ".", qtype: dns.StringToType[asked.lines[0].typ], answers: 1}
	return asked.write(b.dir)
}

// distinctQueries are asked in turn in the wide load: nine tenths for records that exist, one tenth for names that do not.
const distinctQueries = 180_000

// sample picks queries evenly from the zone.
type sample struct {
	r        *rand.Rand
	want, of int
	lines    []struct{ name, typ string }
}

func (s *sample) offer(i int, name, typ string) {
	if s.want >= s.of || (i+1)*s.want/s.of > i*s.want/s.of {
		s.lines = append(s.lines, struct{ name, typ string }{name, typ})
	}
}

// write makes the files of queries: in random order, for servers must not find in a cache of the processor what the query
// before has left there. The echo's files hold the same questions, and what an echo answers.
func (s *sample) write(dir string) error {
	order := s.r.Perm(len(s.lines))
	var wide, hot, none []string
	for n, i := range order {
		l := s.lines[i]
		q := fmt.Sprintf("%s.%s. %s", l.name, zoneName, l.typ)
		wide = append(wide, q)
		if n < 1000 {
			hot = append(hot, q)
		}
		if n%9 == 0 {
			none = append(none, fmt.Sprintf("x%s.%s. A", l.name, zoneName))
		}
	}
	has := len(wide)
	wide = append(wide, none...)
	mixed := s.r.Perm(len(wide))
	for name, list := range map[string][]string{"wide": wide, "hot": hot} {
		f, err := newFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		e, err := newFile(filepath.Join(dir, "echo-"+name))
		if err != nil {
			return err
		}
		for i := range list {
			at, answer := i, "NOERROR 1"
			if name == "wide" {
				at = mixed[i]
			}
			if at >= has {
				answer = "NXDOMAIN 0"
			}
			f.line("%s %s", list[at], answer)
			e.line("%s NOERROR 0", list[at])
		}
		if err := errors.Join(f.close(), e.close()); err != nil {
			return err
		}
	}
	return nil
}

// smallName is a zone of a thousand records beside the large one.
const smallName = "small.example"

func smallZone() io.Reader {
	var z strings.Builder
	fmt.Fprintf(&z, "$ORIGIN %s.\n$TTL 3600\n", smallName)
	for i := range 1000 {
		fmt.Fprintf(&z, "h%d IN A 10.0.%d.%d\n", i, i>>8, i&255)
	}
	return strings.NewReader(z.String())
}

// file is a buffered file whose first error counts.
type file struct {
	f   *os.File
	w   *bufio.Writer
	err error
}

func newFile(path string) (*file, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &file{f: f, w: bufio.NewWriterSize(f, 1<<20)}, nil
}

func (f *file) line(format string, args ...any) {
	if _, err := fmt.Fprintf(f.w, format+"\n", args...); err != nil && f.err == nil {
		f.err = err
	}
}

func (f *file) close() error {
	if err := f.w.Flush(); err != nil && f.err == nil {
		f.err = err
	}
	if err := f.f.Close(); err != nil && f.err == nil {
		f.err = err
	}
	return f.err
}
