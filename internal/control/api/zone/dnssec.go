package zone

import (
	"encoding/json"
	"net/http"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
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

// dnssecJSON is a zone's signing state; everything but the status is null while it is disabled.
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
}

const dnssecDisabled = "disabled"

func getDNSSEC(a *api.API, q *api.Request) error { return q.OK(dnssecJSON{Status: dnssecDisabled}) }

// editDNSSEC takes what leaves the zone as it is, unsigned, and refuses the rest.
func editDNSSEC(a *api.API, q *api.Request) error {
	var in struct {
		Status      api.Optional[string] `json:"status"`
		MultiSigner api.Optional[bool]   `json:"dnssec_multi_signer"`
		Presigned   api.Optional[bool]   `json:"dnssec_presigned"`
		NSEC3       api.Optional[bool]   `json:"dnssec_use_nsec3"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	const notBuilt = "This server cannot sign zones yet."
	switch {
	case in.Status.Given() && in.Status.Value == "active":
		return api.Invalid(model.CodeDNSSECState, "/status", notBuilt)
	case in.Status.Given() && in.Status.Value != dnssecDisabled:
		return api.Invalid(model.CodeDNSSECStatus, "/status", `Invalid or missing "status"`)
	case in.MultiSigner.Value:
		return api.Invalid(model.CodeDNSSECState, "/dnssec_multi_signer", notBuilt)
	case in.Presigned.Value:
		return api.Invalid(model.CodeDNSSECState, "/dnssec_presigned", notBuilt)
	case in.NSEC3.Value:
		return api.Invalid(model.CodeDNSSECState, "/dnssec_use_nsec3", notBuilt)
	}
	return getDNSSEC(a, q)
}

// deleteDNSSEC removes keys and signatures: there are none.
func deleteDNSSEC(a *api.API, q *api.Request) error { return q.OK("") }

func listSigningKeys(a *api.API, q *api.Request) error { return api.OnePage(q, []json.RawMessage{}) }
