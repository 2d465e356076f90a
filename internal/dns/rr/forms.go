package rr

import "github.com/headwaterdns/headwater/internal/dns/wire"

// forms gives the parts of each type's RDATA, in order, one letter a part: what a letter stands for is in kindOf. One table
// reads, writes and measures, so no type can be read in one way and checked in another. It has every type that BIND, NSD, Knot
// or PowerDNS knows: one of them that finds a record too short, or with octets left over, refuses the zone. Types that are not
// here have any octets, in the form of RFC 3597 alone.
//
//nolint:gochecknoglobals // a table
var forms = map[wire.Type]string{
	wire.TypeA:          "a",
	wire.TypeAAAA:       "A",
	wire.TypeAFSDB:      "2n",
	wire.TypeAPL:        "!",
	wire.TypeCAA:        "1gQ",
	wire.TypeCDNSKEY:    "21kb",
	wire.TypeCDS:        "2k1U",
	wire.TypeCERT:       "c2Kb",
	wire.TypeCNAME:      "n",
	wire.TypeCSYNC:      "42m",
	wire.TypeDNAME:      "n",
	wire.TypeDNSKEY:     "21kb",
	wire.TypeDS:         "2k1U",
	wire.TypeEUI48:      "e",
	wire.TypeEUI64:      "E",
	wire.TypeHINFO:      "ss",
	wire.TypeHTTPS:      "2np",
	wire.TypeKEY:        "21kB",
	wire.TypeKX:         "2n",
	wire.TypeLOC:        "L",
	wire.TypeMX:         "2n",
	wire.TypeNAPTR:      "22sssn",
	wire.TypeNS:         "n",
	wire.TypeNSEC:       "nM",
	wire.TypeNSEC3:      "112xom",
	wire.TypeNSEC3PARAM: "112x",
	wire.TypeOPENPGPKEY: "b",
	wire.TypePTR:        "n",
	wire.TypeRP:         "nn",
	wire.TypeRRSIG:      "yk14dd2nb",
	wire.TypeSIG:        "yk14dd2nb",
	wire.TypeSMIMEA:     "111h",
	wire.TypeSOA:        "nn4tttt",
	wire.TypeSRV:        "222n",
	wire.TypeSSHFP:      "11U",
	wire.TypeSVCB:       "2np",
	wire.TypeTLSA:       "111h",
	wire.TypeTXT:        "S",
	wire.TypeURI:        "22q",
	typeA6:              "1*",
	typeAMTRELAY:        "1R",
	typeATMA:            "1+",
	typeAVC:             "S",
	typeBRID:            "+",
	typeDHCID:           "b",
	typeDLV:             "2k1U",
	typeDOA:             "441s*",
	typeDSYNC:           "yN2n",
	typeEID:             "U",
	typeGPOS:            "sss",
	typeHHIT:            "+",
	typeHIP:             "H",
	typeIPSECKEY:        "111I",
	typeISDN:            "su",
	typeL32:             "2a",
	typeL64:             "2l",
	typeLP:              "2n",
	typeMB:              "n",
	typeMD:              "n",
	typeMF:              "n",
	typeMG:              "n",
	typeMINFO:           "nn",
	typeMR:              "n",
	typeNID:             "2l",
	typeNIMLOC:          "U",
	typeNINFO:           "S",
	typeNSAP:            "z",
	typeNSAPPTR:         "n",
	typeNULL:            "+",
	typeNXT:             "n*",
	typePX:              "2nn",
	typeRESINFO:         "S",
	typeRKEY:            "21kb",
	typeRT:              "2n",
	typeSINK:            "111*",
	typeSPF:             "S",
	typeTA:              "2k1U",
	typeTALINK:          "nn",
	typeWALLET:          "S",
	typeWKS:             "a1*",
	typeX25:             "s",
	typeZONEMD:          "411h",
}

// Types that have rules here but no name in wire.
const (
	typeMD       wire.Type = 3
	typeMF       wire.Type = 4
	typeMB       wire.Type = 7
	typeMG       wire.Type = 8
	typeMR       wire.Type = 9
	typeNULL     wire.Type = 10
	typeWKS      wire.Type = 11
	typeMINFO    wire.Type = 14
	typeX25      wire.Type = 19
	typeISDN     wire.Type = 20
	typeRT       wire.Type = 21
	typeNSAP     wire.Type = 22
	typeNSAPPTR  wire.Type = 23
	typePX       wire.Type = 26
	typeGPOS     wire.Type = 27
	typeNXT      wire.Type = 30
	typeEID      wire.Type = 31
	typeNIMLOC   wire.Type = 32
	typeATMA     wire.Type = 34
	typeA6       wire.Type = 38
	typeSINK     wire.Type = 40
	typeIPSECKEY wire.Type = 45
	typeDHCID    wire.Type = 49
	typeHIP      wire.Type = 55
	typeNINFO    wire.Type = 56
	typeRKEY     wire.Type = 57
	typeTALINK   wire.Type = 58
	typeZONEMD   wire.Type = 63
	typeDSYNC    wire.Type = 66
	typeHHIT     wire.Type = 67
	typeBRID     wire.Type = 68
	typeSPF      wire.Type = 99
	typeNID      wire.Type = 104
	typeL32      wire.Type = 105
	typeL64      wire.Type = 106
	typeLP       wire.Type = 107
	typeAVC      wire.Type = 258
	typeDOA      wire.Type = 259
	typeAMTRELAY wire.Type = 260
	typeRESINFO  wire.Type = 261
	typeWALLET   wire.Type = 262
	typeTA       wire.Type = 32768
	typeDLV      wire.Type = 32769
)
