package transfer

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func accessRoutes() []api.Route {
	const zone = api.Own + "/zones/{zone_id}"
	return []api.Route{
		api.NewRoute(http.MethodPost, zone+"/access_check", api.ScopeZone, outgoingRead, checkAccess),
		api.NewRoute(http.MethodPost, zone+"/access_allow", api.ScopeZone, outgoingWrite, allowSource),
	}
}

// accessJSON is what becomes of a request, and by which rule.
type accessJSON struct {
	Allowed  bool     `json:"allowed"`
	Rcode    string   `json:"rcode"`
	Cause    string   `json:"cause"`
	Reason   string   `json:"reason"`
	Rule     string   `json:"rule"` // "peer", "acl" or "none"
	Peer     model.ID `json:"peer_id"`
	PeerName string   `json:"peer_name"`
	ACL      string   `json:"acl_range"`
	OneOf    []string `json:"one_of"`
}

// readAccess reads a request of a secondary.
func readAccess(q *api.Request) (out api.AccessQuestion, err error) {
	in := struct {
		Address    string `json:"address"`
		Transport  string `json:"transport"`
		Kind       string `json:"kind"`
		Key        string `json:"key"`
		ClientKey  string `json:"client_key"`
		ClientName string `json:"client_name"`
	}{Transport: "tcp", Kind: "axfr"}
	if err := q.Decode(&in); err != nil {
		return out, err
	}
	if out.Address, err = sourceOf(in.Address); err != nil {
		return out, err
	}
	switch in.Transport {
	case "udp":
	case "tls":
		out.TCP, out.TLS = true, true
	case "tcp":
		out.TCP = true
	default:
		return out, api.Invalid(model.CodeAccessCheck, "/transport", "The transport must be udp, tcp or tls.")
	}
	switch in.Kind {
	case "axfr":
		out.Type = wire.TypeAXFR
	case "ixfr":
		out.Type = wire.TypeIXFR
	case "soa":
		out.Type = wire.TypeSOA
	default:
		return out, api.Invalid(model.CodeAccessCheck, "/kind", "The kind must be axfr, ixfr or soa.")
	}
	if in.Key != "" {
		if out.Key, err = wire.ParseName(strings.ToLower(in.Key)); err != nil {
			return out, api.Invalid(model.CodeAccessCheck, "/key", "The key must be the name of a TSIG.")
		}
	}
	out.ClientKey, out.ClientName = in.ClientKey, in.ClientName
	return out, nil
}

func sourceOf(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" || addr.IsUnspecified() || addr.IsMulticast() {
		return addr, api.Invalid(model.CodeAccessCheck, "/address", "The address must be an IPv4 or IPv6 address of one host.")
	}
	return addr.Unmap(), nil
}

// checkAccess tells what the server would do with a request, by the very decision that it makes.
func checkAccess(a *api.API, q *api.Request) error {
	asked, err := readAccess(q)
	if err != nil {
		return err
	}
	if a.CheckAccess == nil {
		return api.NotHere()
	}
	d, ok := a.CheckAccess(q.Zone.ID, asked)
	if !ok {
		return api.NotHere()
	}
	out := accessJSON{
		Allowed: d.Cause == "", Rcode: d.Rcode, Cause: d.Cause, Reason: d.Reason, Rule: "none", Peer: d.Peer, PeerName: d.PeerName,
		OneOf: api.OrEmpty(d.OneOf),
	}
	switch {
	case d.Peer != "":
		out.Rule = "peer"
	case d.Range.IsValid():
		out.Rule, out.ACL = "acl", d.Range.String()
	}
	return q.OK(out)
}

// allowSource lets an address in that was refused: by an ACL of its own, unless one has the address already. An ACL is the account's, and so
// needs what the account's need.
func allowSource(a *api.API, q *api.Request) error {
	var in struct {
		Address string `json:"address"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	addr, err := sourceOf(in.Address)
	if err != nil {
		return err
	}
	if !q.Who.Can(api.AccSetWrite, q.Account, "") {
		return auth.Forbidden(false)
	}
	list, err := a.Store.ACLs(q.Ctx(), q.Account)
	if err != nil {
		return err
	}
	for i := range list {
		if list[i].Prefix.Contains(addr) {
			return q.OK(RenderACL(&list[i]))
		}
	}
	res, err := q.Change(model.PutACL{ACL: model.ACL{
		Account: q.Account, Name: "secondary at " + addr.String(), Range: addr.String(), Prefix: netip.PrefixFrom(addr, addr.BitLen()),
	}})
	if err != nil {
		return err
	}
	return q.OK(RenderACL(res.Outcomes[0].ACL))
}
