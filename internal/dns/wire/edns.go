package wire

import (
	"encoding/binary"
	"slices"
)

// OptionCode is the code of an EDNS option (RFC 6891 section 6.1.2).
type OptionCode uint16

// Options that the program reads or writes.
const (
	OptionNSID      OptionCode = 3  // RFC 5001
	OptionExpire    OptionCode = 9  // RFC 7314
	OptionCookie    OptionCode = 10 // RFC 7873
	OptionKeepalive OptionCode = 11 // RFC 7828
	OptionPadding   OptionCode = 12 // RFC 7830
	OptionEDE       OptionCode = 15 // RFC 8914
	OptionReport    OptionCode = 18 // Report-Channel, RFC 9567
	OptionVersion   OptionCode = 19 // ZONEVERSION, RFC 9660
)

// InfoCode says why an answer is as it is (RFC 8914 section 4).
type InfoCode uint16

// Extended errors that an authoritative server has a use for.
const (
	InfoOther        InfoCode = 0
	InfoNotReady     InfoCode = 14
	InfoProhibited   InfoCode = 18
	InfoNotAuth      InfoCode = 20
	InfoNotSupported InfoCode = 21
	InfoNetworkError InfoCode = 23
	InfoInvalidData  InfoCode = 24
	InfoInvalidType  InfoCode = 30 // RFC 9824 section 8
)

// OPT is what a response says by EDNS (RFC 6891 section 6.1). Its zero value with a UDPSize is the plain one.
type OPT struct {
	UDPSize uint16
	Version uint8
	DO      bool
	NSID    string // sent when not empty (RFC 5001)
	Cookie  []byte // sent when not empty: client and server part together (RFC 7873)
	Agent   Name   // sent when not empty: where errors are reported (RFC 9567)

	HasExpire bool
	Expire    uint32 // in seconds (RFC 7314)

	HasVersion bool
	Labels     uint8  // of the zone, the root not counted (RFC 9660)
	Serial     uint32 // of its SOA

	HasKeepalive bool
	Keepalive    uint16 // in units of 100 ms (RFC 7828)

	HasInfo bool
	Info    InfoCode // sent when HasInfo is set (RFC 8914)
	Text    string   // EXTRA-TEXT, UTF-8

	// Block, when not 0, has Builder.OPT pad the message to a multiple of so many octets, as far as its limit allows (RFC 8467).
	// The padding is not part of Len.
	Block int
}

const (
	optFixed   = 11 // root owner, type, class, ttl, rdlength
	optionHead = 4  // code and length
)

// Len is the length of the record: what Builder.Reserve must be told to keep room for it.
func (o *OPT) Len() int {
	n := optFixed
	if o.NSID != "" {
		n += 4 + len(o.NSID)
	}
	if len(o.Cookie) > 0 {
		n += 4 + len(o.Cookie)
	}
	if o.Agent != "" {
		n += optionHead + len(o.Agent)
	}
	if o.HasExpire {
		n += ExpireLen
	}
	if o.HasVersion {
		n += VersionLen
	}
	if o.HasKeepalive {
		n += 6
	}
	if o.HasInfo {
		n += 6 + len(o.Text)
	}
	return n
}

// padding is how many octets the padding option takes in a message of n octets that may grow to limit; 0: there is none.
func (o *OPT) padding(n, limit int) int {
	if o.Block == 0 || n+optionHead > limit {
		return 0
	}
	padded := (n + optionHead + o.Block - 1) / o.Block * o.Block
	return min(padded, limit) - n
}

// append writes the record with pad octets of padding option; high holds bits 4 to 11 of the response code.
func (o *OPT) append(dst []byte, high uint8, pad int) []byte {
	flags := uint32(high)<<24 | uint32(o.Version)<<16
	if o.DO {
		flags |= 0x8000
	}
	dst = append(dst, 0)
	dst = appendFixed(dst, TypeOPT, Class(o.UDPSize), flags)
	dst = binary.BigEndian.AppendUint16(dst, uint16(o.Len()-optFixed+pad))
	if o.NSID != "" {
		dst = append(appendOption(dst, OptionNSID, len(o.NSID)), o.NSID...)
	}
	if len(o.Cookie) > 0 {
		dst = AppendCookie(dst, o.Cookie)
	}
	if o.Agent != "" {
		dst = append(appendOption(dst, OptionReport, len(o.Agent)), o.Agent...)
	}
	if o.HasExpire {
		dst = AppendExpire(dst, o.Expire)
	}
	if o.HasVersion {
		dst = append(appendOption(dst, OptionVersion, 6), o.Labels, 0) // of type SOA-SERIAL
		dst = binary.BigEndian.AppendUint32(dst, o.Serial)
	}
	if o.HasKeepalive {
		dst = binary.BigEndian.AppendUint16(appendOption(dst, OptionKeepalive, 2), o.Keepalive)
	}
	if o.HasInfo {
		dst = binary.BigEndian.AppendUint16(appendOption(dst, OptionEDE, 2+len(o.Text)), uint16(o.Info))
		dst = append(dst, o.Text...)
	}
	if pad > 0 {
		dst = appendOption(dst, OptionPadding, pad-optionHead)
		at := len(dst)
		dst = slices.Grow(dst, pad-optionHead)[:at+pad-optionHead]
		clear(dst[at:])
	}
	return dst
}

// The octets of options, for who keeps room for them.
const (
	ExpireLen  = optionHead + 4
	VersionLen = optionHead + 6
	CookieLen  = optionHead + 24
)

// AppendCookie writes the option that answers a client's cookie: its half and ours (RFC 7873 section 5.2).
func AppendCookie(dst, cookie []byte) []byte {
	return append(appendOption(dst, OptionCookie, len(cookie)), cookie...)
}

// AppendExpire writes the option that says for how many seconds the zone's data may live (RFC 7314).
func AppendExpire(dst []byte, seconds uint32) []byte {
	return binary.BigEndian.AppendUint32(appendOption(dst, OptionExpire, 4), seconds)
}

func appendOption(dst []byte, code OptionCode, n int) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return binary.BigEndian.AppendUint16(dst, uint16(n))
}
