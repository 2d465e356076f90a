// Command headwater is a self-hosted DNS primary: zones behind a Cloudflare-shaped HTTP API, answered by itself, and
// handed to any number of secondaries.
//
// internal/cli is its command line, internal/node what it runs.
package main

import (
	"os"

	"github.com/headwaterdns/headwater/internal/cli"
)

// version is set by the linker; without it the program goes by what the Go command noted.
var version string

func main() { os.Exit(cli.Run(version, os.Args[1:], os.Stdout, os.Stderr)) }
