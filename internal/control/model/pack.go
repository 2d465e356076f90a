package model

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Pack holds the records of a file, which may be a million: as octets in large pieces, one record behind another, of which a
// collector of garbage has nothing to look through. It grows at its end; what it holds does not change but for Proxy. A record's
// ids and times are no part of it.
type Pack struct {
	pieces [][]byte
	at     []uint64 // of each record: piece and offset
}

// packPiece is the size of a piece; a record that is larger has one of its own.
const packPiece = 1 << 20

// Flags of a packed record.
const (
	packProxied = 1 << iota
	packFlatten
	packIPv4
	packIPv6
	packPriority
)

// Head of a packed record: flags, type, ttl, priority; then the octets of name, content, RDATA, comment and tags, each behind its
// length.
const (
	packFlags    = 0
	packType     = 1
	packTTL      = 3
	packNumber   = 7
	packHead     = 9
	packLengths  = 4*binary.MaxVarintLen32 + wire.MaxName
	packOverhead = 64 // of a record's places in tables, about
)

// Len is the number of records.
func (p *Pack) Len() int { return len(p.at) }

// Cost is about what the next record would take, in octets.
func (p *Pack) Cost(r *Record) int64 { return r.Size() + int64(len(r.Name)) + packHead + packOverhead }

// Add appends a record.
func (p *Pack) Add(r *Record) {
	need := packHead + packLengths + len(r.Content) + len(r.RData) + len(r.Comment)
	for _, tag := range r.Tags {
		need += 1 + len(tag)
	}
	last := len(p.pieces) - 1
	if last < 0 || cap(p.pieces[last])-len(p.pieces[last]) < need {
		p.pieces = append(p.pieces, make([]byte, 0, max(need, packPiece)))
		last++
	}
	b := p.pieces[last]
	p.at = append(p.at, uint64(last)<<32|uint64(len(b)))
	var flags byte
	for i, on := range [...]bool{r.Proxied, r.Settings.FlattenCNAME, r.Settings.IPv4Only, r.Settings.IPv6Only, r.Priority != nil} {
		if on {
			flags |= 1 << i
		}
	}
	b = append(b, flags)
	b = binary.BigEndian.AppendUint16(b, uint16(r.Type))
	b = binary.BigEndian.AppendUint32(b, r.TTL)
	number := uint16(0)
	if r.Priority != nil {
		number = *r.Priority
	}
	b = binary.BigEndian.AppendUint16(b, number)
	for _, text := range [...]string{string(r.Name), r.Content, string(r.RData), r.Comment, strings.Join(r.Tags, "\n")} {
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	p.pieces[last] = b
}

func (p *Pack) record(i int) []byte {
	at := p.at[i]
	return p.pieces[at>>32][at&math.MaxUint32:]
}

func packed(b []byte) (field, rest []byte) {
	n, k := binary.Uvarint(b)
	b = b[k:]
	return b[:n], b[n:]
}

// Name is the owner of a record, as octets that must not be changed.
func (p *Pack) Name(i int) []byte {
	name, _ := packed(p.record(i)[packHead:])
	return name
}

// Type is the type of a record.
func (p *Pack) Type(i int) wire.Type {
	return wire.Type(binary.BigEndian.Uint16(p.record(i)[packType:]))
}

// Proxy makes a record a proxied one.
func (p *Pack) Proxy(i int) { p.record(i)[packFlags] |= packProxied }

// Record is a record as it was added. Its RDATA must not be changed.
func (p *Pack) Record(i int) *Record {
	r, rest := p.seen(i)
	content, rest := packed(rest)
	r.RData, rest = packed(rest)
	comment, rest := packed(rest)
	tags, _ := packed(rest)
	r.Content, r.Comment = string(content), string(comment)
	if len(tags) > 0 {
		r.Tags = strings.Split(string(tags), "\n")
	}
	return r
}

// Seen is what the DNS sees of a record, and nothing else of it.
func (p *Pack) Seen(i int) *Record {
	r, rest := p.seen(i)
	_, rest = packed(rest)
	r.RData, _ = packed(rest)
	return r
}

func (p *Pack) seen(i int) (r *Record, rest []byte) {
	b := p.record(i)
	flags := b[packFlags]
	r = &Record{
		Type: wire.Type(binary.BigEndian.Uint16(b[packType:])), TTL: binary.BigEndian.Uint32(b[packTTL:]), Proxied: flags&packProxied != 0,
		Settings: RecordSettings{FlattenCNAME: flags&packFlatten != 0, IPv4Only: flags&packIPv4 != 0, IPv6Only: flags&packIPv6 != 0},
	}
	if flags&packPriority != 0 {
		number := binary.BigEndian.Uint16(b[packNumber:])
		r.Priority = &number
	}
	name, rest := packed(b[packHead:])
	r.Name = wire.Name(name)
	return r, rest
}
