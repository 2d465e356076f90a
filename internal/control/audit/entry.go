package audit

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// version begins what Append writes.
const version = 1

// ErrDamaged is what Decode says of octets that Append has not written.
var ErrDamaged = errors.New("damaged audit entry")

// Tags of what all parts of an entry have in common. They, those of objects and the words are for ever: others may be added.
const (
	tagUser = iota + 1
	tagEmail
	tagToken
	tagContext
	tagIP
	tagRequest
	tagZoneName
	tagOrigin // wire form of the zone's name, against which names are shortened; that of tagZoneName if it is missing
	tagNote
	tagFrom
	tagTo // missing where it is the serial of tagFrom
)

// Append packs an entry but for its ID, log, zone and time, by which it is found.
func Append(dst []byte, e *model.Audit) ([]byte, error) {
	dst = append(dst, version)
	w := writer{when: e.When, origin: originOf(e.ZoneName)}
	var head told
	head.id(tagUser, e.Actor.User)
	head.text(tagEmail, e.Actor.Email)
	head.id(tagToken, e.Actor.Token)
	if e.Actor.Context != "" {
		head.made(tagContext, appendWord(head.room, e.Actor.Context))
	}
	head.addr(tagIP, e.Actor.IP)
	head.text(tagRequest, e.Actor.Request)
	head.text(tagZoneName, e.ZoneName)
	head.text(tagNote, e.Actor.Note)
	head.number(tagFrom, uint64(e.From))
	if e.To != e.From {
		head.made(tagTo, binary.AppendUvarint(head.room, uint64(e.To)))
	}
	dst = appendDelta(dst, &told{}, &head)
	dst = binary.AppendUvarint(dst, uint64(len(e.Parts)))
	for i := range e.Parts {
		p := &e.Parts[i]
		dst = appendWord(dst, p.Action)
		dst = appendWord(dst, p.Legacy)
		dst = appendWord(dst, p.Resource)
		dst = appendID(dst, p.ResourceID)
		w.self = p.ResourceID
		for _, v := range [...]any{p.Before, p.After} {
			var err error
			if dst, err = w.object(dst, v); err != nil {
				return nil, err
			}
		}
	}
	return dst, nil
}

// Decode reads what Append has packed into an entry whose ID, log, zone and time are there.
func Decode(b []byte, e *model.Audit) error {
	if len(b) == 0 || b[0] != version {
		return fmt.Errorf("version: %w", ErrDamaged)
	}
	r := reader{b: b[1:], when: e.When}
	head := r.delta(&values{})
	e.Actor = model.Actor{
		User: head.getID(tagUser), Email: string(head[tagEmail]), Token: head.getID(tagToken), Request: string(head[tagRequest]),
		Note: string(head[tagNote]),
	}
	e.From = uint32(head.getNumber(tagFrom))
	if e.To = e.From; head[tagTo] != nil {
		e.To = uint32(head.getNumber(tagTo))
	}
	if c := head[tagContext]; c != nil {
		in := reader{b: c}
		e.Actor.Context = in.word()
	}
	e.Actor.IP, _ = netip.AddrFromSlice(head[tagIP])
	e.ZoneName = string(head[tagZoneName])
	r.origin = originOf(e.ZoneName)
	n := r.uvarint()
	e.Parts = make([]model.AuditPart, 0, min(n, uint64(len(r.b))))
	for range n {
		p := model.AuditPart{Action: r.word(), Legacy: r.word(), Resource: r.word(), ResourceID: r.id()}
		r.self = p.ResourceID
		p.Before = r.object()
		p.After = r.object()
		if r.bad {
			break
		}
		e.Parts = append(e.Parts, p)
	}
	if r.bad || len(r.b) > 0 {
		return fmt.Errorf("audit entry %s: %w", e.ID, ErrDamaged)
	}
	return nil
}

// lineOctets at the end of an ID tell the parts of an entry apart.
const lineOctets = 3

// Spread makes room in the ID of an entry for those of its parts, if it has more than one.
func Spread(e *model.Audit) {
	if len(e.Parts) > 1 {
		e.ID = First(e.ID)
	}
}

// First is the least ID that an entry can have of which a part has this one.
func First(line model.ID) model.ID {
	b, err := hex.DecodeString(string(line))
	if err != nil || len(b) < lineOctets {
		return line
	}
	clear(b[len(b)-lineOctets:])
	return model.ID(hex.EncodeToString(b))
}

// LineID is the ID of a part: that of the entry for the first, the next numbers for the others, so that they sort as they stand.
func LineID(entry model.ID, part int) model.ID {
	if part == 0 {
		return entry
	}
	b, err := hex.DecodeString(string(entry))
	if err != nil || len(b) < lineOctets {
		return entry
	}
	n := len(b)
	at := int(b[n-3])<<16 | int(b[n-2])<<8 | int(b[n-1])
	at += part
	b[n-3], b[n-2], b[n-1] = byte(at>>16), byte(at>>8), byte(at)
	return model.ID(hex.EncodeToString(b))
}

// Lines are the parts of an entry, each with all that it says.
func Lines(e *model.Audit) []model.AuditLine {
	out := make([]model.AuditLine, len(e.Parts))
	for i := range e.Parts {
		out[i] = model.AuditLine{AuditHead: e.AuditHead, AuditPart: e.Parts[i]}
		out[i].ID = LineID(e.ID, i)
	}
	return out
}
