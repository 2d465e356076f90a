package model

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"

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

// AccountAccess is the body of an EntryAccess entry without a zone: all of an account's ACLs, keys and peers. The secrets
// of the keys travel apart, in Entry.Secret.
type AccountAccess struct {
	ACL   []netip.Prefix
	Keys  []AccessKey
	Peers []AccessPeer
}

// AccessKey is a TSIG key as the wire knows it: names folded, the secret decoded. Next is the place of the key that follows it among
// AccountAccess.Keys, counted from 1; 0 for none.
type AccessKey struct {
	Name      wire.Name
	Algorithm wire.Name
	Secret    []byte
	Next      int
}

// AccessPeer is a peer as transfers and NOTIFY know it. Addr is invalid for a peer without an address. Key is an index
// into AccountAccess.Keys, or -1.
type AccessPeer struct {
	ID   ID
	Name string
	Addr netip.AddrPort
	Key  int

	Transport  Transport
	ClientKeys string // as in Peer, like what follows
	Stripped   bool

	ClientNames, Authority string
	Notify                 NotifyBy
}

// named says whether there is anything of what the fourth version tells.
func (p *AccessPeer) named() bool {
	return p.ClientNames != "" || p.Authority != "" || p.Notify != NotifyBy{}
}

// ErrAccess is what a damaged access body decodes to.
var ErrAccess = errors.New("damaged access entry")

// accessVersion opens every body; another number is another format. A body with a peer that has a transport is of the second
// version, which adds that to each peer; one with a key that is followed by another of the third, which ends with what follows each
// key; one with a peer that is known by names or told by TLS of the fourth, which ends with that of each peer; one with a peer that is told from
// addresses of its own of the fifth, which ends with those of each peer. Nodes of an earlier release read the others, and none that they would get wrong.
const (
	accessVersion    = 1
	transportVersion = 2
	followedVersion  = 3
	namedVersion     = 4
	sourcedVersion   = 5

	groupVersion = 2 // of a zone's body: it ends with a group for each peer
)

// version is the earliest that says all there is.
func (a AccountAccess) version() byte {
	switch {
	case slices.ContainsFunc(a.Peers, func(p AccessPeer) bool { return p.Notify.Sources != "" }):
		return sourcedVersion
	case slices.ContainsFunc(a.Peers, func(p AccessPeer) bool { return p.named() }):
		return namedVersion
	case slices.ContainsFunc(a.Keys, func(k AccessKey) bool { return k.Next != 0 }):
		return followedVersion
	case slices.ContainsFunc(a.Peers, func(p AccessPeer) bool { return p.octet() != 0 }):
		return transportVersion
	}
	return accessVersion
}

