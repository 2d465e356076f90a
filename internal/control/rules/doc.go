// Package rules is the one home of every rule on what may stand in a zone: names, types, values, neighbours, sizes, texts.
//
// It is pure: rows and what is known of their surroundings give nil or a *model.Invalid, which says what rule is broken, with
// its code and where in the request. API, import and copy ask it before they bother the committer, the planner asks it inside
// the transaction, where neighbours are known, and review asks it of what is there already.
//
// Start with Record (a record alone), Added and Edited (a record among others), Cut (a name at a change's end). What a
// standard forbids is refused here; what is merely refused by one secondary or another is a finding of package review. The
// package knows no store, no JSON and no request; the form of RDATA, octet by octet, is package rr's.
package rules

import (
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
)

func invalid(code int, pointer, format string, args ...any) *model.Invalid {
	return &model.Invalid{Code: code, Pointer: pointer, Message: fmt.Sprintf(format, args...)}
}
