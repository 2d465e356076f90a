package transfer

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strconv"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

func transferSettingRoutes() []api.Route {
	const account, zone = api.Own + "/accounts/{account_id}", api.Own + "/zones/{zone_id}"
	return []api.Route{
		api.NewRoute(http.MethodGet, account+"/transfer_settings", api.ScopeAccount, api.AccSetRead, getAccountTransfer),
		api.NewRoute(http.MethodPatch, account+"/transfer_settings", api.ScopeAccount, api.AccSetWrite, editAccountTransfer),
		api.NewRoute(http.MethodGet, zone+"/transfer_settings", api.ScopeZone, outgoingRead, getZoneTransfer),
		api.NewRoute(http.MethodPatch, zone+"/transfer_settings", api.ScopeZone, outgoingWrite, editZoneTransfer),
		api.NewRoute(http.MethodPost, zone+"/serial", api.ScopeZone, api.DNSWrite, raiseSerial),
		api.NewRoute(http.MethodGet, account+"/shared_names", api.ScopeAccount, api.AccSetRead, getSharedNames),
		api.NewRoute(http.MethodPatch, account+"/shared_names", api.ScopeAccount, api.AccSetWrite, editSharedNames),
		api.NewRoute(http.MethodGet, account+"/edge_addresses", api.ScopeAccount, api.AccSetRead, getEdge),
		api.NewRoute(http.MethodPatch, account+"/edge_addresses", api.ScopeAccount, api.AccSetWrite, editEdge),
	}
}

// zoneTransfer chooses what secondaries of a zone get.
type zoneTransfer struct {
	Mode model.TransferMode `json:"mode"`
}

// accountTransfer is what new zones start with, whether enabling is strict, and whether linked peers may differ in their keys.
type accountTransfer struct {
	Mode         model.TransferMode `json:"mode"`
	StrictReview bool               `json:"strict_review"`
	KeyEach      bool               `json:"tsig_per_peer"`
}

func renderAccountTransfer(acc *model.Account) accountTransfer {
	return accountTransfer{modeOf(acc.TransferMode), acc.StrictReview, acc.KeyEach}
}

func modeOf(m model.TransferMode) model.TransferMode {
	if m == "" {
		return model.ModeOrigin
	}
	return m
}

func checkMode(m *api.Optional[model.TransferMode]) error {
	if m.Set && m.Value != model.ModeOrigin && m.Value != model.ModeEdge {
		return api.Invalid(model.CodeTransferMode, "/mode", "The mode must be origin or edge.")
	}
	return nil
}

func getZoneTransfer(a *api.API, q *api.Request) error {
	return q.OK(zoneTransfer{modeOf(q.Zone.Mode)})
}

func editZoneTransfer(a *api.API, q *api.Request) error {
	var in struct {
		Mode api.Optional[model.TransferMode] `json:"mode"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	if err := checkMode(&in.Mode); err != nil {
		return err
	}
	if !in.Mode.Set {
		return getZoneTransfer(a, q)
	}
	res, err := q.Change(model.EditZone{Action: "transfer_settings", Apply: func(z model.Zone) (model.Zone, error) {
		z.Mode = in.Mode.Value
		return z, nil
	}})
	if err != nil {
		return err
	}
	return q.OK(zoneTransfer{modeOf(res.Outcomes[0].Zone.Mode)})
}

// serialJSON is the serial that a zone has.
type serialJSON struct {
	Zone   model.ID `json:"zone_id"`
	Serial uint32   `json:"serial"`
}

// raiseSerial takes a zone's serial past what secondaries hold. A zone that is there already is left as it is.
func raiseSerial(a *api.API, q *api.Request) error {
	var in struct {
		AtLeast json.RawMessage `json:"at_least"` // a number of JSON has more forms than a serial
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	n, err := strconv.ParseUint(string(in.AtLeast), 10, 32)
	if err != nil {
		return api.Invalid(model.CodeSerial, "/at_least", "at_least must be a serial: a whole number from 0 to 4294967295.")
	}
	res, err := q.Change(model.RaiseSerial{AtLeast: uint32(n)})
	if err != nil {
		return err
	}
	return q.OK(serialJSON{q.Zone.ID, res.Serial})
}

func getAccountTransfer(a *api.API, q *api.Request) error {
	acc, err := q.LoadAccount()
	if err != nil {
		return err
	}
	return q.OK(renderAccountTransfer(&acc))
}

func editAccountTransfer(a *api.API, q *api.Request) error {
	var in struct {
		Mode   api.Optional[model.TransferMode] `json:"mode"`
		Strict api.Optional[bool]               `json:"strict_review"`
		Each   api.Optional[bool]               `json:"tsig_per_peer"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	if err := checkMode(&in.Mode); err != nil {
		return err
	}
	if in.Strict.Null {
		return api.Invalid(model.CodeTransferMode, "/strict_review", "strict_review must be true or false.")
	}
	if in.Each.Null {
		return api.Invalid(model.CodeTransferMode, "/tsig_per_peer", "tsig_per_peer must be true or false.")
	}
	acc, err := q.EditAccount("transfer_settings", func(acc *model.Account) {
		if in.Mode.Set {
			acc.TransferMode = in.Mode.Value
		}
		if in.Strict.Set {
			acc.StrictReview = in.Strict.Value
		}
		if in.Each.Set {
			acc.KeyEach = in.Each.Value
		}
	})
	if err != nil {
		return api.PointAt(err, map[int]string{model.CodePeersTSIGDiffer: "/tsig_per_peer"})
	}
	return q.OK(renderAccountTransfer(acc))
}

// edgeJSON are the account's own edge addresses, and those that its proxied records are answered with.
type edgeJSON struct {
	Addresses []string `json:"addresses"`
	Effective []string `json:"effective"`
}

func okEdge(q *api.Request, acc *model.Account) error {
	out := edgeJSON{AddressTexts(acc.EdgeAddresses), AddressTexts(acc.EdgeAddresses)}
	if len(out.Addresses) == 0 {
		out.Effective = AddressTexts(q.API.EdgeAddresses)
	}
	return q.OK(out)
}

// AddressTexts gives addresses as texts.
func AddressTexts(list []netip.Addr) []string {
	return api.Each(list, func(a *netip.Addr) string { return a.String() })
}

func getEdge(a *api.API, q *api.Request) error {
	acc, err := q.LoadAccount()
	if err != nil {
		return err
	}
	return okEdge(q, &acc)
}

// maxEdge bounds an account's edge addresses.
const maxEdge = 64

func editEdge(a *api.API, q *api.Request) error {
	var in struct {
		Addresses *[]string `json:"addresses"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	if in.Addresses == nil || len(*in.Addresses) > maxEdge {
		return api.Invalid(model.CodeTransferMode, "/addresses", "The addresses must be a list of at most 64.")
	}
	var list []netip.Addr
	for i, s := range *in.Addresses {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" || addr.IsUnspecified() || addr.IsMulticast() {
			return api.Invalid(model.CodeTransferMode, "/addresses/"+strconv.Itoa(i), "This is not the address of a host.")
		}
		list = append(list, addr.Unmap())
	}
	acc, err := q.EditAccount("edge_addresses", func(acc *model.Account) { acc.EdgeAddresses = list })
	if err != nil {
		return err
	}
	return okEdge(q, acc)
}
