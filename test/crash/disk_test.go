package crash

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// A process that is killed loses nothing that it wrote: the kernel has it. A machine that loses its power keeps what was
// synced, and of the rest whatever the disk had got to. So the child that serves here has a file system under SQLite that
// writes twice: to the file, which the process reads and which outlives it, and, when the file is synced, to another one,
// the platter. After the kill the platter takes the file's place.

// disk is that file system, one a process.
type disk struct {
	platter string // a folder: files by their base names
	// synchronous, if it is not empty, takes the place of any setting of that name, whoever chooses it.
	synchronous string

	mu      sync.Mutex
	next    *sqlite3.Tsqlite3_vfs
	open    map[uintptr]*file // by SQLite's handle
	files   map[string]*file  // by name
	methods map[uintptr]uintptr
}

// file is a file with what was written to it since it was last synced.
type file struct {
	name    string
	methods *sqlite3.Tsqlite3_io_methods // those of the file system below
	pending []write
}

// write puts octets at a place, or, without any, cuts the file there.
type write struct {
	at int64
	b  []byte
}

var lossy disk

// call and address turn functions into C's pointers and back, as the library has them.
func call[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&struct{ uintptr }{p})) }

func address(f any) uintptr { return (*[2]uintptr)(unsafe.Pointer(&f))[1] }

func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// mount makes the file system the one of every database that is opened from now on.
func (d *disk) mount(platter string) error {
	d.platter = platter
	d.open, d.files, d.methods = map[uintptr]*file{}, map[string]*file{}, map[uintptr]uintptr{}
	tls := libc.NewTLS()
	below := sqlite3.Xsqlite3_vfs_find(tls, 0)
	d.next = at[sqlite3.Tsqlite3_vfs](below)
	own := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(*d.next)))
	vfs := at[sqlite3.Tsqlite3_vfs](own)
	*vfs = *d.next
	name, err := libc.CString("lossy")
	if err != nil {
		return err
	}
	vfs.FzName, vfs.FxOpen, vfs.FxDelete = name, address(lossyOpen), address(lossyDelete)
	if rc := sqlite3.Xsqlite3_vfs_register(tls, own, 1); rc != sqlite3.SQLITE_OK {
		return fmt.Errorf("register the file system: %d", rc)
	}
	return nil
}

func lossyOpen(tls *libc.TLS, _, name, handle uintptr, flags int32, out uintptr) int32 {
	d := &lossy
	rc := call[func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32](d.next.FxOpen)(tls, uintptr(unsafe.Pointer(d.next)), name, handle, flags, out)
	below := at[sqlite3.Tsqlite3_file](handle)
	if rc != sqlite3.SQLITE_OK || name == 0 || below.FpMethods == 0 {
		return rc
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	key := filepath.Base(libc.GoString(name))
	f := d.files[key]
	if f == nil {
		f = &file{name: key}
		d.files[key] = f
	}
	f.methods = at[sqlite3.Tsqlite3_io_methods](below.FpMethods)
	d.open[handle] = f
	own := d.methods[below.FpMethods]
	if own == 0 {
		own = libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(*f.methods)))
		m := at[sqlite3.Tsqlite3_io_methods](own)
		*m = *f.methods
		m.FxClose, m.FxWrite, m.FxTruncate, m.FxSync = address(lossyClose), address(lossyWrite), address(lossyTruncate), address(lossySync)
		m.FxFileControl = address(lossyControl)
		d.methods[below.FpMethods] = own
	}
	below.FpMethods = own
	return rc
}

// lossyDelete takes a file off the platter, too: what SQLite deletes it has copied and synced elsewhere.
func lossyDelete(tls *libc.TLS, _, name uintptr, sync int32) int32 {
	d := &lossy
	d.mu.Lock()
	key := filepath.Base(libc.GoString(name))
	delete(d.files, key)
	_ = os.Remove(filepath.Join(d.platter, key))
	d.mu.Unlock()
	return call[func(*libc.TLS, uintptr, uintptr, int32) int32](d.next.FxDelete)(tls, uintptr(unsafe.Pointer(d.next)), name, sync)
}

func (d *disk) of(handle uintptr) *file {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open[handle]
}

