package audit

import (
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
)

// Tags of DNS settings, in zones and accounts.
const (
	setNSType = iota + 30
	setNSSet
	setFlags
	setNSTTL
	setReference
	setZoneMode
	setMName
	setRName
	setRefresh
	setRetry
	setExpire
	setMinTTL
	setSOATTL
)

func (v *told) settings(s *model.Settings) {
	v.text(setNSType, s.NSType)
	v.number(setNSSet, uint64(s.NSSet))
	v.number(setFlags, bits(s.FoundationDNS, s.MultiProvider, s.FlattenAll, s.SecondaryOverrides))
	v.number(setNSTTL, uint64(s.NSTTL))
	v.id(setReference, s.ReferenceZone)
	v.text(setZoneMode, s.ZoneMode)
	v.text(setMName, s.SOA.MName)
	v.text(setRName, s.SOA.RName)
	for i, n := range [...]uint32{s.SOA.Refresh, s.SOA.Retry, s.SOA.Expire, s.SOA.MinTTL, s.SOA.TTL} {
		v.number(setRefresh+i, uint64(n))
	}
}

func (v *values) getSettings() model.Settings {
	flags := v.getNumber(setFlags)
	time := func(tag int) uint32 { return uint32(v.getNumber(tag)) }
	return model.Settings{
		NSType: string(v[setNSType]), NSSet: int(v.getNumber(setNSSet)),
		FoundationDNS: flags&1 != 0, MultiProvider: flags&2 != 0, FlattenAll: flags&4 != 0, SecondaryOverrides: flags&8 != 0,
		NSTTL: time(setNSTTL), ReferenceZone: v.getID(setReference), ZoneMode: string(v[setZoneMode]),
		SOA: model.SOA{
			MName: string(v[setMName]), RName: string(v[setRName]), Refresh: time(setRefresh), Retry: time(setRetry),
			Expire: time(setExpire), MinTTL: time(setMinTTL), TTL: time(setSOATTL),
		},
	}
}

// Tags of a zone.
const (
	zoneName = iota + 1
	zoneWholeName
	zoneType
	zoneStatus
	zonePaused
	zoneCreated
	zoneModified
	zoneActivated
	zoneNS
	zoneVanity
	zoneMode
	zoneEntitled // 1: no, 2: yes
	zoneOutgoing // 1: off, 2: on
	zoneOutName
	zoneOutPeers
	zoneOutCreated
	zoneOutModified
	zoneSerial
	zoneDNSSEC   // what is wanted, with
	zoneSwitches // two bits each: multi-signer, presigned, NSEC3, CDS
	zonePolicy   // algorithm, and in bits 8 to 19 and 20 to 31 the days of ZSKs and KSKs
	zoneDigest   // 1: it carries one
	zoneFourEyes // 1: on
	zoneExcept
)

func (w *writer) zone(out *told, z *model.Zone) {
	w.own(out, z.ID)
	w.name(out, zoneName, z.Name)
	out.text(zoneType, z.Type)
	out.text(zoneStatus, z.Status)
	out.number(zonePaused, bits(z.Paused))
	w.moment(out, zoneCreated, z.Created)
	w.moment(out, zoneModified, z.Modified)
	w.moment(out, zoneActivated, z.Activated)
	out.texts(zoneNS, z.NameServers)
	out.texts(zoneVanity, z.VanityNS)
	out.settings(&z.Settings)
	out.text(zoneMode, string(z.Mode))
	if z.OutgoingTransfers != nil {
		out.number(zoneEntitled, 1+bits(*z.OutgoingTransfers))
	}
	if o := z.Outgoing; o != nil {
		out.number(zoneOutgoing, 1+bits(o.Enabled))
		out.text(zoneOutName, o.Name)
		out.texts(zoneOutPeers, textsOf(o.Peers))
		w.moment(out, zoneOutCreated, o.Created)
		w.moment(out, zoneOutModified, o.Modified)
	}
	out.number(zoneSerial, uint64(z.Serial))
	d := &z.DNSSEC
	out.text(zoneDNSSEC, d.Status)
	out.number(zoneSwitches, uint64(d.MultiSigner)|uint64(d.Presigned)<<2|uint64(d.NSEC3)<<4|uint64(d.CDS)<<6)
	out.number(zonePolicy, uint64(d.Algorithm)|uint64(d.ZSKDays)<<8|uint64(d.KSKDays)<<20)
	out.number(zoneDigest, bits(z.Digest))
	if e := z.FourEyes; e != nil {
		out.number(zoneFourEyes, 1)
		out.texts(zoneExcept, textsOf(e.Except))
	}
}

