//go:build !linux

package server

import "errors"

// hasFast says that this system has no batched path.
const hasFast = false

func openFast(*Server, endpoint, bool) (udpSocket, error) { return nil, errors.ErrUnsupported }