func (d *disk) note(f *file, w write) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f.pending = append(f.pending, w)
}

func lossyClose(tls *libc.TLS, handle uintptr) int32 {
	d := &lossy
	f := d.of(handle)
	d.mu.Lock()
	delete(d.open, handle)
	d.mu.Unlock()
	return call[func(*libc.TLS, uintptr) int32](f.methods.FxClose)(tls, handle)
}

func lossyWrite(tls *libc.TLS, handle, from uintptr, n int32, to int64) int32 {
	f := lossy.of(handle)
	rc := call[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](f.methods.FxWrite)(tls, handle, from, n, to)
	if rc == sqlite3.SQLITE_OK {
		lossy.note(f, write{to, append(make([]byte, 0, n), unsafe.Slice(at[byte](from), n)...)})
	}
	return rc
}

func lossyTruncate(tls *libc.TLS, handle uintptr, size int64) int32 {
	f := lossy.of(handle)
	rc := call[func(*libc.TLS, uintptr, int64) int32](f.methods.FxTruncate)(tls, handle, size)
	if rc == sqlite3.SQLITE_OK {
		lossy.note(f, write{at: size})
	}
	return rc
}

// lossySync brings to the platter what was written, before SQLite hears that it is there.
func lossySync(tls *libc.TLS, handle uintptr, flags int32) int32 {
	f := lossy.of(handle)
	if err := lossy.sync(f); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return sqlite3.SQLITE_IOERR
	}
	return call[func(*libc.TLS, uintptr, int32) int32](f.methods.FxSync)(tls, handle, flags)
}

// lossyControl hears of every PRAGMA before it is obeyed (https://sqlite.org/c3ref/c_fcntl_begin_atomic_write.html): its name and
// its value are the second and third of three texts, which are the parser's own copies.
func lossyControl(tls *libc.TLS, handle uintptr, op int32, arg uintptr) int32 {
	f := lossy.of(handle)
	if op == sqlite3.SQLITE_FCNTL_PRAGMA && lossy.synchronous != "" {
		texts := at[[3]uintptr](arg)
		if value := texts[2]; value != 0 && strings.EqualFold(libc.GoString(texts[1]), "synchronous") {
			*at[[2]byte](value) = [2]byte{lossy.synchronous[0], 0}
		}
	}
	return call[func(*libc.TLS, uintptr, int32, uintptr) int32](f.methods.FxFileControl)(tls, handle, op, arg)
}

func (d *disk) sync(f *file) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	to, err := os.OpenFile(filepath.Join(d.platter, f.name), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	for _, w := range f.pending {
		if w.b == nil {
			err = to.Truncate(w.at)
		} else {
			_, err = to.WriteAt(w.b, w.at)
		}
		if err != nil {
			return errors.Join(err, to.Close())
		}
	}
	f.pending = nil
	return to.Close()
}

// sector is what a disk writes whole or not at all.
const sector = 512

// powerCut gives the database the files that a disk would have: what was synced, and of the rest, with luck, sectors at random.
func powerCut(t *testing.T, folder, platter string, luck *rand.Rand) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "headwater.db*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		name := filepath.Base(path)
		kept, err := os.ReadFile(filepath.Join(platter, name))
		switch {
		case strings.HasSuffix(name, ".lock"):
			continue
		case errors.Is(err, fs.ErrNotExist):
			err = os.Remove(path) // the log's index, which is made anew, and what never was synced
		case err == nil && luck != nil:
			var live []byte
			if live, err = os.ReadFile(path); err == nil {
				kept = mixed(kept, live, luck)
			}
		}
		if err == nil && kept != nil {
			err = os.WriteFile(path, kept, 0o600)
		}
		if err == nil && kept != nil {
			err = os.WriteFile(filepath.Join(platter, name), kept, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// mixed has every sector from one of two states of a file.
func mixed(kept, live []byte, luck *rand.Rand) []byte {
	out := append([]byte(nil), kept...)
	for from := 0; from < len(live); from += sector {
		to := min(from+sector, len(live))
		if luck.IntN(2) == 0 {
			continue
		}
		if to > len(out) {
			out = append(out, make([]byte, to-len(out))...)
		}
		copy(out[from:to], live[from:to])
	}
	return out
}
