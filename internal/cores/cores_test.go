package cores_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/cores"
)

// GOMAXPROCS in the environment is a number of cores, and asking twice for processors gives no more than asking once.
func TestCores(t *testing.T) {
	t.Parallel()
	if os.Getenv("CORES_CHILD") != "" {
		cores.Provide()
		cores.Provide()
		t.Logf("counts %d %d", cores.Count(), runtime.GOMAXPROCS(0))
		return
	}
	for _, n := range []int{1, 2, 5} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCores$", "-test.v")
		cmd.Env = append(os.Environ(), "CORES_CHILD=1", "GOMAXPROCS="+strconv.Itoa(n))
		out, err := cmd.CombinedOutput()
		if want := "counts " + strconv.Itoa(n) + " " + strconv.Itoa(2*n+1); err != nil || !strings.Contains(string(out), want) {
			t.Errorf("GOMAXPROCS=%d: %v: %s", n, err, out)
		}
	}
}

// Nobody takes Go's processors for cores: there are more of them.
func TestNobodyElseCounts(t *testing.T) {
	t.Parallel()
	err := fs.WalkDir(os.DirFS(".."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasPrefix(path, "cores/") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(filepath.Join("..", path))
		if strings.Contains(string(b), "runtime.GOMAXPROCS") || strings.Contains(string(b), "runtime.NumCPU") {
			t.Errorf("%s asks the runtime, not cores", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
