package secretkey

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrExposed is the error of a file whose secret others can read.
var ErrExposed = errors.New("others can read it")

// Private says whether nobody but its owner can read or write a file that holds a secret. The group may read one that
// belongs to somebody else, which is how containers hand files to programs that are not root.
func Private(file string) error {
	st, err := os.Stat(file)
	if err != nil {
		return err
	}
	open := st.Mode().Perm() & 0o077
	if sys, ok := st.Sys().(*syscall.Stat_t); ok && int(sys.Uid) != os.Geteuid() {
		open &^= 0o040
	}
	if open != 0 {
		return fmt.Errorf("%s (mode %04o): %w: chmod 0600", file, st.Mode().Perm(), ErrExposed)
	}
	return nil
}

// File reads a secret from a file of its own: the text without the end of its line.
func File(file string) (string, error) {
	if err := Private(file); err != nil {
		return "", err
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(raw)), nil
}

// WriteFile writes a file that nobody else can read, wholly or not at all, and durably. Who owned it before owns it on.
func WriteFile(file, text string) error {
	dir := filepath.Dir(file)
	f, err := os.CreateTemp(dir, ".headwater-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone already after the rename
	if st, err := os.Stat(file); err == nil {
		if sys, ok := st.Sys().(*syscall.Stat_t); ok {
			_ = f.Chown(int(sys.Uid), int(sys.Gid)) // as far as we may
		}
	}
	_, err = io.WriteString(f, text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
