// Package cores knows how many cores the program serves with, and has long work take turns at them. It must not know what for.
package cores

import "runtime"

// count is what the runtime says before anybody has told it otherwise: the cores that the process may run on, a container's
// CPU limit where that is less, or GOMAXPROCS of the environment. Afterwards runtime.GOMAXPROCS tells something else.
//
//nolint:gochecknoglobals // it is read once, before anything else can change it
var count = runtime.GOMAXPROCS(0)

// Count is how many cores the program serves with: who sizes something by cores asks here.
func Count() int { return count }

// Provide gives Go its processors, of which a goroutine needs one to run. A thread that waits for datagrams in the kernel keeps
// its own until the runtime's monitor takes it away, which sleeps for up to 10 ms, and everybody else waits. So there is one for
// each of these threads, one for each core, which a transfer that packs may hold, and one more, with which somebody watches the
// network meanwhile: a connection is seen when it arrives. GOMAXPROCS in the environment is the number of cores, as a
// container's limit is, not that of processors: as processors it would make each message of a transfer wait for the monitor.
func Provide() { runtime.GOMAXPROCS(2*count + 1) }
