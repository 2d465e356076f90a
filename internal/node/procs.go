package node

import (
	"os"
	"runtime"
)

// procs gives Go its processors and returns how many cores it has, each of them worth a UDP thread. A thread that waits
// for datagrams may keep its processor until the runtime's monitor takes it away, which sleeps for up to 10 ms. So Go has
// one for each of these, one for each core, which a transfer that packs may hold, and one more, with which somebody
// watches the network meanwhile: a connection is seen when it arrives. What GOMAXPROCS says in the environment stays.
func procs() (threads int) {
	threads = runtime.GOMAXPROCS(0)
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(2*threads + 1)
	}
	return threads
}
