package rr

import (
	"maps"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Types gives the types whose parts are known.
func Types() []wire.Type { return slices.Sorted(maps.Keys(forms)) }

// Form gives the letters of a type's parts.
func Form(t wire.Type) string { return forms[t] }

// ReadsText says whether a type is read in other forms than that of RFC 3597.
func ReadsText(t wire.Type) bool { return hasText(t) }

// HasText says whether a type is written in a form of its own.
func HasText(t wire.Type) bool { return hasText(t) && t.HasMnemonic() }
