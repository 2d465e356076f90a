package rules

import (
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// OfSigners says whether records of a type at a zone's apex are a signer's: the server's own, or another's beside it.
func OfSigners(t wire.Type) bool {
	return t == wire.TypeDNSKEY || t == wire.TypeCDS || t == wire.TypeCDNSKEY
}

// Signers is what a zone is signed with.
type Signers struct {
	// Multi says that other signers sign the zone, too (RFC 8901).
	Multi bool
	// Own are the keys of this one.
	Own []*dnssec.DNSKEY
}

// Signer holds a record of a signer at the apex against the keys of the zone. The server makes its own: what somebody enters is of
// another signer, and it must go together with ours, or resolvers take the whole zone for forged.
func Signer(p *Place, r *model.Record) error {
	if p.Signers == nil || r.Name != p.Apex || !OfSigners(r.Type) {
		return nil
	}
	if !p.Signers.Multi {
		if r.Type != wire.TypeDNSKEY && len(p.Signers.Own) == 0 {
			return nil // an unsigned zone may ask its parent for whatever it likes
		}
		return invalid(model.CodeDNSSECState, "/type",
			"%s records at the apex are made by this server. Those of another signer need dnssec_multi_signer.", r.Type)
	}
	if r.Type == wire.TypeDNSKEY {
		return foreignKey(p, r)
	}
	if len(p.Signers.Own) == 0 {
		return nil
	}
	names := func(k *dnssec.DNSKEY) bool {
		if r.Type == wire.TypeCDNSKEY {
			return string(k.RData()) == string(r.RData)
		}
		return k.Names(p.Apex, r.RData)
	}
	if !slices.ContainsFunc(append(foreign(p, r), p.Signers.Own...), names) {
		return invalid(model.CodeDNSSECKey, "/content", "The %s record names no key of the zone: enter the other signer's DNSKEY record before it "+
			"(RFC 7344 section 4.1). To have the parent's DS records removed, disable DNSSEC.", r.Type)
	}
	return nil
}

// foreignKey holds a DNSKEY record against the keys that are there.
func foreignKey(p *Place, r *model.Record) error {
	k, err := dnssec.ParseDNSKEY(r.RData)
	if err != nil {
		return invalid(model.CodeDNSSECKey, "/content", "The DNSKEY record cannot stand in the zone: %v.", err)
	}
	own := p.Signers.Own
	// A validator wants a signature by every algorithm that it finds, and the other signer makes none by ours (RFC 8901 section 4).
	if len(own) > 0 && !slices.ContainsFunc(own, func(o *dnssec.DNSKEY) bool { return o.Algorithm == k.Algorithm }) {
		return invalid(model.CodeDNSSECKey, "/content", "The key's algorithm is %d and the zone's is %d: all signers of a zone must use the same.",
			k.Algorithm, own[0].Algorithm)
	}
	if err := k.Clashes(append(foreign(p, r), own...)); err != nil {
		return invalid(model.CodeDNSSECKey, "/content", "The key cannot stand beside those of the zone: %v.", err)
	}
	return nil
}

// foreign are the keys of other signers, but for that of a record itself.
func foreign(p *Place, r *model.Record) (out []*dnssec.DNSKEY) {
	for _, other := range p.Rows {
		if other.Type != wire.TypeDNSKEY || other.ID == r.ID {
			continue
		}
		if k, err := dnssec.ParseDNSKEY(other.RData); err == nil {
			out = append(out, k)
		}
	}
	return out
}
