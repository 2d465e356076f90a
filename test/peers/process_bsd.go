//go:build unix && !linux

package peers

import "syscall"

// childAttr puts a child into a group of its own.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
