package node

import "github.com/headwaterdns/headwater/internal/control/model"

// quotaFlags are what an account may hold that has no quotas of its own; 0 is no limit. The defaults are far above what one
// team keeps, and stand between one tenant and the memory and the disk of all.
type quotaFlags struct {
	Zones          int64 `default:"250000" help:"Most zones of an account; 0 is no limit."`
	Records        int64 `default:"10000000" help:"Most records of an account; 0 is no limit."`
	RecordsPerZone int64 `default:"5000000" help:"Most records of a zone; 0 is no limit."`
	Octets         int64 `default:"4294967296" help:"Most octets of an account's records: data, contents, comments and tags; 0 is no limit."`
	Members        int64 `default:"1000" help:"Most members of an account; 0 is no limit."`
	Tokens         int64 `default:"1000" help:"Most API tokens of an account, and of a user; 0 is no limit."`
	TSIGs          int64 `default:"1000" help:"Most TSIGs of an account; 0 is no limit." name:"tsigs"`
	Peers          int64 `default:"1000" help:"Most peers of an account; 0 is no limit."`
	ACLs           int64 `default:"1000" help:"Most ACLs of an account; 0 is no limit." name:"acls"`
	Flattened      int64 `default:"5000" help:"Most different targets of an account's flattened CNAMEs; 0 is no limit." name:"flattened-targets"`
}

func (f *quotaFlags) quotas() model.Quotas {
	out := model.Quotas{}
	for name, limit := range map[model.Quota]int64{
		model.QuotaZones: f.Zones, model.QuotaRecords: f.Records, model.QuotaZoneRecords: f.RecordsPerZone, model.QuotaOctets: f.Octets,
		model.QuotaMembers: f.Members, model.QuotaTokens: f.Tokens, model.QuotaTSIGs: f.TSIGs, model.QuotaPeers: f.Peers, model.QuotaACLs: f.ACLs,
		model.QuotaFlattened: f.Flattened,
	} {
		if limit > 0 {
			out[name] = limit
		}
	}
	return out
}
