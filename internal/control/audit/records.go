package audit

import (
	"net/netip"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Tags of a record.
const (
	recName = iota + 1
	recWholeName
	recType
	recContent // missing where it is the address that the RDATA is
	recPriority
	recData
	recTTL
	recFlags
	recComment
	recTags
	recCreated
	recModified
	recCommented
	recTagged
)

// Bits of recFlags.
const (
	flagProxied = 1 << iota
	flagFlatten
	flagIPv4
	flagIPv6
)

func (w *writer) record(out *told, r *model.Record) {
	w.own(out, r.ID)
	w.name(out, recName, r.Name)
	out.number(recType, uint64(r.Type))
	if !isAddressOf(r) {
		out.made(recContent, append(out.room, r.Content...))
	}
	if r.Priority != nil {
		out.made(recPriority, append(out.room, byte(*r.Priority>>8), byte(*r.Priority)))
	}
	out.octets(recData, r.RData)
	out.number(recTTL, uint64(r.TTL))
	out.number(recFlags, bits(r.Proxied, r.Settings.FlattenCNAME, r.Settings.IPv4Only, r.Settings.IPv6Only))
	out.text(recComment, r.Comment)
	out.texts(recTags, r.Tags)
	w.moment(out, recCreated, r.Created)
	w.moment(out, recModified, r.Modified)
	w.moment(out, recCommented, r.CommentModified)
	w.moment(out, recTagged, r.TagsModified)
}

func (r *reader) record(v *values) model.Record {
	flags := v.getNumber(recFlags)
	out := model.Record{
		ID: r.own(v), Name: r.name(v, recName), Type: wire.Type(v.getNumber(recType)), RData: v[recData], TTL: uint32(v.getNumber(recTTL)),
		Proxied: flags&flagProxied != 0,
		Settings: model.RecordSettings{
			FlattenCNAME: flags&flagFlatten != 0, IPv4Only: flags&flagIPv4 != 0, IPv6Only: flags&flagIPv6 != 0,
		},
		Comment: string(v[recComment]), Tags: v.getTexts(recTags), Created: r.moment(v, recCreated), Modified: r.moment(v, recModified),
		CommentModified: r.moment(v, recCommented), TagsModified: r.moment(v, recTagged),
	}
	out.Content = string(v[recContent])
	if v[recContent] == nil {
		out.Content = addressOf(out.Type, out.RData)
	}
	if b := v[recPriority]; len(b) == 2 {
		n := uint16(b[0])<<8 | uint16(b[1])
		out.Priority = &n
	}
	return out
}

// isAddressOf says whether a record's content is what addressOf makes of its RDATA.
func isAddressOf(r *model.Record) bool {
	if r.Type != wire.TypeA && r.Type != wire.TypeAAAA {
		return r.Content == ""
	}
	a, ok := netip.AddrFromSlice(r.RData)
	if !ok {
		return r.Content == ""
	}
	var room [64]byte
	return string(a.AppendTo(room[:0])) == r.Content
}

// addressOf is what nearly every address record has as content.
func addressOf(t wire.Type, rdata []byte) string {
	if t != wire.TypeA && t != wire.TypeAAAA {
		return ""
	}
	a, ok := netip.AddrFromSlice(rdata)
	if !ok {
		return ""
	}
	return a.String()
}

// bits are flags as a number, the first one lowest.
func bits(flags ...bool) (n uint64) {
	for i, f := range flags {
		if f {
			n |= 1 << i
		}
	}
	return n
}
