package model

import (
	"time"

	"github.com/headwaterdns/headwater/internal/dns/dnssec"
)

// DNSSEC is what a zone's owner wants of its signatures. The zero value is that of a zone that never was signed, or is not
// any more.
type DNSSEC struct {
	// Status is what was asked for, "active" or "disabled"; empty for neither.
	Status string
	// The switches are unset until somebody sets them: clients tell that from off.
	MultiSigner, Presigned, NSEC3 Switch
	Modified                      time.Time
	// Signed says that the zone has keys that sign it.
	Signed bool
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

// KeepDNSSEC does what is due of a zone's keys and signatures, and nothing if nothing is.
type KeepDNSSEC struct {
	// Seen tells since when all of the zone's servers have been seen with a serial, or who has not been.
	Seen func(serial uint32) (since time.Time, behind []string)
	// DS tells whether the parent shows a DS record of the key now; known is false where nobody could find out.
	DS func(k *ZoneKey) (there, known bool)
	// DSTTL is the longest that a DS record may be cached.
	DSTTL time.Duration
	// Names bounds how many signatures are renewed.
	Names int
}

func (KeepDNSSEC) edit() {}
