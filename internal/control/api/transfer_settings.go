package api

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strconv"

	"github.com/headwaterdns/headwater/internal/control/model"
)

func transferSettingRoutes() []Route {
	const account, zone = own + "/accounts/{account_id}", own + "/zones/{zone_id}"
	return []Route{
		{http.MethodGet, account + "/transfer_settings", ScopeAccount, accSetRead, (*api).getAccountTransfer},
		{http.MethodPatch, account + "/transfer_settings", ScopeAccount, accSetWrite, (*api).editAccountTransfer},
		{http.MethodGet, zone + "/transfer_settings", ScopeZone, outgoingRead, (*api).getZoneTransfer},
		{http.MethodPatch, zone + "/transfer_settings", ScopeZone, outgoingWrite, (*api).editZoneTransfer},
		{http.MethodPost, zone + "/serial", ScopeZone, dnsWrite, (*api).raiseSerial},
		{http.MethodGet, account + "/shared_names", ScopeAccount, accSetRead, (*api).getSharedNames},
		{http.MethodPatch, account + "/shared_names", ScopeAccount, accSetWrite, (*api).editSharedNames},
		{http.MethodGet, account + "/edge_addresses", ScopeAccount, accSetRead, (*api).getEdge},
		{http.MethodPatch, account + "/edge_addresses", ScopeAccount, accSetWrite, (*api).editEdge},
	}
}

// zoneTransfer chooses what secondaries of a zone get.
type zoneTransfer struct {
	Mode model.TransferMode `json:"mode"`
}

// accountTransfer is what new zones start with, and whether enabling is strict.
type accountTransfer struct {
	Mode         model.TransferMode `json:"mode"`
	StrictReview bool               `json:"strict_review"`
}

func modeOf(m model.TransferMode) model.TransferMode {
	if m == "" {
		return model.ModeOrigin
	}
	return m
}

func checkMode(m *optional[model.TransferMode]) error {
	if m.Set && m.Value != model.ModeOrigin && m.Value != model.ModeEdge {
		return invalid(model.CodeTransferMode, "/mode", "The mode must be origin or edge.")
	}
	return nil
}

func (a *api) getZoneTransfer(q *request) error { return q.ok(zoneTransfer{modeOf(q.zone.Mode)}) }

func (a *api) editZoneTransfer(q *request) error {
	var in struct {
		Mode optional[model.TransferMode] `json:"mode"`
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	if err := checkMode(&in.Mode); err != nil {
		return err
	}
	if !in.Mode.Set {
		return a.getZoneTransfer(q)
	}
	res, err := q.change(model.EditZone{Action: "transfer_settings", Apply: func(z model.Zone) (model.Zone, error) {
		z.Mode = in.Mode.Value
		return z, nil
	}})
	if err != nil {
		return err
	}
	return q.ok(zoneTransfer{modeOf(res.Outcomes[0].Zone.Mode)})
}

// serialJSON is the serial that a zone has.
type serialJSON struct {
	Zone   model.ID `json:"zone_id"`
	Serial uint32   `json:"serial"`
}

// raiseSerial takes a zone's serial past what secondaries hold. A zone that is there already is left as it is.
func (a *api) raiseSerial(q *request) error {
	var in struct {
		AtLeast json.RawMessage `json:"at_least"` // a number of JSON has more forms than a serial
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	n, err := strconv.ParseUint(string(in.AtLeast), 10, 32)
	if err != nil {
		return invalid(model.CodeSerial, "/at_least", "at_least must be a serial: a whole number from 0 to 4294967295.")
	}
	res, err := q.change(model.RaiseSerial{AtLeast: uint32(n)})
	if err != nil {
		return err
	}
	return q.ok(serialJSON{q.zone.ID, res.Serial})
}

func (a *api) getAccountTransfer(q *request) error {
	acc, err := q.loadAccount()
	if err != nil {
		return err
	}
	return q.ok(accountTransfer{modeOf(acc.TransferMode), acc.StrictReview})
}

func (a *api) editAccountTransfer(q *request) error {
	var in struct {
		Mode   optional[model.TransferMode] `json:"mode"`
		Strict optional[bool]               `json:"strict_review"`
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	if err := checkMode(&in.Mode); err != nil {
		return err
	}
	if in.Strict.Null {
		return invalid(model.CodeTransferMode, "/strict_review", "strict_review must be true or false.")
	}
	acc, err := q.editAccount("transfer_settings", func(acc *model.Account) {
		if in.Mode.Set {
			acc.TransferMode = in.Mode.Value
		}
		if in.Strict.Set {
			acc.StrictReview = in.Strict.Value
		}
	})
	if err != nil {
		return err
	}
	return q.ok(accountTransfer{modeOf(acc.TransferMode), acc.StrictReview})
}

// edgeJSON are the account's own edge addresses, and those that its proxied records are answered with.
type edgeJSON struct {
	Addresses []string `json:"addresses"`
	Effective []string `json:"effective"`
}

func (q *request) okEdge(acc *model.Account) error {
	out := edgeJSON{addressTexts(acc.EdgeAddresses), addressTexts(acc.EdgeAddresses)}
	if len(out.Addresses) == 0 {
		out.Effective = addressTexts(q.api.EdgeAddresses)
	}
	return q.ok(out)
}

func addressTexts(list []netip.Addr) []string {
	return each(list, func(a *netip.Addr) string { return a.String() })
}

func (a *api) getEdge(q *request) error {
	acc, err := q.loadAccount()
	if err != nil {
		return err
	}
	return q.okEdge(&acc)
}

// maxEdge bounds an account's edge addresses.
const maxEdge = 64

func (a *api) editEdge(q *request) error {
	var in struct {
		Addresses *[]string `json:"addresses"`
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	if in.Addresses == nil || len(*in.Addresses) > maxEdge {
		return invalid(model.CodeTransferMode, "/addresses", "The addresses must be a list of at most 64.")
	}
	var list []netip.Addr
	for i, s := range *in.Addresses {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" || addr.IsUnspecified() || addr.IsMulticast() {
			return invalid(model.CodeTransferMode, "/addresses/"+strconv.Itoa(i), "This is not the address of a host.")
		}
		list = append(list, addr.Unmap())
	}
	acc, err := q.editAccount("edge_addresses", func(acc *model.Account) { acc.EdgeAddresses = list })
	if err != nil {
		return err
	}
	return q.okEdge(acc)
}
