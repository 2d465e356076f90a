package zone

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func dnssecRoutes() []api.Route {
	const path = api.Client + "/zones/{zone_id}/dnssec"
	return []api.Route{
		api.NewRoute(http.MethodGet, path, api.ScopeZone, api.DNSRead, getDNSSEC),
		api.NewRoute(http.MethodPatch, path, api.ScopeZone, api.DNSWrite, editDNSSEC),
		api.NewRoute(http.MethodDelete, path, api.ScopeZone, api.DNSWrite, deleteDNSSEC),
		api.NewRoute(http.MethodGet, path+"/zsk", api.ScopeZone, api.DNSRead, listSigningKeys),
	}
}

// dnssecJSON is a zone's signing state (contract section 9). Members of the key are null while the zone has none; a switch that
// was never set is absent.
type dnssecJSON struct {
	Status          string    `json:"status"`
	Flags           *int      `json:"flags"`
	Algorithm       *string   `json:"algorithm"`
	KeyType         *string   `json:"key_type"`
	DigestType      *string   `json:"digest_type"`
	DigestAlgorithm *string   `json:"digest_algorithm"`
	Digest          *string   `json:"digest"`
	DS              *string   `json:"ds"`
	KeyTag          *int      `json:"key_tag"`
	PublicKey       *string   `json:"public_key"`
	Modified        api.Stamp `json:"modified_on"`
	MultiSigner     *bool     `json:"dnssec_multi_signer,omitempty"`
	Presigned       *bool     `json:"dnssec_presigned,omitempty"`
	NSEC3           *bool     `json:"dnssec_use_nsec3,omitempty"`
}

// The states of a zone's signatures.
const (
	dnssecActive          = "active"
	dnssecPending         = "pending"
	dnssecPendingDisabled = "pending-disabled"
	dnssecDisabled        = "disabled"
)

// dnssecState tells how far what is wanted has come: whether the parent has a DS record of one of the keys.
func dnssecState(d *model.DNSSEC, keys []model.ZoneKey) string {
	there := slices.ContainsFunc(keys, func(k model.ZoneKey) bool { return k.DS.Somewhere })
	switch {
	case d.Status == model.DNSSECActive && there:
		return dnssecActive
	case d.Status == model.DNSSECActive:
		return dnssecPending
	case d.Status == model.DNSSECDisabled && there:
		return dnssecPendingDisabled
	}
	return dnssecDisabled
}

func getDNSSEC(_ *api.API, q *api.Request) error { return okDNSSEC(q, &q.Zone) }

func okDNSSEC(q *api.Request, z *model.Zone) error {
	keys, err := zoneKeys(q, z.ID)
	if err != nil {
		return err
	}
	d := &z.DNSSEC
	out := dnssecJSON{
		Status: dnssecState(d, keys), Modified: api.Stamp(d.Modified),
		MultiSigner: switchJSON(d.MultiSigner), Presigned: switchJSON(d.Presigned), NSEC3: switchJSON(d.NSEC3),
	}
	i := slices.IndexFunc(keys, func(k model.ZoneKey) bool { return k.State.Role&dnssec.KSK != 0 && !k.State.Leaving })
	if i >= 0 && d.Status != "" {
		out.key(z.Name, &keys[i].Public)
	}
	return q.OK(out)
}

// key shows the key that the parent is to name.
func (j *dnssecJSON) key(zone wire.Name, k *dnssec.DNSKEY) {
	flags, tag := int(k.Flags), int(k.Tag())
	algorithm, kind := strconv.Itoa(int(k.Algorithm)), k.Algorithm.String()
	digestType, digestAlgorithm := strconv.Itoa(int(dnssec.SHA256)), "SHA256"
	ds := k.DS(zone, dnssec.SHA256)
	digest, public := hexText(ds[4:]), base64.StdEncoding.EncodeToString(k.Public)
	text := presentation(zone, wire.TypeDS, ds)
	j.Flags, j.KeyTag, j.Algorithm, j.KeyType = &flags, &tag, &algorithm, &kind
	j.DigestType, j.DigestAlgorithm, j.Digest, j.PublicKey, j.DS = &digestType, &digestAlgorithm, &digest, &public, &text
}

func switchJSON(s model.Switch) *bool {
	on := s == model.SwitchOn
	if s == model.SwitchUnset {
		return nil
	}
	return &on
}

