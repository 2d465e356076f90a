package transfer

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/trust"
)

// notifyVia is how a peer is told of changes.
type notifyVia struct {
	Transport  string   `json:"transport"`
	Port       *uint16  `json:"port"` // of TLS; null for the usual one
	Verify     string   `json:"verify"`
	ServerName string   `json:"server_name"`
	ServerKeys []string `json:"server_keys"`
	Sources    []string `json:"sources"` // that it leaves from; the server's where it has none of a family
}

// Words for how a peer is told, and whom we take for it.
const inClear, strict, opportunistic = "clear", "strict", "opportunistic"

func renderNotify(n *model.NotifyBy) notifyVia {
	out := notifyVia{Transport: inClear, Verify: strict, ServerName: n.Server, ServerKeys: strings.Fields(n.Keys), Sources: strings.Fields(n.Sources)}
	if n.TLS {
		out.Transport = byTLS
	}
	if n.Clear {
		out.Verify = opportunistic
	}
	if n.Port != 0 {
		out.Port = &n.Port
	}
	return out
}

// notifyIn is the same as it is sent: what is left out stays as it is.
type notifyIn struct {
	Transport  api.Optional[string]   `json:"transport"`
	Port       api.Optional[int64]    `json:"port"`
	Verify     api.Optional[string]   `json:"verify"`
	ServerName api.Optional[string]   `json:"server_name"`
	ServerKeys api.Optional[[]string] `json:"server_keys"`
	Sources    api.Optional[[]string] `json:"sources"`
}

func (n *notifyIn) check() error {
	wrong := func(member, text string) error { return api.Invalid(model.CodePeerNames, "/notify/"+member, text) }
	switch {
	case n.Transport.Set && n.Transport.Value != inClear && n.Transport.Value != byTLS:
		return wrong("transport", "NOTIFY goes by clear or by tls.")
	case n.Port.Given() && (n.Port.Value < 1 || n.Port.Value > 65535):
		return wrong("port", "The port must be between 1 and 65535.")
	case n.Verify.Set && n.Verify.Value != strict && n.Verify.Value != opportunistic:
		return wrong("verify", "Whether the peer is verified must be strict or opportunistic.")
	case n.ServerName.Value != "" && trust.CheckName(n.ServerName.Value) != nil:
		return wrong("server_name", "The server_name must be a host's name or an address.")
	}
	if err := checkKeys(n.ServerKeys.Value, model.CodePeerNames, "/notify/server_keys"); err != nil {
		return err
	}
	return n.checkSources()
}

// checkSources wants addresses that a host may have, one of a family, and leaves them as they are compared.
func (n *notifyIn) checkSources() error {
	var has [2]bool
	for i, text := range n.Sources.Value {
		wrong := func(text string) error {
			return api.Invalid(model.CodePeerNames, fmt.Sprintf("/notify/sources/%d", i), text)
		}
		from, err := netip.ParseAddr(text)
		if err != nil || from.Zone() != "" {
			return wrong("A source of NOTIFY must be an IPv4 or IPv6 address.")
		}
		family := 0
		if from = from.Unmap(); from.Is6() {
			family = 1
		}
		switch {
		case from.IsUnspecified() || from.IsMulticast() || from == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
			return wrong("A source of NOTIFY must be the address of one host.")
		case has[family]:
			return wrong("NOTIFY to a peer leaves from one address of a family; a second is given.")
		}
		has[family], n.Sources.Value[i] = true, from.String()
	}
	return nil
}

// apply does to n what was sent. Strict means that there is something to verify.
func (n *notifyIn) apply(to *model.NotifyBy) error {
	if n.Transport.Set {
		to.TLS = n.Transport.Value == byTLS
	}
	if n.Port.Set {
		to.Port = uint16(n.Port.Value)
	}
	if n.Verify.Set {
		to.Clear = n.Verify.Value == opportunistic
	}
	if n.ServerName.Set {
		to.Server = strings.ToLower(n.ServerName.Value)
	}
	if n.ServerKeys.Set {
		to.Keys = strings.Join(n.ServerKeys.Value, " ")
	}
	if n.Sources.Set {
		to.Sources = strings.Join(n.Sources.Value, " ")
	}
	if to.TLS && !to.Clear && to.Server == "" && to.Keys == "" {
		return api.Invalid(model.CodePeerNames, "/notify/server_name",
			"Strict verification needs a server_name or server_keys; opportunistic takes whoever is there.")
	}
	return nil
}
