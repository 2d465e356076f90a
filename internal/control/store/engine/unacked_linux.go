package engine

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// boundUnacked bounds how long the system sends again what the other side does not acknowledge: a host that is gone without
// a word is found out in seconds, not in a quarter of an hour.
func boundUnacked(network, _ string, c syscall.RawConn) error {
	if network == "unix" {
		return nil
	}
	var err error
	if cerr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(quietUnacked.Milliseconds()))
	}); cerr != nil {
		return cerr
	}
	return err
}
