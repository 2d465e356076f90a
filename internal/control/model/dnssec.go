package model

import (
	"cmp"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// DNSSEC is what a zone's owner wants of its signatures. The zero value is that of a zone that never was signed, or is not
// any more.
type DNSSEC struct {
	// Status is what was asked for, "active" or "disabled"; empty for neither.
	Status string
	// The switches are unset until somebody sets them: clients tell that from off.
	MultiSigner, Presigned, NSEC3 Switch
	Modified                      time.Time
	// Signed says that the zone has keys that sign it, or did so until a moment ago.
	Signed bool
	// Keys is the revision of the zone's keys, another whenever one of them changes, and empty while there are none.
	Keys ID `json:",omitempty"`
	// Work says that all of the zone is to be signed anew, beside its life, because it is too large to be signed in a change.
	Work bool `json:",omitempty"`
	// Held are settings that the zone is served with until all of it is signed for those that it shall have; the zero Held is none.
	Held Held `json:",omitzero"`
	// Early says that the zone may have signatures of a clock that was ahead, which begin later than now.
	Early bool `json:",omitempty"`
	// Algorithm is that of the zone's keys; 0 is the default, ECDSAP256SHA256.
	Algorithm dnssec.Algorithm `json:",omitempty"`
	// ZSKDays is after how many days another ZSK takes the place of one; 0: when somebody asks for it.
	ZSKDays int `json:",omitempty"`
	// KSKDays is that of a KSK, where the parent reads CDS records (RFC 7344); 0: when somebody asks for it.
	KSKDays int `json:",omitempty"`
	// CDS says whether CDS and CDNSKEY records ask the parent for what it shall have; unset is on.
	CDS Switch `json:",omitempty"`
}

// Held are the settings that stand in signatures and proofs all over a zone, or that these are made to outlive, in seconds.
type Held struct{ Expire, TTL, MinTTL, NSTTL uint32 }

// HeldOf gives them, with defaults filled in.
func HeldOf(s *Settings) Held {
	def := DefaultSettings()
	return Held{
		Expire: cmp.Or(s.SOA.Expire, def.SOA.Expire), TTL: cmp.Or(s.SOA.TTL, def.SOA.TTL), MinTTL: cmp.Or(s.SOA.MinTTL, def.SOA.MinTTL),
		NSTTL: cmp.Or(s.NSTTL, def.NSTTL),
	}
}

// InForce are the settings that the zone is served with: its own, less what all of its signatures have to be made for first. Nothing
// stands against less than that, such as an expire that is lowered.
func (z *Zone) InForce() Settings {
	s := z.Settings
	if h := z.DNSSEC.Held; h != (Held{}) {
		s.SOA.Expire, s.SOA.TTL, s.SOA.MinTTL, s.NSTTL = min(HeldOf(&s).Expire, h.Expire), h.TTL, h.MinTTL, h.NSTTL
	}
	return s
}

// The values of DNSSEC.Status.
const (
	DNSSECActive   = "active"
	DNSSECDisabled = "disabled"
)

// ZoneKey is a key that a zone is signed with, and how far it has come. Its State has its ID.
type ZoneKey struct {
	ID      ID
	Zone    ID
	Public  dnssec.DNSKEY
	State   dnssec.KeyState
	Created time.Time
	// DS is what is known of the key's DS record at the parent.
	DS dnssec.DSFact
	// Private is the private half as PKCS #8. It is encrypted at rest, and missing where Sealed says that this node has no key
	// for that.
	Private []byte `json:"-"`
	Sealed  bool   `json:"-"`
	// Imported says that the key was made elsewhere.
	Imported bool `json:",omitempty"`
	// Wait is what the key waited for when somebody last looked after the zone, nil for nothing.
	Wait *dnssec.Wait `json:",omitempty"`
}

// LatestOf is the latest time that was noted of keys; zero for none.
func LatestOf(keys []ZoneKey) (at time.Time) {
	for i := range keys {
		for _, m := range keys[i].State.Marks {
			for _, t := range []time.Time{m.Since, m.Everywhere, keys[i].DS.Since} {
				if t.After(at) {
					at = t
				}
			}
		}
	}
	return at
}

// Goal is what the zone's keys are to come to.
func (d *DNSSEC) Goal() dnssec.Goal {
	switch d.Status {
	case DNSSECActive:
		return dnssec.Signed
	case DNSSECDisabled:
		return dnssec.Withdrawn
	}
	return dnssec.Unsigned
}

// KeyAlgorithm is that of the keys that are made for the zone.
func (d *DNSSEC) KeyAlgorithm() dnssec.Algorithm {
	if d.Algorithm == 0 {
		return dnssec.ECDSAP256SHA256
	}
	return d.Algorithm
}

// KeepDNSSEC does what is due of a zone's keys and signatures, and nothing if nothing is.
type KeepDNSSEC struct {
	// Behind tells which of the zone's servers have not been seen with a serial, or a later one; nil: nobody has looked. Where others sign
	// the zone, too, their servers have serials of their own, and only those count that get the zone from here.
	Behind func(serial uint32, others bool) []string
	// DS tells at which of the parent's addresses a DS record of the key is; known is false where none could be asked. Nil:
	// likewise.
	DS func(k *ZoneKey) (everywhere, somewhere, known bool)
	// DSTTL is the longest that a DS record may be cached; 0: a day.
	DSTTL time.Duration
	// Names bounds how many names are signed anew, and From is where the last KeepDNSSEC stopped.
	Names int
	From  wire.Name
	// Early says that the zone was found to have signatures that begin later than now: they are made anew.
	Early bool
}

// Kept is what KeepDNSSEC has left to do.
type Kept struct {
	Keys int       // how many the zone has
	Next time.Time // when something is due, zero if nothing will be
	More bool      // there is more to sign already, from From on
	From wire.Name
	// Servers are serials that some key waits for all servers to be seen with; Parent says that one waits for the parent.
	Servers []uint32
	Parent  bool
	Others  bool // others sign the zone, too
	Work    bool // all of the zone is to be signed beside its life
}

// Signing is how far the signing of a large zone has come, in names.
type Signing struct {
	Done, Total int
	Since       time.Time
}

// RollKeys asks for new keys in place of those of a role, or, where Algorithm is set, in place of all that have another. While
// a roll is under way another one is refused.
type RollKeys struct {
	Role      dnssec.Role
	Algorithm dnssec.Algorithm
}

// SeenDS says that somebody has seen, or has not seen, a key's DS record at the parent. What the parent's own servers say counts
// more, where they can be asked.
type SeenDS struct {
	Key   ID
	There bool
}

// ImportKey gives a zone a key that was made elsewhere. It takes the place of those of its role that were made here, by a roll.
type ImportKey struct {
	Key  *dnssec.Key
	Role dnssec.Role
}

// DropKey removes a key that signs nothing, is not published and is named by no DS record; another one is refused.
type DropKey struct{ ID ID }

// ExportKey says in the audit log that somebody is given a key's private half.
type ExportKey struct{ ID ID }

// TakeDS gives a delegation the DS records that the zone below it asks for by CDS records (RFC 7344 section 4), and no others; none
// where it asks for none. What is no delegation stays as it is.
type TakeDS struct {
	Owner wire.Name
	DS    [][]byte
}

func (TakeDS) edit()     {}
func (KeepDNSSEC) edit() {}
func (ExportKey) edit()  {}
func (RollKeys) edit()   {}
func (SeenDS) edit()     {}
func (ImportKey) edit()  {}
func (DropKey) edit()    {}
