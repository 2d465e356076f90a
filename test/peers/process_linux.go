package peers

import "syscall"

// childAttr puts a child into a group of its own. It dies with us: a test that is killed leaves nothing behind.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
