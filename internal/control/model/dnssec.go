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
	// Private is the private half as PKCS #8. It is encrypted at rest, and missing where Sealed says that this node has no key
	// for that.
	Private []byte `json:"-"`
	Sealed  bool   `json:"-"`
}
