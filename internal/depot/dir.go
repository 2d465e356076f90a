package depot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// dir is a directory. What is being written has a name that begins with a dot, which List passes over.
type dir string

// unfinished begins the names of what is being written.
const unfinished = ".headwater-backup-"

func (d dir) String() string { return string(d) }

func (d dir) Write(ctx context.Context, name string, f func(io.Writer) error) error {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return fmt.Errorf("directory of backups: %w", err)
	}
	out, err := os.CreateTemp(string(d), unfinished+"*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer os.Remove(out.Name()) //nolint:errcheck // gone already after the rename
	err = f(out)
	if err = errors.Join(err, ctx.Err(), out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(out.Name(), filepath.Join(string(d), name)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return d.sync()
}

// sync makes the name as durable as the file.
func (d dir) sync() error {
	f, err := os.Open(string(d))
	if err != nil {
		return fmt.Errorf("directory of backups: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d dir) Open(_ context.Context, name string) (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(string(d), name))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return f, nil
}

func (d dir) List(context.Context) (out []Item, err error) {
	list, err := os.ReadDir(string(d))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list backups: %w", err)
	}
	for _, e := range list {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || e.Name()[0] == '.' {
			continue // it went meanwhile, or is none of ours
		}
		out = append(out, Item{Name: e.Name(), Size: info.Size(), Made: info.ModTime()})
	}
	return out, nil
}

func (d dir) Remove(_ context.Context, name string) error {
	if err := os.Remove(filepath.Join(string(d), name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

func (d dir) Sweep(_ context.Context, before time.Time) error {
	list, err := os.ReadDir(string(d))
	if err != nil {
		return fmt.Errorf("list what broke off: %w", err)
	}
	var all []error
	for _, e := range list {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || !strings.HasPrefix(e.Name(), unfinished) || !info.ModTime().Before(before) {
			continue
		}
		if err := os.Remove(filepath.Join(string(d), e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}
