package cli

import (
	"os"
	"path/filepath"
	"syscall"
)

// handOver gives the files of the embedded store to whoever owns their directory, when root has worked on them: the server
// runs as somebody else, and could not open them.
func handOver(data string) {
	st, err := os.Stat(data)
	if err != nil || os.Geteuid() != 0 {
		return
	}
	owner, ok := st.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return
	}
	files, _ := filepath.Glob(filepath.Join(data, "headwater.db*"))
	for _, f := range files {
		_ = os.Lchown(f, int(owner.Uid), int(owner.Gid))
	}
}
