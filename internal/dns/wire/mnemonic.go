package wire

import (
	"errors"
	"maps"
	"strconv"
	"strings"
)

// ErrMnemonic is the error of ParseType for what is neither a known mnemonic nor TYPEnnn.
var ErrMnemonic = errors.New("unknown record type")

// typeNames holds the mnemonics of the IANA registry that the program may meet.
//
//nolint:gochecknoglobals // table
var typeNames = map[Type]string{
	TypeA: "A", TypeNS: "NS", TypeCNAME: "CNAME", TypeSOA: "SOA", TypePTR: "PTR", TypeHINFO: "HINFO", TypeMX: "MX",
	TypeTXT: "TXT", TypeRP: "RP", TypeAFSDB: "AFSDB", TypeSIG: "SIG", TypeKEY: "KEY", TypeAAAA: "AAAA", TypeLOC: "LOC",
	TypeSRV: "SRV", TypeNAPTR: "NAPTR", TypeKX: "KX", TypeCERT: "CERT", TypeDNAME: "DNAME", TypeOPT: "OPT",
	TypeAPL: "APL", TypeDS: "DS", TypeSSHFP: "SSHFP", TypeRRSIG: "RRSIG", TypeNSEC: "NSEC", TypeDNSKEY: "DNSKEY",
	TypeNSEC3: "NSEC3", TypeNSEC3PARAM: "NSEC3PARAM", TypeTLSA: "TLSA", TypeSMIMEA: "SMIMEA", TypeCDS: "CDS",
	TypeCDNSKEY: "CDNSKEY", TypeOPENPGPKEY: "OPENPGPKEY", TypeCSYNC: "CSYNC", TypeSVCB: "SVCB", TypeHTTPS: "HTTPS",
	TypeEUI48: "EUI48", TypeEUI64: "EUI64", TypeTKEY: "TKEY", TypeTSIG: "TSIG", TypeIXFR: "IXFR", TypeAXFR: "AXFR",
	TypeMAILB: "MAILB", TypeMAILA: "MAILA", TypeANY: "ANY", TypeURI: "URI", TypeCAA: "CAA",
	3: "MD", 4: "MF", 7: "MB", 8: "MG", 9: "MR", 10: "NULL", 11: "WKS", 14: "MINFO", 19: "X25", 20: "ISDN", 21: "RT",
	22: "NSAP", 26: "PX", 27: "GPOS", 30: "NXT", 38: "A6", 45: "IPSECKEY", 49: "DHCID", 55: "HIP", 63: "ZONEMD",
	99: "SPF", 104: "NID", 105: "L32", 106: "L64", 107: "LP", 260: "AMTRELAY", 32768: "TA", 32769: "DLV",
}

// youngNames holds the mnemonics of the registry that are read, and not written: servers of today do not all know them, and all
// know TYPEnnn.
//
//nolint:gochecknoglobals // table
var youngNames = map[string]Type{
	"NSAP-PTR": 23, "EID": 31, "NIMLOC": 32, "ATMA": 34, "SINK": 40, "NINFO": 56, "RKEY": 57, "TALINK": 58, "DSYNC": 66, "HHIT": 67,
	"BRID": 68, "UINFO": 100, "UID": 101, "GID": 102, "UNSPEC": 103, "NXNAME": 128, "AVC": 258, "DOA": 259, "RESINFO": 261,
	"WALLET": 262, "CLA": 263, "IPN": 264,
}

// typeNumbers is typeNames the other way round, and youngNames.
//
//nolint:gochecknoglobals // table
var typeNumbers = func() map[string]Type {
	m := maps.Clone(youngNames)
	for t, s := range typeNames {
		m[s] = t
	}
	return m
}()

// String is the type's mnemonic, or TYPEnnn (RFC 3597 section 5).
func (t Type) String() string {
	if s, ok := typeNames[t]; ok {
		return s
	}
	return "TYPE" + strconv.Itoa(int(t))
}

// HasMnemonic says whether String is a mnemonic, not a number.
func (t Type) HasMnemonic() bool {
	_, ok := typeNames[t]
	return ok
}

// IsMeta says whether the type is no data type: one for queries or messages only (RFC 6895 section 3.1).
func (t Type) IsMeta() bool { return t == TypeOPT || t >= 128 && t <= 255 }

// ParseType reads a mnemonic in any case, or TYPEnnn.
func ParseType(s string) (Type, error) {
	u := strings.ToUpper(s)
	if t, ok := typeNumbers[u]; ok {
		return t, nil
	}
	if num, ok := strings.CutPrefix(u, "TYPE"); ok {
		if n, err := strconv.ParseUint(num, 10, 16); err == nil {
			return Type(n), nil
		}
	}
	return 0, ErrMnemonic
}

// String is the class's mnemonic, or CLASSnnn (RFC 3597 section 5).
func (c Class) String() string {
	switch c {
	case ClassIN:
		return "IN"
	case ClassCH:
		return "CH"
	case ClassNONE:
		return "NONE"
	case ClassANY:
		return "ANY"
	}
	return "CLASS" + strconv.Itoa(int(c))
}

// String is the opcode's mnemonic, or OPCODEnn.
func (o Opcode) String() string {
	switch o {
	case OpcodeQuery:
		return "QUERY"
	case OpcodeNotify:
		return "NOTIFY"
	case OpcodeUpdate:
		return "UPDATE"
	}
	return "OPCODE" + strconv.Itoa(int(o))
}

// ErrorString names the code as the error field of a TSIG record, where 16 means BADSIG (RFC 8945 section 3).
func (r Rcode) ErrorString() string {
	if r == RcodeBadSig {
		return "BADSIG"
	}
	return r.String()
}
