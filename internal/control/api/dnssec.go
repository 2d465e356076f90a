package api

import (
	"encoding/json"
	"net/http"

	"github.com/headwaterdns/headwater/internal/control/model"
)

func dnssecRoutes() []Route {
	const path = client + "/zones/{zone_id}/dnssec"
	return []Route{
		{http.MethodGet, path, ScopeZone, dnsRead, (*api).getDNSSEC},
		{http.MethodPatch, path, ScopeZone, dnsWrite, (*api).editDNSSEC},
		{http.MethodDelete, path, ScopeZone, dnsWrite, (*api).deleteDNSSEC},
		{http.MethodGet, path + "/zsk", ScopeZone, dnsRead, (*api).listSigningKeys},
	}
}

// dnssecJSON is a zone's signing state; everything but the status is null while it is disabled.
type dnssecJSON struct {
	Status          string  `json:"status"`
	Flags           *int    `json:"flags"`
	Algorithm       *string `json:"algorithm"`
	KeyType         *string `json:"key_type"`
	DigestType      *string `json:"digest_type"`
	DigestAlgorithm *string `json:"digest_algorithm"`
	Digest          *string `json:"digest"`
	DS              *string `json:"ds"`
	KeyTag          *int    `json:"key_tag"`
	PublicKey       *string `json:"public_key"`
	Modified        stamp   `json:"modified_on"`
}

const dnssecDisabled = "disabled"

func (a *api) getDNSSEC(q *request) error { return q.ok(dnssecJSON{Status: dnssecDisabled}) }

// editDNSSEC takes what leaves the zone as it is, unsigned, and refuses the rest.
func (a *api) editDNSSEC(q *request) error {
	var in struct {
		Status      optional[string] `json:"status"`
		MultiSigner optional[bool]   `json:"dnssec_multi_signer"`
		Presigned   optional[bool]   `json:"dnssec_presigned"`
		NSEC3       optional[bool]   `json:"dnssec_use_nsec3"`
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	const notBuilt = "This server cannot sign zones yet."
	switch {
	case in.Status.given() && in.Status.Value == "active":
		return invalid(model.CodeDNSSECState, "/status", notBuilt)
	case in.Status.given() && in.Status.Value != dnssecDisabled:
		return invalid(model.CodeDNSSECStatus, "/status", `Invalid or missing "status"`)
	case in.MultiSigner.Value:
		return invalid(model.CodeDNSSECState, "/dnssec_multi_signer", notBuilt)
	case in.Presigned.Value:
		return invalid(model.CodeDNSSECState, "/dnssec_presigned", notBuilt)
	case in.NSEC3.Value:
		return invalid(model.CodeDNSSECState, "/dnssec_use_nsec3", notBuilt)
	}
	return a.getDNSSEC(q)
}

// deleteDNSSEC removes keys and signatures: there are none.
func (a *api) deleteDNSSEC(q *request) error { return q.ok("") }

func (a *api) listSigningKeys(q *request) error { return onePage(q, []json.RawMessage{}) }
