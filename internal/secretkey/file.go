package secretkey

import (
	"errors"
	"fmt"
	"os"
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
