package rr

import (
	"fmt"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Parts of RDATA; a positive number is that many octets.
const (
	partName    = -1 - iota // a name, uncompressed
	partString              // a character-string
	partStrings             // character-strings to the end, at least one
	partRest                // octets to the end, at least one
	partAny                 // octets to the end, maybe none
	partMaybe               // a character-string, or the end
)

// shapes gives the parts of the RDATA of all types that BIND, NSD, Knot or PowerDNS knows: one of them that finds a record
// too short, or with octets left over, refuses the zone. The DNS library takes an early end at any border of fields for
// absent members, so its word alone does not do.
//
//nolint:gochecknoglobals // a table
var shapes = map[wire.Type][]int{
	wire.TypeA:          {4},
	wire.TypeAAAA:       {16},
	wire.TypeAFSDB:      {2, partName},
	wire.TypeCAA:        {1, partString, partAny},
	wire.TypeCDNSKEY:    {4, partRest},
	wire.TypeCDS:        {4, partRest},
	wire.TypeCERT:       {5, partRest},
	wire.TypeCNAME:      {partName},
	wire.TypeCSYNC:      {6, partAny},
	wire.TypeDNAME:      {partName},
	wire.TypeDNSKEY:     {4, partRest},
	wire.TypeDS:         {4, partRest},
	wire.TypeEUI48:      {6},
	wire.TypeEUI64:      {8},
	wire.TypeHINFO:      {partString, partString},
	wire.TypeHTTPS:      {2, partName, partAny},
	wire.TypeKX:         {2, partName},
	wire.TypeLOC:        {16},
	wire.TypeMX:         {2, partName},
	wire.TypeNAPTR:      {4, partString, partString, partString, partName},
	wire.TypeNS:         {partName},
	wire.TypeNSEC:       {partName, partRest},
	wire.TypeNSEC3:      {4, partString, partString, partAny},
	wire.TypeNSEC3PARAM: {4, partString},
	wire.TypeOPENPGPKEY: {partRest},
	wire.TypePTR:        {partName},
	wire.TypeRP:         {partName, partName},
	wire.TypeRRSIG:      {18, partName, partRest},
	wire.TypeSMIMEA:     {3, partRest},
	wire.TypeSOA:        {partName, partName, 20},
	wire.TypeSRV:        {6, partName},
	wire.TypeSSHFP:      {2, partRest},
	wire.TypeSVCB:       {2, partName, partAny},
	wire.TypeTLSA:       {3, partRest},
	wire.TypeTXT:        {partStrings},
	wire.TypeURI:        {4, partRest},
	typeA6:              {1, partAny},
	typeAMTRELAY:        {2, partAny},
	typeATMA:            {1, partRest},
	typeAVC:             {partStrings},
	typeDHCID:           {partRest},
	typeDLV:             {4, partRest},
	typeDOA:             {9, partString, partAny},
	typeDSYNC:           {5, partName},
	typeEID:             {partRest},
	typeHHIT:            {partRest},
	typeBRID:            {partRest},
	typeHIP:             {4, partRest},
	typeIPSECKEY:        {3, partAny},
	typeISDN:            {partString, partMaybe},
	typeL32:             {6},
	typeL64:             {10},
	typeLP:              {2, partName},
	typeMB:              {partName},
	typeMD:              {partName},
	typeMF:              {partName},
	typeMG:              {partName},
	typeMINFO:           {partName, partName},
	typeMR:              {partName},
	typeNID:             {10},
	typeNIMLOC:          {partRest},
	typeNINFO:           {partStrings},
	typeNSAP:            {partRest},
	typeNSAPPTR:         {partName},
	typeNULL:            {partRest},
	typePX:              {2, partName, partName},
	typeRESINFO:         {partStrings},
	typeRKEY:            {4, partRest},
	typeRT:              {2, partName},
	typeSINK:            {3, partAny},
	typeSPF:             {partStrings},
	typeTA:              {4, partRest},
	typeTALINK:          {partName, partName},
	typeWALLET:          {partStrings},
	typeWKS:             {5, partAny},
	typeX25:             {partString},
	typeZONEMD:          {6, partRest},
	wire.TypeKEY:        {4, partAny},
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

// isPlain says whether its shape and checkStrict are all there is to say about a type's RDATA: no bitmap, no parameters.
func isPlain(t wire.Type) bool {
	switch t {
	case wire.TypeCSYNC, wire.TypeNSEC, wire.TypeNSEC3, wire.TypeSVCB, wire.TypeHTTPS:
		return false
	default:
		return shapes[t] != nil
	}
}

// checkShape walks RDATA by its type's parts; types without a shape pass.
func checkShape(t wire.Type, data []byte) error {
	for _, part := range shapes[t] {
		n, ok := partLen(part, data)
		if !ok {
			return fmt.Errorf("%w: it ends early or has a bad length", ErrSyntax)
		}
		data = data[n:]
	}
	if len(data) > 0 && shapes[t] != nil {
		return fmt.Errorf("%w: octets are left over", ErrSyntax)
	}
	return nil
}

func partLen(part int, data []byte) (n int, ok bool) {
	switch part {
	case partName:
		return nameLen(data)
	case partString:
		return stringLen(data)
	case partStrings:
		for n < len(data) {
			k, ok := stringLen(data[n:])
			if !ok {
				return 0, false
			}
			n += k
		}
		return n, n > 0
	case partRest:
		return len(data), len(data) > 0
	case partAny:
		return len(data), true
	case partMaybe:
		if len(data) == 0 {
			return 0, true
		}
		return stringLen(data)
	}
	return part, part <= len(data)
}

func stringLen(data []byte) (n int, ok bool) {
	if len(data) == 0 {
		return 0, false
	}
	n = int(data[0]) + 1
	return n, n <= len(data)
}

// nameLen is the length of the uncompressed name at the start of data.
func nameLen(data []byte) (n int, ok bool) {
	for n < len(data) && n < wire.MaxName {
		c := int(data[n])
		if c > wire.MaxLabel {
			return 0, false
		}
		n += c + 1
		if c == 0 {
			return n, n <= wire.MaxName
		}
	}
	return 0, false
}
