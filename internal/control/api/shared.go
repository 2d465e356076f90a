package api

import (
	"errors"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// otherRoutes are those of zone transfers, accounts, users, tokens, the audit log, and our own additions.
func otherRoutes() []Route {
	return slices.Concat(
		tsigRoutes(), peerRoutes(), aclRoutes(), outgoingRoutes(), dnssecRoutes(),
		accountRoutes(), userRoutes(), usersAdminRoutes(), membershipRoutes(), tokenRoutes(), auditRoutes(), ipsRoutes(),
		entitlementRoutes(), quotaRoutes(), transferSettingRoutes(), secondaryRoutes(), sessionRoutes(), documentRoutes(), zoneCopyRoutes(),
	)
}

// each renders a list.
func each[T, V any](list []T, render func(*T) V) []V {
	out := make([]V, 0, len(list))
	for i := range list {
		out = append(out, render(&list[i]))
	}
	return out
}

// pointAt adds to an error of a rule that needed other rows where in the request it comes from.
func pointAt(err error, pointers map[int]string) error {
	var bad *model.Invalid
	if !errors.As(err, &bad) || bad.Pointer != "" || pointers[bad.Code] == "" {
		return err
	}
	at := *bad
	at.Pointer = pointers[bad.Code]
	return &at
}

// slice cuts a page out of a list that is held whole.
func slice[T any](list []T, page, per int) []T {
	from := min((page-1)*per, len(list))
	return list[from:min(from+per, len(list))]
}
