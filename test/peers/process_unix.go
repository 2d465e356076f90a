//go:build unix

package peers

import "syscall"

const (
	termSignal   = syscall.SIGTERM
	killSignal   = syscall.SIGKILL
	pauseSignal  = syscall.SIGSTOP
	resumeSignal = syscall.SIGCONT
)

// signalGroup reaches the servers' own children too.
func signalGroup(pid int, sig syscall.Signal) error { return syscall.Kill(-pid, sig) }