func (r *reader) zone(v *values) model.Zone {
	z := model.Zone{
		ID: r.own(v), Name: r.name(v, zoneName), Type: string(v[zoneType]), Status: string(v[zoneStatus]), Paused: v.getNumber(zonePaused) == 1,
		Created: r.moment(v, zoneCreated), Modified: r.moment(v, zoneModified), Activated: r.moment(v, zoneActivated),
		NameServers: v.getTexts(zoneNS), VanityNS: v.getTexts(zoneVanity), Settings: v.getSettings(), Mode: model.TransferMode(v[zoneMode]),
		Serial: uint32(v.getNumber(zoneSerial)), Digest: v.getNumber(zoneDigest) == 1,
	}
	switches, policy := v.getNumber(zoneSwitches), v.getNumber(zonePolicy)
	z.DNSSEC = model.DNSSEC{
		Status:      string(v[zoneDNSSEC]),
		MultiSigner: model.Switch(switches & 3), Presigned: model.Switch(switches >> 2 & 3), NSEC3: model.Switch(switches >> 4 & 3), CDS: model.Switch(switches >> 6 & 3),
		Algorithm: dnssec.Algorithm(policy), ZSKDays: int(policy >> 8 & 0xfff), KSKDays: int(policy >> 20 & 0xfff),
	}
	if n := v.getNumber(zoneEntitled); n > 0 {
		yes := n == 2
		z.OutgoingTransfers = &yes
	}
	if v.getNumber(zoneFourEyes) > 0 {
		z.FourEyes = &model.FourEyes{Except: idsOf(v.getTexts(zoneExcept))}
	}
	if n := v.getNumber(zoneOutgoing); n > 0 {
		z.Outgoing = &model.Outgoing{
			Name: string(v[zoneOutName]), Enabled: n == 2, Peers: idsOf(v.getTexts(zoneOutPeers)),
			Created: r.moment(v, zoneOutCreated), Modified: r.moment(v, zoneOutModified),
		}
	}
	return z
}

// Tags of an account.
const (
	accName = iota + 1
	accType
	accCreated
	accFlags
	accEdge
	accMode
	accShares
	accQuotas
	accHistory
)

func (w *writer) account(out *told, a *model.Account) {
	w.own(out, a.ID)
	out.text(accName, a.Name)
	out.text(accType, a.Type)
	w.moment(out, accCreated, a.Created)
	out.number(accFlags, bits(a.EnforceTwoFactor, a.OutgoingTransfers, a.EnforceDNSOnly, a.StrictReview, a.Suspended, a.KeyEach))
	out.settings(&a.ZoneDefaults)
	if a.EdgeAddresses != nil {
		list := make([]string, len(a.EdgeAddresses))
		for i, e := range a.EdgeAddresses {
			list[i] = e.String()
		}
		out.texts(accEdge, list)
	}
	out.text(accMode, string(a.TransferMode))
	out.texts(accShares, textsOf(a.SharesNames))
	out.number(accHistory, uint64(a.HistoryDays))
	if len(a.Quotas) > 0 {
		var b []byte
		for _, q := range slices.Sorted(maps.Keys(a.Quotas)) {
			b = binary.AppendVarint(appendOctets(b, []byte(q)), a.Quotas[q])
		}
		out.put(accQuotas, b)
	}
}

func (r *reader) account(v *values) model.Account {
	flags := v.getNumber(accFlags)
	a := model.Account{
		ID: r.own(v), Name: string(v[accName]), Type: string(v[accType]), Created: r.moment(v, accCreated),
		EnforceTwoFactor: flags&1 != 0, OutgoingTransfers: flags&2 != 0, EnforceDNSOnly: flags&4 != 0, StrictReview: flags&8 != 0,
		Suspended: flags&16 != 0, KeyEach: flags&32 != 0, HistoryDays: int(v.getNumber(accHistory)), ZoneDefaults: v.getSettings(), TransferMode: model.TransferMode(v[accMode]), SharesNames: idsOf(v.getTexts(accShares)),
	}
	for _, s := range v.getTexts(accEdge) {
		if e, err := netip.ParseAddr(s); err == nil {
			a.EdgeAddresses = append(a.EdgeAddresses, e)
		}
	}
	in := reader{b: v[accQuotas]}
	for len(in.b) > 0 {
		q, n := model.Quota(in.octets()), in.varint()
		if in.bad {
			break
		}
		if a.Quotas == nil {
			a.Quotas = model.Quotas{}
		}
		a.Quotas[q] = n
	}
	return a
}

func textsOf(list []model.ID) []string {
	if list == nil {
		return nil
	}
	out := make([]string, len(list))
	for i, id := range list {
		out[i] = string(id)
	}
	return out
}

func idsOf(list []string) []model.ID {
	if list == nil {
		return nil
	}
	out := make([]model.ID, len(list))
	for i, s := range list {
		out[i] = model.ID(s)
	}
	return out
}
