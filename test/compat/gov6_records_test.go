package compat_test

import (
	"github.com/cloudflare/cloudflare-go/v6"
	"github.com/cloudflare/cloudflare-go/v6/dns"
)

// v6Of builds the parameter of a sample's type with its own name, content and data.
func v6Of(s sample) dns.RecordNewParamsBodyUnion {
	name, ttl, content := cloudflare.F(s.Name), cloudflare.F(dns.TTL(s.TTL)), cloudflare.F(s.Content)
	switch s.Type {
	case "A":
		return dns.ARecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.ARecordTypeA), Content: content}
	case "AAAA":
		return dns.AAAARecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.AAAARecordTypeAAAA), Content: content}
	case "CNAME":
		return dns.CNAMERecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.CNAMERecordTypeCNAME), Content: content}
	case "MX":
		p := cloudflare.F(float64(*s.Priority))
		return dns.MXRecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.MXRecordTypeMX), Content: content, Priority: p}
	case "NS":
		return dns.NSRecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.NSRecordTypeNS), Content: content}
	case "PTR":
		return dns.PTRRecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.PTRRecordTypePTR), Content: content}
	case "TXT":
		return dns.TXTRecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.TXTRecordTypeTXT), Content: content}
	case "OPENPGPKEY":
		typ := dns.RecordNewParamsBodyDNSRecordsOpenpgpkeyRecordTypeOpenpgpkey
		return dns.RecordNewParamsBodyDNSRecordsOpenpgpkeyRecord{Name: name, TTL: ttl, Type: cloudflare.F(typ), Content: content}
	default:
		return v6Data(s)
	}
}

// v6Data is v6Of for the types that have data.
func v6Data(s sample) dns.RecordNewParamsBodyUnion {
	name, ttl := cloudflare.F(s.Name), cloudflare.F(dns.TTL(s.TTL))
	switch s.Type {
	case "CAA":
		return dns.CAARecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.CAARecordTypeCAA), Data: cloudflare.Raw[dns.CAARecordDataParam](s.Data)}
	case "CERT":
		return dns.CERTRecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.CERTRecordTypeCERT), Data: cloudflare.Raw[dns.CERTRecordDataParam](s.Data)}
	case "DNSKEY":
		return dns.DNSKEYRecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.DNSKEYRecordTypeDNSKEY), Data: cloudflare.Raw[dns.DNSKEYRecordDataParam](s.Data)}
	case "DS":
		return dns.DSRecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.DSRecordTypeDS), Data: cloudflare.Raw[dns.DSRecordDataParam](s.Data)}
	case "HTTPS":
		return dns.HTTPSRecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.HTTPSRecordTypeHTTPS), Data: cloudflare.Raw[dns.HTTPSRecordDataParam](s.Data)}
	case "LOC":
		return dns.LOCRecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.LOCRecordTypeLOC), Data: cloudflare.Raw[dns.LOCRecordDataParam](s.Data)}
	case "NAPTR":
		return dns.NAPTRRecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.NAPTRRecordTypeNAPTR), Data: cloudflare.Raw[dns.NAPTRRecordDataParam](s.Data)}
	case "SMIMEA":
		return dns.SMIMEARecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.SMIMEARecordTypeSMIMEA), Data: cloudflare.Raw[dns.SMIMEARecordDataParam](s.Data)}
	case "SRV":
		return dns.SRVRecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.SRVRecordTypeSRV), Data: cloudflare.F(dns.SRVRecordDataParam{
			Priority: cloudflare.F(10.0), Weight: cloudflare.F(5.0), Port: cloudflare.F(5060.0), Target: cloudflare.F("sip.example.net"),
		})}
	case "SSHFP":
		return dns.SSHFPRecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.SSHFPRecordTypeSSHFP), Data: cloudflare.Raw[dns.SSHFPRecordDataParam](s.Data)}
	case "SVCB":
		return dns.SVCBRecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.SVCBRecordTypeSVCB), Data: cloudflare.Raw[dns.SVCBRecordDataParam](s.Data)}
	case "TLSA":
		return dns.TLSARecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.TLSARecordTypeTLSA), Data: cloudflare.Raw[dns.TLSARecordDataParam](s.Data)}
	case "URI":
		p := cloudflare.F(float64(*s.Priority))
		return dns.URIRecordParam{Name: name, TTL: ttl, Type: cloudflare.F(dns.URIRecordTypeURI), Priority: p, Data: cloudflare.Raw[dns.URIRecordDataParam](s.Data)}
	default:
		panic("no v6 parameter for " + s.Type)
	}
}
