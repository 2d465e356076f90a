package conformance

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Case is a case file.
type Case struct {
	File    string
	Zones   []*zone.Version
	Queries []*Query

	archive *txtar.Archive
}

// Query is a question of a case with the answer that it should have.
type Query struct {
	Text string // as the file has it
	Msg  *dns.Msg
	Size int // what the client takes over UDP, in octets
	TCP  bool

	Want    string            // the answer as text
	Remarks []string          // lines that begin with a semicolon
	Differs map[string]string // other servers that are known to answer otherwise, and why
	Ours    bool              // no question for other servers

	file int // in the archive
}

// Load reads all case files of a directory.
func Load(dir string) ([]*Case, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil {
		return nil, err
	}
	var cases []*Case
	owner := map[wire.Name]string{}
	for _, f := range files {
		c, err := load(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(f), err)
		}
		for _, v := range c.Zones {
			if other := owner[v.Apex()]; other != "" {
				return nil, fmt.Errorf("%s and %s both hold the zone %s", other, c.File, v.Apex())
			}
			owner[v.Apex()] = c.File
		}
		cases = append(cases, c)
	}
	return cases, nil
}

func load(file string) (*Case, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	c := &Case{File: file, archive: txtar.Parse(text)}
	for i, f := range c.archive.Files {
		kind, rest, _ := strings.Cut(f.Name, " ")
		switch kind {
		case "zone":
			v, err := parseZone(rest, string(f.Data))
			if err != nil {
				return nil, fmt.Errorf("zone %s: %w", rest, err)
			}
			c.Zones = append(c.Zones, v)
		case "query":
			q, err := parseQuery(rest)
			if err != nil {
				return nil, fmt.Errorf("query %s: %w", rest, err)
			}
			q.file = i
			q.answer(string(f.Data))
			c.Queries = append(c.Queries, q)
		default:
			return nil, fmt.Errorf("section %q is neither a zone nor a query", f.Name)
		}
	}
	return c, nil
}

// parseZone builds a zone from a master file.
func parseZone(name, text string) (*zone.Version, error) {
	apex, err := wire.ParseName(name)
	if err != nil {
		return nil, err
	}
	r := rr.NewReader(strings.NewReader(text), apex)
	var sets []rr.Set
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return zone.Build(apex, sets)
		}
		if err != nil {
			return nil, err
		}
		data, err := e.Data()
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", e.Owner, e.Type, err)
		}
		sets = append(sets, rr.Set{Owner: e.Owner, Type: e.Type, TTL: e.TTL, Data: [][]byte{data}})
	}
}

// parseQuery makes the question of a section's name.
func parseQuery(text string) (*Query, error) {
	f := strings.Fields(text)
	if len(f) < 2 {
		return nil, errors.New("it lacks a name or a type")
	}
	typ, err := wire.ParseType(f[1])
	if err != nil {
		return nil, err
	}
	q := &Query{Text: text, Size: 1232, Differs: map[string]string{}}
	q.Msg = &dns.Msg{Question: []dns.Question{{Name: f[0], Qtype: uint16(typ), Qclass: dns.ClassINET}}}
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	opt.SetUDPSize(1232)
	q.Msg.Extra = []dns.RR{opt}
	for _, o := range f[2:] {
		if err := q.option(opt, o); err != nil {
			return nil, err
		}
	}
	return q, nil
}

func (q *Query) option(opt *dns.OPT, o string) error {
	name, value, _ := strings.Cut(o, "=")
	n, _ := strconv.Atoi(value)
	switch name {
	case "class":
		q.Msg.Question[0].Qclass = dns.StringToClass[value]
	case "size":
		q.Size = max(n, 512)
		opt.SetUDPSize(uint16(n))
	case "noedns":
		q.Size, q.Msg.Extra = 512, nil
	case "do":
		opt.SetDo()
	case "version":
		opt.SetVersion(uint8(n))
	case "nsid":
		opt.Option = append(opt.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
	case "option":
		opt.Option = append(opt.Option, &dns.EDNS0_LOCAL{Code: uint16(n), Data: []byte("what")})
	case "rd":
		q.Msg.RecursionDesired = true
	case "tcp":
		q.TCP = true
	default:
		return fmt.Errorf("unknown option %s", o)
	}
	return nil
}

// answer reads a section's text.
func (q *Query) answer(text string) {
	var want strings.Builder
	for line := range strings.Lines(text) {
		remark, ok := strings.CutPrefix(line, "; ")
		if !ok {
			want.WriteString(line)
			continue
		}
		q.Remarks = append(q.Remarks, line)
		head, reason, _ := strings.Cut(strings.TrimSpace(remark), ": ")
		if server, ok := strings.CutSuffix(head, " differs"); ok {
			q.Differs[server] = reason
		}
		q.Ours = q.Ours || head == "ours"
	}
	q.Want = want.String()
}

// Update puts new answers into the file; got is by query.
func (c *Case) Update(got map[*Query]string) error {
	for _, q := range c.Queries {
		if text, ok := got[q]; ok {
			c.archive.Files[q.file].Data = []byte(strings.Join(q.Remarks, "") + text)
		}
	}
	return os.WriteFile(c.File, txtar.Format(c.archive), 0o600)
}
