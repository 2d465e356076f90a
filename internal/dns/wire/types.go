package wire

import "strconv"

// Type is an RR type (RFC 1035 section 3.2.2 and the IANA registry).
type Type uint16

// RR types that the program treats by name; all others travel as numbers (RFC 3597).
const (
	TypeA          Type = 1
	TypeNS         Type = 2
	TypeCNAME      Type = 5
	TypeSOA        Type = 6
	TypePTR        Type = 12
	TypeHINFO      Type = 13
	TypeMX         Type = 15
	TypeTXT        Type = 16
	TypeRP         Type = 17
	TypeAFSDB      Type = 18
	TypeSIG        Type = 24
	TypeKEY        Type = 25
	TypeAAAA       Type = 28
	TypeLOC        Type = 29
	TypeSRV        Type = 33
	TypeNAPTR      Type = 35
	TypeKX         Type = 36
	TypeCERT       Type = 37
	TypeDNAME      Type = 39
	TypeOPT        Type = 41
	TypeAPL        Type = 42
	TypeDS         Type = 43
	TypeSSHFP      Type = 44
	TypeRRSIG      Type = 46
	TypeNSEC       Type = 47
	TypeDNSKEY     Type = 48
	TypeNSEC3      Type = 50
	TypeNSEC3PARAM Type = 51
	TypeTLSA       Type = 52
	TypeSMIMEA     Type = 53
	TypeCDS        Type = 59
	TypeCDNSKEY    Type = 60
	TypeOPENPGPKEY Type = 61
	TypeCSYNC      Type = 62
	TypeZONEMD     Type = 63
	TypeSVCB       Type = 64
	TypeHTTPS      Type = 65
	TypeEUI48      Type = 108
	TypeEUI64      Type = 109
	TypeNXNAME     Type = 128 // RFC 9824
	TypeTKEY       Type = 249
	TypeTSIG       Type = 250
	TypeIXFR       Type = 251
	TypeAXFR       Type = 252
	TypeMAILB      Type = 253
	TypeMAILA      Type = 254
	TypeANY        Type = 255
	TypeURI        Type = 256
	TypeCAA        Type = 257
)

// Class is a DNS class.
type Class uint16

// Classes that are told apart.
const (
	ClassIN   Class = 1
	ClassCH   Class = 3
	ClassNONE Class = 254
	ClassANY  Class = 255
)

// Opcode is the kind of a message (RFC 1035 section 4.1.1).
type Opcode uint8

// Opcodes that are told apart.
const (
	OpcodeQuery  Opcode = 0
	OpcodeNotify Opcode = 4
	OpcodeUpdate Opcode = 5
)

// Rcode is a response code; values above 15 need EDNS or TSIG (RFC 6895 section 2.3).
type Rcode uint16

// Response codes. BADSIG and BADVERS share 16, told apart by where they stand.
const (
	RcodeNoError   Rcode = 0
	RcodeFormErr   Rcode = 1
	RcodeServFail  Rcode = 2
	RcodeNXDomain  Rcode = 3
	RcodeNotImp    Rcode = 4
	RcodeRefused   Rcode = 5
	RcodeYXDomain  Rcode = 6
	RcodeYXRRSet   Rcode = 7
	RcodeNXRRSet   Rcode = 8
	RcodeNotAuth   Rcode = 9
	RcodeNotZone   Rcode = 10
	RcodeBadVers   Rcode = 16
	RcodeBadSig    Rcode = 16
	RcodeBadKey    Rcode = 17
	RcodeBadTime   Rcode = 18
	RcodeBadTrunc  Rcode = 22
	RcodeBadCookie Rcode = 23
)

// String names the code as dig prints it.
func (r Rcode) String() string {
	switch r {
	case RcodeNoError:
		return "NOERROR"
	case RcodeFormErr:
		return "FORMERR"
	case RcodeServFail:
		return "SERVFAIL"
	case RcodeNXDomain:
		return "NXDOMAIN"
	case RcodeNotImp:
		return "NOTIMP"
	case RcodeRefused:
		return "REFUSED"
	case RcodeYXDomain:
		return "YXDOMAIN"
	case RcodeYXRRSet:
		return "YXRRSET"
	case RcodeNXRRSet:
		return "NXRRSET"
	case RcodeNotZone:
		return "NOTZONE"
	case RcodeNotAuth:
		return "NOTAUTH"
	case RcodeBadVers:
		return "BADVERS"
	case RcodeBadKey:
		return "BADKEY"
	case RcodeBadTime:
		return "BADTIME"
	case RcodeBadTrunc:
		return "BADTRUNC"
	case RcodeBadCookie:
		return "BADCOOKIE"
	}
	return "RCODE" + strconv.Itoa(int(r))
}

// SerialNewer says whether a comes after b in serial number arithmetic (RFC 1982 section 3.2). For serials half the
// space apart, where the RFC leaves the order undefined, it says no.
func SerialNewer(a, b uint32) bool { return a != b && a-b < 1<<31 }
