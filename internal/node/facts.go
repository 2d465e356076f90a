package node

import "github.com/headwaterdns/headwater/internal/control/api"

// facts tells the API what this node can do. Where a port is 0 in the configuration, what was bound counts.
func (n *Node) facts() api.ServerFacts {
	out := api.ServerFacts{Resolver: n.cfg.Resolver != ""}
	if n.dns == nil {
		return out
	}
	addrs := n.dns.Addrs()
	if len(addrs.DNS) > 0 {
		out.DNSPort = addrs.DNS[0].Port()
	}
	out.TransferPort = out.DNSPort
	if len(addrs.Transfer) > 0 {
		out.TransferPort = addrs.Transfer[0].Port()
	}
	return out
}
