package main

import (
	"os"
	"runtime"
)

// spareProc sees to it that Go runs on two processors at least, of which one core may have to do the work, and returns
// how many UDP threads the machine is worth. A transfer that packs holds its processor: with a second one somebody
// watches the network meanwhile, and a connection that arrives is seen at once and not after a slice of 10 ms. What
// GOMAXPROCS says in the environment stays.
func spareProc() (threads int) {
	threads = runtime.GOMAXPROCS(0)
	if threads == 1 && os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(2)
	}
	return threads
}
