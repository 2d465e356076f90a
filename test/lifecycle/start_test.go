package lifecycle

import (
	"os"
	"path/filepath"
	"testing"

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
