package zone

import (
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/zone/page"
)

// RRset is a view of an RRset in a page. Views belong to this package's face: who reads versions need not know pages.
type RRset = page.RRset

// Iter goes through an RRset's records.
type Iter = page.Iter

// Walker goes through all records of a version.
type Walker = page.Walker

// TypeMark and the data of a mark, as package page tells them.
const (
	TypeMark = page.TypeMark
	MarkFail = page.MarkFail
	MarkNone = page.MarkNone
)

// ErrCodec is the error of encoded steps and versions that are not what Append writes.
var ErrCodec = page.ErrCodec

// Fails says whether a set is a mark that the addresses are not known now.
func Fails(s *rr.Set) bool {
	return s.Type == TypeMark && len(s.Data) == 1 && string(s.Data[0]) == MarkFail
}
