package lifecycle

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/test/node"
)

// Where there must be a store and is none, nothing is made.
func TestMustExist(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "volume")
	if n, err := node.Start(dir, "--must-exist"); err == nil {
		n.Kill()
		t.Error("a new store was made")
	}
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("%s was made", dir)
	}
	n, err := node.Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	n, err = node.Start(dir, "--must-exist")
	if err != nil {
		t.Fatal(err)
	}
	n.Kill()
}

// The service manager hears when the program is ready, not before, and when it stops.
func TestTellsTheServiceManager(t *testing.T) {
	t.Parallel()
	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	cmd := exec.Command(bin, "serve", "--data", dir, "--dns-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+filepath.Join(dir, "notify"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hears := func(want string) {
		t.Helper()
		_ = socket.SetReadDeadline(time.Now().Add(patience))
		b := make([]byte, 256)
		n, err := socket.Read(b)
		if err != nil || !strings.Contains(string(b[:n]), want) {
			t.Errorf("heard %q, %v, want %s", b[:n], err, want)
		}
	}
	hears("READY=1")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	hears("STOPPING=1")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
