package node

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
)

// Confine has the kernel hold the process to so many octets of memory, beyond which it is killed, and to so much of a core;
// zero is no limit. It says whether the kernel could be asked for all of it, and gives what takes the limits away once the
// process is gone.
func (n *Node) Confine(memory int64, core float64) (release func(), ok bool) {
	const period = 100_000 // microseconds
	quota := strconv.Itoa(int(core * period))
	var dirs []string
	release = func() {
		for _, d := range dirs {
			_ = os.Remove(d)
		}
	}
	ok = true
	for _, l := range []struct {
		wanted                 bool
		old, name, value, only string // controller and file of the first version; file and value of the second
	}{
		{memory > 0, "memory", "memory.limit_in_bytes", strconv.FormatInt(memory, 10), "memory.max"},
		{core > 0, "cpu", "cpu.cfs_quota_us", quota, "cpu.max"},
	} {
		if !l.wanted {
			continue
		}
		dir := filepath.Join("/sys/fs/cgroup", l.old, "headwater-test-"+strconv.Itoa(n.Pid()))
		if done := group(dir, l.name, l.value, n.Pid()); done {
			dirs = append(dirs, dir)
			continue
		}
		dir = filepath.Join("/sys/fs/cgroup", "headwater-test-"+strconv.Itoa(n.Pid()))
		if done := group(dir, l.only, l.value, n.Pid()); done {
			dirs = append(dirs, dir)
			continue
		}
		ok = false
	}
	return release, ok
}

// group makes a control group with one limit and puts a process into it.
func group(dir, name, value string, pid int) bool {
	if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
		return false
	}
	// A directory that is no group of the kernel's has no such files.
	set := func(name, value string) bool {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
		if err != nil {
			return false
		}
		_, err = f.WriteString(value)
		return errors.Join(err, f.Close()) == nil
	}
	if set(name, value) && set("cgroup.procs", strconv.Itoa(pid)) {
		return true
	}
	_ = os.Remove(dir)
	return false
}
