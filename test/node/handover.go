package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var heirPID = regexp.MustCompile(`process=(\d+)`)

// HandOver has a new process take over, and returns when it is ready. The old one may still be there for its transfers.
func (n *Node) HandOver(ctx context.Context) error {
	from := n.log.Len()
	if err := syscall.Kill(n.Pid(), syscall.SIGUSR2); err != nil {
		return err
	}
	return n.Heir(ctx, from)
}

// Heir waits for a process that takes over, by what it says behind an offset of the log, and for its being ready.
func (n *Node) Heir(ctx context.Context, from int) error {
	failed, end := context.WithCancelCause(ctx)
	defer end(nil)
	go func() {
		if line, err := n.log.Wait(failed, from, "not handed over"); err == nil {
			end(errors.New(line))
		}
	}()
	line, err := n.log.Wait(failed, from, "taken over", "process=")
	if err != nil {
		return errors.Join(context.Cause(failed), err)
	}
	pid, err := strconv.Atoi(heirPID.FindStringSubmatch(line)[1])
	if err != nil {
		return err
	}
	n.heir.Store(int64(pid))
	_, err = n.log.Wait(ctx, from, "msg=ready")
	n.client.CloseIdleConnections() // to the old one, which closes them at any moment: no client sends a POST again by itself
	return err
}

// Gone waits until a process has ended.
func Gone(ctx context.Context, pid int) error {
	for {
		// One that has ended is not listed, or a zombie, which nobody may ever bury.
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); errors.Is(err, fs.ErrNotExist) || strings.Contains(string(stat), ") Z ") {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}
