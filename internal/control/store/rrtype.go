package store

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// typeTexts are the mnemonics that types have in the tables, where records are ordered and found by them; all others are
// TYPEnnn (RFC 3597 section 5).
var typeTexts = map[wire.Type]string{
	wire.TypeA: "A", wire.TypeNS: "NS", wire.TypeCNAME: "CNAME", wire.TypeSOA: "SOA", wire.TypePTR: "PTR",
	wire.TypeHINFO: "HINFO", wire.TypeMX: "MX", wire.TypeTXT: "TXT", wire.TypeRP: "RP", wire.TypeAFSDB: "AFSDB",
	wire.TypeAAAA: "AAAA", wire.TypeLOC: "LOC", wire.TypeSRV: "SRV", wire.TypeNAPTR: "NAPTR", wire.TypeKX: "KX",
	wire.TypeCERT: "CERT", wire.TypeDNAME: "DNAME", wire.TypeAPL: "APL", wire.TypeDS: "DS", wire.TypeSSHFP: "SSHFP",
	wire.TypeDNSKEY: "DNSKEY", wire.TypeTLSA: "TLSA", wire.TypeSMIMEA: "SMIMEA", wire.TypeCDS: "CDS",
	wire.TypeCDNSKEY: "CDNSKEY", wire.TypeOPENPGPKEY: "OPENPGPKEY", wire.TypeCSYNC: "CSYNC", wire.TypeSVCB: "SVCB",
	wire.TypeHTTPS: "HTTPS", wire.TypeEUI48: "EUI48", wire.TypeEUI64: "EUI64", wire.TypeURI: "URI", wire.TypeCAA: "CAA",
}

var typesByText = func() map[string]wire.Type {
	m := make(map[string]wire.Type, len(typeTexts))
	for t, s := range typeTexts {
		m[s] = t
	}
	return m
}()

func typeText(t wire.Type) string {
	if s, ok := typeTexts[t]; ok {
		return s
	}
	return "TYPE" + strconv.Itoa(int(t))
}

func typeOf(text string) (wire.Type, error) {
	if t, ok := typesByText[text]; ok {
		return t, nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "TYPE"), 10, 16)
	if err != nil {
		return 0, fmt.Errorf("type %q: %w", text, err)
	}
	return wire.Type(n), nil
}
