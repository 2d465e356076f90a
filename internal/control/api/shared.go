package api

import (
	"errors"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Each renders a list.
func Each[T, V any](list []T, render func(*T) V) []V {
	out := make([]V, 0, len(list))
	for i := range list {
		out = append(out, render(&list[i]))
	}
	return out
}

// PointAt adds to an error of a rule that needed other rows where in the request it comes from.
func PointAt(err error, pointers map[int]string) error {
	var bad *model.Invalid
	if !errors.As(err, &bad) || bad.Pointer != "" || pointers[bad.Code] == "" {
		return err
	}
	at := *bad
	at.Pointer = pointers[bad.Code]
	return &at
}

// Slice cuts a page out of a list that is held whole.
func Slice[T any](list []T, page, per int) []T {
	from := min((page-1)*per, len(list))
	return list[from:min(from+per, len(list))]
}