// editDNSSEC changes what is wanted, and signs a zone for the first time.
func editDNSSEC(_ *api.API, q *api.Request) error {
	var in struct {
		Status      api.Optional[string] `json:"status"`
		MultiSigner api.Optional[bool]   `json:"dnssec_multi_signer"`
		Presigned   api.Optional[bool]   `json:"dnssec_presigned"`
		NSEC3       api.Optional[bool]   `json:"dnssec_use_nsec3"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	switch {
	case in.Status.Given() && in.Status.Value != model.DNSSECActive && in.Status.Value != model.DNSSECDisabled:
		return api.Invalid(model.CodeDNSSECStatus, "/status", `Invalid or missing "status"`)
	case in.Presigned.Value:
		return api.Invalid(model.CodeDNSSECState, "/dnssec_presigned",
			"Presigned is of secondary zones, whose signatures come with the transfer; this is a primary zone, which is signed here.")
	}
	res, err := q.Change(model.EditZone{Action: "dnssec", Apply: func(z model.Zone) (model.Zone, error) {
		d := &z.DNSSEC
		if in.Status.Given() && (in.Status.Value != model.DNSSECDisabled || d.Status != "") { // what never was enabled is disabled
			d.Status = in.Status.Value
		}
		setSwitch(&d.MultiSigner, in.MultiSigner)
		setSwitch(&d.Presigned, in.Presigned)
		setSwitch(&d.NSEC3, in.NSEC3)
		return z, nil
	}})
	if err != nil {
		return api.OrMissing(err, model.CodeZoneInvalid, "Invalid zone identifier")
	}
	return okDNSSEC(q, res.Outcomes[0].Zone)
}

// setSwitch takes a switch that was sent; null unsets it.
func setSwitch(s *model.Switch, in api.Optional[bool]) {
	switch {
	case in.Null:
		*s = model.SwitchUnset
	case in.Set:
		*s = switchOf(in.Value)
	}
}

// deleteDNSSEC has the zone's keys and signatures go. They stay while the parent, or a cache, may still expect them.
func deleteDNSSEC(_ *api.API, q *api.Request) error {
	keys, err := zoneKeys(q, q.Zone.ID)
	if err != nil {
		return err
	}
	_, err = q.Change(model.EditZone{Action: "dnssec", Apply: func(z model.Zone) (model.Zone, error) {
		if state := dnssecState(&z.DNSSEC, keys); state != dnssecDisabled {
			return z, api.Invalid(model.CodeDNSSECState, "", "DNSSEC of the zone is "+state+": disable it first, and wait until its DS records are gone from the parent.")
		}
		z.DNSSEC = model.DNSSEC{Signed: z.DNSSEC.Signed}
		return z, nil
	}})
	if err != nil {
		return api.OrMissing(err, model.CodeZoneInvalid, "Invalid zone identifier")
	}
	return q.OK("")
}

// signingKeyJSON is a ZSK as clients of other signers copy it. The private half is never shown.
type signingKeyJSON struct {
	Name       string         `json:"Name"`
	Tag        string         `json:"Tag"`
	Location   string         `json:"Location"`
	DNSKEY     dnskeyJSON     `json:"DNSKEY"`
	SigningKey privateKeyJSON `json:"SigningKey"`
}

type dnskeyJSON struct {
	Hdr       headerJSON `json:"Hdr"`
	Flags     uint16     `json:"Flags"`
	Protocol  int        `json:"Protocol"`
	Algorithm uint8      `json:"Algorithm"`
	PublicKey string     `json:"PublicKey"`
}

type headerJSON struct {
	Name     string `json:"Name"`
	Rrtype   uint16 `json:"Rrtype"`
	Class    uint16 `json:"Class"`
	TTL      uint32 `json:"Ttl"`
	RDLength int    `json:"Rdlength"`
}

// privateKeyJSON has no members: the private half stays here.
type privateKeyJSON struct{}

func listSigningKeys(_ *api.API, q *api.Request) error {
	keys, err := zoneKeys(q, q.Zone.ID)
	if err != nil {
		return err
	}
	var out []signingKeyJSON
	for i := range keys {
		k := &keys[i]
		if k.State.Role&dnssec.ZSK == 0 {
			continue
		}
		tag := "publish"
		switch {
		case k.State.Marks[dnssec.SignsZone].On:
			tag = "active"
		case k.State.Leaving && k.State.Marks[dnssec.Published].On:
			tag = "retired"
		case k.State.Leaving:
			tag = "removed"
		}
		data := k.Public.RData()
		out = append(out, signingKeyJSON{
			Name: q.Zone.Name.String(), Tag: tag, Location: "local",
			DNSKEY: dnskeyJSON{
				Hdr:   headerJSON{q.Zone.Name.String(), uint16(wire.TypeDNSKEY), uint16(wire.ClassIN), keyTTL, len(data)},
				Flags: k.Public.Flags, Protocol: int(data[2]), Algorithm: uint8(k.Public.Algorithm), PublicKey: base64.StdEncoding.EncodeToString(k.Public.Public),
			},
		})
	}
	return api.OnePage(q, out)
}
