//go:build !linux

package server

import (
	"errors"
	"os"
	"runtime"
)

// hasFast says that this system has no batched path.
const hasFast = false

func openFast(*Server, endpoint, bool) (udpSocket, error) { return nil, errors.ErrUnsupported }

func inheritFast(*Server, endpoint, []*os.File) ([]udpSocket, error) {
	return nil, errors.ErrUnsupported
}

// YieldCore lets another goroutine have the core.
func YieldCore() { runtime.Gosched() }
