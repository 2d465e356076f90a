package zone

import (
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/zone/page"
)

// Views of what a version's pages hold, and what stands in them for addresses that are looked up elsewhere. They are part
// of this package's face; who reads versions need not know of pages.
type (
	RRset  = page.RRset
	Iter   = page.Iter
	Walker = page.Walker
)

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
