package model

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// ZoneAccess is the body of an EntryAccess entry with a zone: the zone's links, and whether transfers are on (switched
// on and entitled).
type ZoneAccess struct {
	Enabled bool
	Hidden  bool     // the zone is there for its peers alone: ACLs do not open it, and others are not answered
	Peers   []ID     // linked peers, in the operator's order
	Groups  []string // the zone's group in the catalog of each; nil for none
}

// ErrAccess is what a damaged access body decodes to.
var ErrAccess = errors.New("damaged access entry")

// Versions of a zone's body: the second ends with a group for each peer, and is written where one has any.
const (
	zoneVersion  = 1
	groupVersion = 2
)

// Append encodes the body (docs/formats/journal.md).
func (z ZoneAccess) Append(dst []byte) []byte {
	flags, version := byte(0), byte(zoneVersion)
	if z.Enabled {
		flags = 1
	}
	if z.Hidden {
		flags |= 2
	}
	if z.Groups != nil {
		version = groupVersion
	}
	dst = append(dst, version, flags)
	dst = binary.AppendUvarint(dst, uint64(len(z.Peers)))
	for _, p := range z.Peers {
		dst = appendText(dst, string(p))
	}
	if version == groupVersion {
		for i := range z.Peers {
			dst = appendText(dst, z.Groups[i])
		}
	}
	return dst
}

// DecodeZoneAccess reads what ZoneAccess.Append wrote; it keeps no reference to b. Errors are ErrAccess.
func DecodeZoneAccess(b []byte) (ZoneAccess, error) {
	r := accessReader{b: b}
	version, flags := r.version(groupVersion), r.octet()
	z := ZoneAccess{Enabled: flags&1 != 0, Hidden: flags&2 != 0}
	for range r.count(1) {
		z.Peers = append(z.Peers, ID(r.text()))
	}
	if version == groupVersion {
		for range z.Peers {
			z.Groups = append(z.Groups, r.text())
		}
	}
	return z, r.end()
}

// AccessChange is the body of an EntryAccess entry without a zone: what becomes of an account's ACLs, keys and peers. The secrets of the
// keys travel apart, in Entry.Secret.
type AccessChange struct {
	Whole  bool // what is not in it is gone
	Ranges []AccessRange
	Keys   []AccessKey
	Peers  []AccessPeer
	// Gone are the ids of what is there no more, by kind.
	Gone struct{ Ranges, Keys, Peers []ID }
}

// AccessRange is an ACL as transfers know it.
type AccessRange struct {
	ID     ID
	Prefix netip.Prefix
}

// AccessKey is a TSIG key as the wire knows it: names folded, the secret decoded. Next is the key that follows it; empty for none.
type AccessKey struct {
	ID        ID
	Name      wire.Name
	Algorithm wire.Name
	Secret    []byte
	Next      ID
}

// AccessPeer is a peer as transfers and NOTIFY know it. Addr is invalid for a peer without an address. Key is empty for a peer without
// one.
type AccessPeer struct {
	ID   ID
	Name string
	Addr netip.AddrPort
	Key  ID

	Transport  Transport
	ClientKeys string // as in Peer, like what follows
	Stripped   bool

	ClientNames, Authority string
	Notify                 NotifyBy
}

// Versions of an account's body. Those before the sixth, which earlier releases wrote, hold all of an account's access: the first ranges,
// keys, and peers; the second adds transports, the third what follows each key, the fourth names and NOTIFY by TLS, the fifth sources. They
// know no ids but those of peers; ranges and keys get their places in their stead. The sixth is a change: it names what it holds.
const (
	wholeVersion     = 1
	transportVersion = 2
	followedVersion  = 3
	namedVersion     = 4
	sourcedVersion   = 5
	changeVersion    = 6
)

