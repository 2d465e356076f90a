//go:build nodashboard

// Package web would embed the dashboard; this build leaves it out.
package web

import "io/fs"

// FS returns nothing: the program was built with the tag nodashboard.
func FS() (fs.FS, bool) { return nil, false }
