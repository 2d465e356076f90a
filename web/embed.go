//go:build !nodashboard

// Package web embeds the dashboard: a single-page application that is a client of the public API alone.
package web

import (
	"embed"
	"io/fs"
)

// The folder holds a note and, after make build, the dashboard.
//
//go:embed all:dist
var dist embed.FS

// FS returns the dashboard's files, and whether a build of it is in this program.
func FS() (fs.FS, bool) {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, false
	}
	if _, err := fs.Stat(sub, "index.html"); err != nil {
		return nil, false
	}
	return sub, true
}
