//go:build amd64 || arm64

package prefetch

// Lines fetches n lines, one at least, from p on.
//
//go:noescape
func Lines(p *byte, n int)
