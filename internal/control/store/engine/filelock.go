package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
	"time"
)

// ErrInUse is a database that another process works on, which it must have for itself.
var ErrInUse = errors.New("another process uses the database")

// fileLock is what a process holds on the file of a database while it may write to it. The kernel gives it back when the
// process ends, however it ends.
type fileLock struct{ f *os.File }

// lockSuffix is put behind the path of a database for the file that is locked. It is never removed: who waits for a file that is
// gone would hold something else than who makes it anew. The database's own file will not do, because closing it would
// drop the locks that SQLite holds in this process.
const lockSuffix = ".lock"

// lockMost bounds what is read of the file, which names the process that holds it.
const lockMost = 32

// lockPatience is how long a lock may be held by who is on the way out: a process that ends, or a child of this one between
// fork and exec, which has the file open for a moment.
const (
	lockPatience = 500 * time.Millisecond
	lockLook     = 5 * time.Millisecond
)

// lockFile takes the lock of a database, or fails with ErrInUse, after lockPatience.
func lockFile(database string) (*fileLock, error) {
	path := database + lockSuffix
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock of the database: %w", err)
	}
	err = flock(f)
	for end := time.Now().Add(lockPatience); errors.Is(err, syscall.EWOULDBLOCK) && time.Now().Before(end); err = flock(f) {
		time.Sleep(lockLook)
	}
	if err != nil {
		holder, _ := io.ReadAll(io.LimitReader(f, lockMost)) // for the message alone
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s is held by process %q: %w", path, bytes.TrimSpace(holder), ErrInUse)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	_ = f.Truncate(0) // who is told of a wrong process is refused all the same
	_, _ = f.WriteAt(strconv.AppendInt(nil, int64(os.Getpid()), 10), 0)
	return &fileLock{f}, nil
}

func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// release gives the lock back; nil holds none.
func (l *fileLock) release() error {
	if l == nil {
		return nil
	}
	return l.f.Close()
}