// Append encodes the body (docs/formats/journal.md).
func (z ZoneAccess) Append(dst []byte) []byte {
	flags, version := byte(0), byte(accessVersion)
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

// Append encodes the account's access in two parts: what anybody may read, and the secrets.
func (a AccountAccess) Append() (body, secret []byte) {
	version := a.version()
	body = append(body, version)
	body = binary.AppendUvarint(body, uint64(len(a.ACL)))
	for _, p := range a.ACL {
		body = appendText(body, string(p.Addr().AsSlice()))
		body = append(body, byte(p.Bits()))
	}
	body = binary.AppendUvarint(body, uint64(len(a.Keys)))
	secret = append(secret, accessVersion)
	for _, k := range a.Keys {
		body = appendText(body, string(k.Name))
		body = appendText(body, string(k.Algorithm))
		secret = appendText(secret, string(k.Secret))
	}
	body = binary.AppendUvarint(body, uint64(len(a.Peers)))
	for _, p := range a.Peers {
		body = appendText(body, string(p.ID))
		body = appendText(body, p.Name)
		body = appendText(body, string(p.Addr.Addr().AsSlice()))
		body = binary.BigEndian.AppendUint16(body, p.Addr.Port())
		body = binary.AppendUvarint(body, uint64(p.Key+1))
		if version >= transportVersion {
			body = appendText(append(body, p.octet()), p.ClientKeys)
		}
	}
	if version >= followedVersion {
		for _, k := range a.Keys {
			body = binary.AppendUvarint(body, uint64(k.Next))
		}
	}
	if version >= namedVersion {
		for i := range a.Peers {
			body = a.Peers[i].appendNamed(body)
		}
	}
	if version >= sourcedVersion {
		for i := range a.Peers {
			body = appendText(body, a.Peers[i].Notify.Sources)
		}
	}
	return body, secret
}

// Flags of how a peer is told.
const (
	toldByTLS = 1 << iota
	toldInClear
)

// appendNamed encodes what the fourth version tells of a peer.
func (p *AccessPeer) appendNamed(dst []byte) []byte {
	n, flags := &p.Notify, byte(0)
	if n.TLS {
		flags |= toldByTLS
	}
	if n.Clear {
		flags |= toldInClear
	}
	dst = appendText(appendText(dst, p.ClientNames), p.Authority)
	dst = binary.BigEndian.AppendUint16(append(dst, flags), n.Port)
	return appendText(appendText(dst, n.Server), n.Keys)
}

func (p *AccessPeer) readNamed(r *accessReader) {
	p.ClientNames, p.Authority = r.text(), r.text()
	flags := r.octet()
	p.Notify = NotifyBy{TLS: flags&toldByTLS != 0, Clear: flags&toldInClear != 0, Port: r.port(), Server: r.text(), Keys: r.text()}
	r.bad = r.bad || flags > toldByTLS|toldInClear
}

// DecodeAccountAccess reads what AccountAccess.Append wrote; it keeps no reference to either part. Errors are ErrAccess.
func DecodeAccountAccess(body, secret []byte) (AccountAccess, error) {
	s := accessReader{b: secret}
	s.version(accessVersion)
	a, err := decodeAccountAccess(body, func() []byte { return []byte(s.text()) })
	return a, errors.Join(err, s.end())
}

// DecodeSealedAccess reads the part that anybody may read: the keys have no secrets.
func DecodeSealedAccess(body []byte) (AccountAccess, error) {
	return decodeAccountAccess(body, func() []byte { return nil })
}

func decodeAccountAccess(body []byte, secret func() []byte) (AccountAccess, error) {
	var a AccountAccess
	r := accessReader{b: body}
	version := r.version(sourcedVersion)
	for range r.count(2) {
		addr := r.addr()
		a.ACL = append(a.ACL, netip.PrefixFrom(addr, int(r.octet())))
	}
	for range r.count(2) {
		a.Keys = append(a.Keys, AccessKey{Name: wire.Name(r.text()), Algorithm: wire.Name(r.text()), Secret: secret()})
	}
	for range r.count(6) {
		p := AccessPeer{ID: ID(r.text()), Name: r.text()}
		p.Addr = netip.AddrPortFrom(r.addr(), r.port())
		p.Key = int(r.uvarint()) - 1
		if p.Key < -1 || p.Key >= len(a.Keys) {
			r.bad = true
		}
		if version >= transportVersion {
			octet := r.octet()
			p.Transport, p.Stripped, p.ClientKeys = Transport(octet&1), octet&2 != 0, r.text()
			r.bad = r.bad || octet > 3
		}
		a.Peers = append(a.Peers, p)
	}
	for i := range a.Keys {
		if version >= followedVersion {
			next := r.uvarint()
			r.bad = r.bad || next > uint64(len(a.Keys))
			a.Keys[i].Next = int(next)
		}
	}
	for i := range a.Peers {
		if version >= namedVersion {
			a.Peers[i].readNamed(&r)
		}
	}
	for i := range a.Peers {
		if version >= sourcedVersion {
			a.Peers[i].Notify.Sources = r.text()
		}
	}
	return a, r.end()
}

// octet is a peer's transport, and whether it gets zones stripped. Earlier releases know of transports alone, and take a body
// with anything else for one that they cannot read.
func (p *AccessPeer) octet() byte {
	octet := byte(p.Transport)
	if p.Stripped {
		octet |= 2
	}
	return octet
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
	if v < accessVersion || v > most {
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