// Append encodes the change in two parts: what anybody may read, and the secrets, which are none where it has no keys
// (docs/formats/journal.md).
func (a *AccessChange) Append() (body, secret []byte) {
	whole := byte(0)
	if a.Whole {
		whole = 1
	}
	body = append(body, changeVersion, whole)
	body = binary.AppendUvarint(body, uint64(len(a.Ranges)))
	for _, r := range a.Ranges {
		body = appendText(appendText(body, string(r.ID)), string(r.Prefix.Addr().AsSlice()))
		body = append(body, byte(r.Prefix.Bits()))
	}
	body = binary.AppendUvarint(body, uint64(len(a.Keys)))
	if len(a.Keys) > 0 {
		secret = append(secret, wholeVersion)
	}
	for i := range a.Keys {
		k := &a.Keys[i]
		for _, text := range []string{string(k.ID), string(k.Name), string(k.Algorithm), string(k.Next)} {
			body = appendText(body, text)
		}
		secret = appendText(secret, string(k.Secret))
	}
	body = binary.AppendUvarint(body, uint64(len(a.Peers)))
	for i := range a.Peers {
		body = a.Peers[i].append(body)
	}
	for _, ids := range [][]ID{a.Gone.Ranges, a.Gone.Keys, a.Gone.Peers} {
		body = binary.AppendUvarint(body, uint64(len(ids)))
		for _, id := range ids {
			body = appendText(body, string(id))
		}
	}
	return body, secret
}

// Flags of how a peer is told.
const (
	toldByTLS = 1 << iota
	toldInClear
)

func (p *AccessPeer) append(dst []byte) []byte {
	dst = appendText(appendText(dst, string(p.ID)), p.Name)
	dst = appendText(dst, string(p.Addr.Addr().AsSlice()))
	dst = binary.BigEndian.AppendUint16(dst, p.Addr.Port())
	dst = appendText(append(appendText(dst, string(p.Key)), p.octet()), p.ClientKeys)
	n, flags := &p.Notify, byte(0)
	if n.TLS {
		flags |= toldByTLS
	}
	if n.Clear {
		flags |= toldInClear
	}
	dst = appendText(appendText(dst, p.ClientNames), p.Authority)
	dst = binary.BigEndian.AppendUint16(append(dst, flags), n.Port)
	return appendText(appendText(appendText(dst, n.Server), n.Keys), n.Sources)
}

// octet is a peer's transport, and whether it gets zones stripped.
func (p *AccessPeer) octet() byte {
	octet := byte(p.Transport)
	if p.Stripped {
		octet |= 2
	}
	return octet
}

func (p *AccessPeer) readOctet(r *accessReader) {
	octet := r.octet()
	p.Transport, p.Stripped, p.ClientKeys = Transport(octet&1), octet&2 != 0, r.text()
	r.bad = r.bad || octet > 3
}

func (p *AccessPeer) readNamed(r *accessReader) {
	p.ClientNames, p.Authority = r.text(), r.text()
	flags := r.octet()
	p.Notify = NotifyBy{TLS: flags&toldByTLS != 0, Clear: flags&toldInClear != 0, Port: r.port(), Server: r.text(), Keys: r.text()}
	r.bad = r.bad || flags > toldByTLS|toldInClear
}

// DecodeAccess reads what AccessChange.Append wrote, in this release or an earlier one; it keeps no reference to either part. Errors are
// ErrAccess.
func DecodeAccess(body, secret []byte) (AccessChange, error) {
	s := accessReader{b: secret}
	if len(secret) > 0 {
		s.version(wholeVersion)
	}
	a, err := decodeAccess(body, func() []byte { return []byte(s.text()) })
	return a, errors.Join(err, s.end())
}

// DecodeSealedAccess reads the part that anybody may read: the keys have no secrets.
func DecodeSealedAccess(body []byte) (AccessChange, error) {
	return decodeAccess(body, func() []byte { return nil })
}

