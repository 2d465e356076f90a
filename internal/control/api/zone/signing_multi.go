package zone

import (
	"fmt"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// foreignKey is a DNSKEY record of another signer (RFC 8901 section 2.1.2).
type foreignKey struct {
	record model.Record
	public *dnssec.DNSKEY
}

// foreignKeys reads the DNSKEY records at the apex. One that is no key was made before there was a rule against it.
func foreignKeys(q *api.Request, z *model.Zone) ([]foreignKey, error) {
	var out []foreignKey
	err := apexRecords(q, z, wire.TypeDNSKEY, func(r *model.Record) {
		if k, err := dnssec.ParseDNSKEY(r.RData); err == nil {
			out = append(out, foreignKey{*r, k})
		}
	})
	return out, err
}

func apexRecords(q *api.Request, z *model.Zone, t wire.Type, yield func(*model.Record)) error {
	query := model.RecordQuery{Filters: []model.Filter{{Field: "name", Value: z.Name.Host()}, {Field: "type", Value: t.String()}}}
	err := q.API.Store.Records(q.Ctx(), z.ID, query, func(r *model.Record) error {
		yield(r)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read %s records of zone %s: %w", t, z.ID, err)
	}
	return nil
}

func renderForeign(z *model.Zone, k *foreignKey) signingKeyStateJSON {
	out := describeKey(z.Name, k.public)
	out.ID, out.Created, out.Role, out.State, out.Origin = k.record.ID, api.Stamp(k.record.Created), roleKSK, "published", originForeign
	if !k.public.SEP() {
		out.Role, out.DS = roleZSK, []string{}
	}
	out.Timeline = append(out.Timeline, signingMarkJSON{What: traceNames[dnssec.Published], On: true, Since: api.Stamp(k.record.Created)})
	return out
}

// signerStepJSON is one step of signing together with others. Done is nil where it cannot be seen from here.
type signerStepJSON struct {
	Step string `json:"step"`
	Done *bool  `json:"done"`
	Text string `json:"text"`
}

// signerSteps tells in order what it takes to join another signer by model 2 of RFC 8901, and, once its keys are here, to leave it.
// Nothing is done by itself: each step is somebody's act, here or at the other signer, and the order is what keeps answers valid.
func signerSteps(q *api.Request, z *model.Zone, own []model.ZoneKey, others []foreignKey) ([]signerStepJSON, error) {
	servers := 0
	if err := apexRecords(q, z, wire.TypeNS, func(*model.Record) { servers++ }); err != nil {
		return nil, err
	}
	signs, names := false, servers > 0 && z.Settings.MultiProvider
	for i := range others {
		signs = signs || !others[i].public.SEP()
	}
	out := []signerStepJSON{
		{"foreign_keys", &signs, "Enter the other signer's ZSK as a DNSKEY record of flags 256 at the apex, and its KSK, of flags 257, beside it. " +
			map[bool]string{true: fmt.Sprintf("%d such records are there.", len(others)), false: "Its ZSK is missing: you have to enter it."}[signs]},
		{"own_keys", nil, "Enter our ZSK " + tags(own, dnssec.ZSK) + " and our KSK " + tags(own, dnssec.KSK) + " at the other signer. " +
			"Whether it has them cannot be seen from here; wait for the TTL of its DNSKEY records before you go on."},
		{"parent_ds", ownDS(own), "The parent needs a DS record of each signer's KSK, so of our key " + tags(own, dnssec.KSK) + " and of the other's. " +
			"Whoever manages the domain at its registrar has to enter them, unless the parent follows CDS records, which name both where the other's KSK is entered."},
		{"name_servers", &names, "Enter the other signer's name servers as NS records at the apex, with multi-provider on, and all of them at the parent. " +
			"Do so last: resolvers ask them from then on."},
	}
	if len(others) == 0 {
		return out, nil
	}
	gone, kept := !names, false
	return append(out,
		signerStepJSON{"names_removed", &gone, "To leave: remove the other signer's NS records here, there and at the parent, and wait for their TTL."},
		signerStepJSON{"ds_removed", nil, "To leave: have the DS record of the other signer's KSK removed from the parent, and wait for one and a half times its TTL. " +
			"Whether it is gone cannot be seen from here."},
		signerStepJSON{"keys_removed", &kept, fmt.Sprintf("To leave: remove the %d DNSKEY records of the other signer last, then switch multi-signer off.", len(others))},
	), nil
}

// ownDS says whether the parent shows our KSK; nil where nobody has looked.
func ownDS(own []model.ZoneKey) *bool {
	for i := range own {
		k := &own[i]
		if k.State.Role&dnssec.KSK == 0 || k.State.Leaving || k.DS.Since.IsZero() {
			continue
		}
		if !k.DS.Everywhere {
			return new(bool)
		}
	}
	return nil // the other's may be missing
}

// tags names the keys of a role that stay.
func tags(keys []model.ZoneKey, role dnssec.Role) string {
	var out []string
	for i := range keys {
		if k := &keys[i]; k.State.Role&role != 0 && !k.State.Leaving {
			out = append(out, itoa(int(k.Public.Tag())))
		}
	}
	if len(out) == 0 {
		return "(none yet)"
	}
	return strings.Join(out, ", ")
}
