package lifecycle

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/test/node"
)

// bare starts a node without any credential of its own; Start's own flags come first, so these empty ones count.
func bare(dir string, flags ...string) (*node.Node, error) {
	return node.Start(dir, append([]string{"--admin-email=", "--admin-key=", "--admin-token=", "--admin-password="}, flags...)...)
}

// tool runs a verb of the command line.
func tool(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, args...)
	raw, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(raw), cmd.ProcessState.ExitCode()
}

// secret reads a line of a file of credentials.
func secret(t *testing.T, file, name string) string {
	t.Helper()
	st, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if st.Mode().Perm() != 0o600 {
		t.Errorf("%s has mode %04o", file, st.Mode().Perm())
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^  ` + name + `\s+(\S+)$`).FindSubmatch(raw)
	if m == nil {
		t.Fatalf("no %s in\n%s", name, raw)
	}
	return string(m[1])
}

// signIn gives the status of a sign-in.
func signIn(t *testing.T, n *node.Node, email, password string) int {
	t.Helper()
	res, err := http.Post(n.HTTP+"/headwater/v1/session", "application/json", strings.NewReader(fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// lets holds the credentials of a first start against the node that made them.
func lets(t *testing.T, n *node.Node, file string) {
	t.Helper()
	token, password, key := secret(t, file, "API token"), secret(t, file, "password"), secret(t, file, "API key")
	if res, body := get(t, n.HTTP+"/client/v4/user", "Authorization", "Bearer "+token); res.StatusCode != http.StatusOK {
		t.Errorf("the token: %d %s", res.StatusCode, body)
	}
	if status := signIn(t, n, "admin@localhost", password); status != http.StatusOK {
		t.Errorf("the password: %d", status)
	}
	for _, s := range []string{token, password, key} {
		if strings.Contains(n.Said()+n.Log().String(), s) {
			t.Error("a secret stands in the output, which is no terminal")
		}
	}
	if !strings.Contains(n.Said(), file) {
		t.Errorf("nobody is told of the file:\n%s", n.Said())
	}
}

// A first start that fails leaves nobody locked out: whatever it failed of, the next one shows credentials that let in.
func TestFirstStartCannotLockOut(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() }) // when all subtests are done
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { udp.Close() })
	for name, flags := range map[string][]string{
		"HTTP port taken":         {"--http-listen", taken.Addr().String()},
		"DNS port taken by TCP":   {"--dns-listen", taken.Addr().String()},
		"DNS port taken by UDP":   {"--dns-listen", udp.LocalAddr().String()},
		"metrics port taken":      {"--metrics-listen", taken.Addr().String()},
		"nowhere to write":        {"--credentials-file", filepath.Join(t.TempDir(), "absent", "file")},
		"a password too short":    {"--admin-password", "short"},
		"a certificate not there": {"--tls-cert", "/absent", "--tls-key", "/absent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			n, err := bare(dir, flags...)
			if n.HTTP != "" {
				n.Kill()
				t.Fatal("the first start did not fail")
			}
			t.Log(err)
			file := filepath.Join(dir, "first-credentials.txt")
			if _, err := os.Stat(file); err == nil {
				t.Error("credentials were shown before the program could start")
			}
			// Its own error is that of the usual token, which does not count here.
			if n, err = bare(dir); n.HTTP == "" {
				t.Fatal(err)
			}
			t.Cleanup(n.Kill)
			lets(t, n, file)
		})
	}
}

// A later start makes and shows nothing, and says which settings it passes over.
func TestLaterStartsSayWhatTheyPassOver(t *testing.T) {
	t.Parallel()
	n := node.Must(t)
	from := n.Log().Len()
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := n.Run(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := n.Log().Wait(ctx, from, "WARN", "passed over", "admin-email", "admin-password", "admin reset"); err != nil {
		t.Error(err)
	}
}

// Who has lost every credential gets in again from the machine: on SQLite with the server stopped, and a running one is told of.
func TestAdminReset(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n, err := node.Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Kill)
	if out, code := tool(t, "admin", "list", "--data", dir); code != 0 || !strings.Contains(out, node.Email) {
		t.Errorf("list beside the server: status %d: %s", code, out)
	}
	if out, code := tool(t, "admin", "reset", "--data", dir); code != 1 || !strings.Contains(out, "stop it") {
		t.Errorf("reset beside the server: status %d: %s", code, out)
	}
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	if out, code := tool(t, "admin", "reset", "--data", dir, "--email", "nobody@example.com"); code != 1 || !strings.Contains(out, "no such user") {
		t.Errorf("reset of nobody: status %d: %s", code, out)
	}
	out, code := tool(t, "admin", "reset", "--data", dir, "--revoke-tokens")
	file := filepath.Join(dir, "admin-credentials.txt")
	if code != 0 || !strings.Contains(out, file) {
		t.Fatalf("reset: status %d: %s", code, out)
	}
	password := secret(t, file, "password")
	if strings.Contains(out, password) {
		t.Error("the password stands in the output, which is no terminal")
	}
	if out, code := tool(t, "admin", "reset", "--data", dir, "--email", "second@example.com", "--create", "--credentials-file", filepath.Join(dir, "second")); code != 0 {
		t.Errorf("a new administrator: status %d: %s", code, out)
	}
	_ = n.Run() // it cannot ask with the token, which is gone
	if status := signIn(t, n, node.Email, password); status != http.StatusOK {
		t.Errorf("the new password: %d", status)
	}
	if status := signIn(t, n, node.Email, node.Pass); status == http.StatusOK {
		t.Error("the old password still lets in")
	}
	if status := signIn(t, n, "second@example.com", secret(t, filepath.Join(dir, "second"), "password")); status != http.StatusOK {
		t.Errorf("the second administrator: %d", status)
	}
	if res, _ := get(t, n.HTTP+"/client/v4/user", "Authorization", "Bearer "+node.Token); res.StatusCode == http.StatusOK {
		t.Error("the old token still lets in")
	}
	if res, _ := get(t, n.HTTP+"/client/v4/user", "X-Auth-Email", node.Email, "X-Auth-Key", secret(t, file, "API key")); res.StatusCode != http.StatusOK {
		t.Errorf("the new key: %d", res.StatusCode)
	}
}

// On PostgreSQL nodes run meanwhile, and know of it at once.
func TestAdminResetBesideNodes(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t).Database(t)
	dir := t.TempDir()
	n, err := node.Start(dir, "--database", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Kill)
	file := filepath.Join(t.TempDir(), "credentials")
	if out, code := tool(t, "admin", "reset", "--data", dir, "--database", url, "--credentials-file", file); code != 0 {
		t.Fatalf("status %d: %s", code, out)
	}
	if status := signIn(t, n, node.Email, secret(t, file, "password")); status != http.StatusOK {
		t.Errorf("the new password: %d", status)
	}
	if status := signIn(t, n, node.Email, node.Pass); status == http.StatusOK {
		t.Error("the old password still lets in")
	}
}

// Tools make nothing where there is no store, and say so; what they wrote they count.
func TestToolsMakeNothing(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"admin", "list"},
		{"admin", "reset"},
		{"rotate-secret"},
		{"backup", filepath.Join(t.TempDir(), "x.hwb")},
		{"restore", "--mark"},
		{"migrate", "--from", "sqlite:" + filepath.Join(t.TempDir(), "headwatr.db"), "--to", "sqlite:" + filepath.Join(t.TempDir(), "to.db")},
	} {
		dir := filepath.Join(t.TempDir(), "wrong")
		if out, code := tool(t, append(args, "--data", dir)...); code == 0 {
			t.Errorf("%q: status 0: %s", args, out)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%q made %s", args, dir)
		}
	}
	dir := t.TempDir()
	n, err := node.Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Kill)
	n.Call(t, http.MethodPost, "/zones", `{"name":"example.com"}`, &zone{})
	file := filepath.Join(t.TempDir(), "x.hwb")
	for i, args := range [][]string{{"backup", "--data", dir, file}, {"restore", "--data", filepath.Join(dir, "other"), file}} {
		if i == 1 {
			key, err := os.ReadFile(filepath.Join(dir, "secret.key"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Join(dir, "other"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "other", "secret.key"), key, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if out, code := tool(t, args...); code != 0 || !strings.Contains(out, "1 zones, 0 records, position ") {
			t.Errorf("%q: status %d: %s", args, code, out)
		}
	}
}

// What root restores into a directory of somebody else can be opened by him.
func TestRootHandsFilesOver(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := t.TempDir()
	n, err := node.Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "x.hwb")
	if out, code := tool(t, "backup", "--data", dir, backup); code != 0 {
		t.Fatal(out)
	}
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	const somebody = 65534
	other := t.TempDir()
	if err := os.Chown(other, somebody, somebody); err != nil {
		t.Fatal(err)
	}
	if out, code := tool(t, "restore", "--data", other, "--secret-key-file", filepath.Join(dir, "secret.key"), backup); code != 0 {
		t.Fatal(out)
	}
	files, _ := filepath.Glob(filepath.Join(other, "headwater.db*"))
	for _, f := range files {
		st, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if sys, _ := st.Sys().(*syscall.Stat_t); sys.Uid != somebody {
			t.Errorf("%s belongs to %d", f, sys.Uid)
		}
	}
	if len(files) < 2 {
		t.Errorf("only %q", files)
	}
}
