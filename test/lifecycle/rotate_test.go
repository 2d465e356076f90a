package lifecycle

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/test/node"
)

const tsigSecret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"

// onEngine starts a node with a store of its own.
func onEngine(t *testing.T, engine string) (n *node.Node, dir string, flags []string) {
	t.Helper()
	dir = t.TempDir()
	if engine == "postgres" {
		flags = []string{"--database", pgtest.Start(t).Database(t)}
	}
	n, err := node.Start(dir, flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Kill)
	return n, dir, flags
}

// A store whose key is lost is not opened, and no other key is left where the right one belongs: with that, all goes on.
func TestLostSecret(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			n, dir, _ := onEngine(t, engine)
			if err := n.Stop(); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "secret.key")
			if err := os.Rename(file, file+".away"); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := n.Run(); err == nil {
					t.Fatal("a node runs without its key")
				}
				if _, err := os.Stat(file); err == nil {
					t.Error("a key was left that opens nothing")
				}
			}
			if log := n.Log().String(); !strings.Contains(log, "put the secret key of this database there") {
				t.Errorf("it says %s", log)
			}
			if err := os.Rename(file+".away", file); err != nil {
				t.Fatal(err)
			}
			if err := n.Run(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A store gets a new key and keeps its secrets; beside a server that has the old key alone it does not, on either engine.
func TestRotateSecret(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			n, dir, flags := onEngine(t, engine)
			var key struct{ ID string }
			n.Call(t, http.MethodPost, "/accounts/"+n.Account+"/secondary_dns/tsigs", `{"name":"k.example.","algo":"hmac-sha256.","secret":"`+tsigSecret+`"}`, &key)
			file := filepath.Join(dir, "secret.key")
			old, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			rotate := func() (string, int) { return tool(t, append([]string{"rotate-secret", "--data", dir}, flags...)...) }
			if out, code := rotate(); code != 1 || !strings.Contains(out, "stop") {
				t.Errorf("beside a server: status %d: %s", code, out)
			}
			if now, _ := os.ReadFile(file); string(now) != string(old) {
				t.Error("the key changed beside a server")
			}
			if err := n.Stop(); err != nil {
				t.Fatal(err)
			}
			if out, code := rotate(); code != 0 {
				t.Fatalf("status %d: %s", code, out)
			}
			now, err := os.ReadFile(file)
			if err != nil || string(now) == string(old) || strings.Count(string(now), "\n") != 1 {
				t.Errorf("the file has %d keys, the old one still: %t, %v", strings.Count(string(now), "\n"), string(now) == string(old), err)
			}
			if err := n.Run(); err != nil {
				t.Fatal(err)
			}
			var got struct{ Secret string }
			n.Call(t, http.MethodGet, "/accounts/"+n.Account+"/secondary_dns/tsigs/"+key.ID, nil, &got)
			if got.Secret != tsigSecret {
				t.Errorf("the secret is %q", got.Secret)
			}
			if err := n.Stop(); err != nil {
				t.Fatal(err)
			}
			// A rotation that broke off: the file has both keys, and the server runs with it.
			if err := os.WriteFile(file, append([]byte("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"), now...), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := n.Run(); err != nil {
				t.Fatal(err)
			}
			n.Call(t, http.MethodGet, "/accounts/"+n.Account+"/secondary_dns/tsigs/"+key.ID, nil, &got)
			if err := n.Stop(); err != nil {
				t.Fatal(err)
			}
			if out, code := rotate(); code != 0 {
				t.Fatalf("the rest of a rotation: status %d: %s", code, out)
			}
			if now, _ := os.ReadFile(file); string(now) != "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" {
				t.Errorf("the file has %q", now)
			}
			if err := os.WriteFile(file, old, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := n.Run(); err == nil || !strings.Contains(err.Error(), "secret key") {
				t.Errorf("started with the old key: %v", err)
			}
		})
	}
}
