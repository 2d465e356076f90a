package model

import (
	"strings"
	"unicode/utf8"
)

// IsText says whether s is text that every database and every client hold as it is: UTF-8 (which has no lone surrogates)
// without U+0000. Whatever is not is refused where it comes in, for nobody could give it back unchanged.
func IsText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
