//go:build linux

package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// zoneName is the zone that every contestant serves.
const zoneName = "bench.example"

// makeZone writes a zone file of the wanted size and files of queries for it, all from a fixed seed: hosts with one or two
// addresses, some aliases, mail exchangers, texts and delegations, two to four labels deep.
func (b *bench) makeZone() error {
	r := rand.New(rand.NewPCG(20261124, 1))
	zone, err := newFile(filepath.Join(b.dir, "zone"))
	if err != nil {
		return err
	}
	zone.line("$ORIGIN %s.\n$TTL 3600\n@ IN SOA ns1 hostmaster 1 10000 2400 604800 1800\n@ IN NS ns1\n@ IN NS ns2\nns1 IN A 192.0.2.1\nns2 IN A 192.0.2.2", zoneName)
	wide, err := newFile(filepath.Join(b.dir, "wide"))
	if err != nil {
		return err
	}
	hot, err := newFile(filepath.Join(b.dir, "hot"))
	if err != nil {
		return err
	}
	every := max(1, b.records/180_000)
	for n, i := 5, 0; n < b.records; i++ {
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
		n++
		if i%every != 0 {
			continue
		}
		wide.line("%s.%s. %s NOERROR 1", name, zoneName, typ)
		if i < 1000*every {
			hot.line("%s.%s. %s NOERROR 1", name, zoneName, typ)
		}
		if i%(10*every) == 0 {
			wide.line("x%s.%s. A NXDOMAIN 0", name, zoneName)
		}
	}
	for _, f := range []*file{zone, wide, hot} {
		if err := f.close(); err != nil {
			return err
		}
	}
	return nil
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