func decodeAccess(body []byte, secret func() []byte) (AccessChange, error) {
	r := accessReader{b: body}
	version := r.version(changeVersion)
	if version < changeVersion {
		a := r.whole(version, secret)
		return a, r.end()
	}
	var a AccessChange
	whole := r.octet()
	a.Whole = whole == 1
	r.bad = r.bad || whole > 1
	for range r.count(3) {
		a.Ranges = append(a.Ranges, AccessRange{ID: ID(r.text()), Prefix: r.prefix()})
	}
	for range r.count(4) {
		k := AccessKey{ID: ID(r.text()), Name: wire.Name(r.text()), Algorithm: wire.Name(r.text()), Next: ID(r.text())}
		k.Secret = secret()
		a.Keys = append(a.Keys, k)
	}
	for range r.count(16) {
		p := AccessPeer{ID: ID(r.text()), Name: r.text()}
		p.Addr = netip.AddrPortFrom(r.addr(), r.port())
		p.Key = ID(r.text())
		p.readOctet(&r)
		p.readNamed(&r)
		p.Notify.Sources = r.text()
		a.Peers = append(a.Peers, p)
	}
	for _, ids := range []*[]ID{&a.Gone.Ranges, &a.Gone.Keys, &a.Gone.Peers} {
		for range r.count(1) {
			*ids = append(*ids, ID(r.text()))
		}
	}
	return a, r.end()
}

// whole reads a body of an earlier release.
func (r *accessReader) whole(version byte, secret func() []byte) AccessChange {
	a := AccessChange{Whole: true}
	for i := range r.count(2) {
		a.Ranges = append(a.Ranges, AccessRange{placed(i + 1), r.prefix()})
	}
	for i := range r.count(2) {
		a.Keys = append(a.Keys, AccessKey{ID: placed(i + 1), Name: wire.Name(r.text()), Algorithm: wire.Name(r.text()), Secret: secret()})
	}
	key := func() ID { // 0 is none
		place := r.uvarint()
		if r.bad = r.bad || place > uint64(len(a.Keys)); r.bad || place == 0 {
			return ""
		}
		return placed(place)
	}
	for range r.count(6) {
		p := AccessPeer{ID: ID(r.text()), Name: r.text()}
		p.Addr = netip.AddrPortFrom(r.addr(), r.port())
		if p.Key = key(); version >= transportVersion {
			p.readOctet(r)
		}
		a.Peers = append(a.Peers, p)
	}
	if version >= followedVersion {
		for i := range a.Keys {
			a.Keys[i].Next = key()
		}
	}
	if version >= namedVersion {
		for i := range a.Peers {
			a.Peers[i].readNamed(r)
		}
	}
	if version >= sourcedVersion {
		for i := range a.Peers {
			a.Peers[i].Notify.Sources = r.text()
		}
	}
	return a
}

func placed(at uint64) ID { return ID(strconv.FormatUint(at, 10)) }

func (r *accessReader) prefix() netip.Prefix {
	addr := r.addr()
	return netip.PrefixFrom(addr, int(r.octet()))
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// accessReader reads forward; once something is wrong it stays bad and yields zero values.
type accessReader struct {
	b   []byte
	bad bool
}

func (r *accessReader) take(n uint64) []byte {
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	head := r.b[:n]
	r.b = r.b[n:]
	return head
}

func (r *accessReader) octet() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *accessReader) port() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *accessReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads how many items follow, each of at least size octets, so that a damaged count cannot make a reader spin.
func (r *accessReader) count(size int) uint64 {
	n := r.uvarint()
	if r.bad || n > uint64(len(r.b)/size) {
		r.bad = true
		return 0
	}
	return n
}

func (r *accessReader) text() string { return string(r.take(r.uvarint())) }

// addr reads an address; none reads as the invalid one.
func (r *accessReader) addr() netip.Addr {
	b := r.take(r.uvarint())
	addr, ok := netip.AddrFromSlice(b)
	if !ok && len(b) > 0 {
		r.bad = true
	}
	return addr
}

func (r *accessReader) version(most byte) byte {
	v := r.octet()
	if v < zoneVersion || v > most {
		r.bad = true
	}
	return v
}

func (r *accessReader) end() error {
	if r.bad || len(r.b) > 0 {
		return ErrAccess
	}
	return nil
}
