package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// debian is a root of its own with Debian 12 in it.
type debian struct {
	t    *testing.T
	root string
	http string
}

func newDebian(t *testing.T) *debian {
	t.Helper()
	if os.Getenv("HEADWATER_INSTALL") == "" {
		t.Skip("set HEADWATER_INSTALL: a root of Debian is fetched and made")
	}
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	d := &debian{t: t, root: filepath.Join(t.TempDir(), "root")}
	run(t, "debootstrap", "--variant=minbase", "bookworm", d.root)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.http = l.Addr().String()
	l.Close()
	return d
}

// in runs a command in the root.
func (d *debian) in(args ...string) string {
	d.t.Helper()
	return run(d.t, "chroot", append([]string{d.root}, args...)...)
}

// install installs a package of the release.
func (d *debian) install(r *release) {
	d.t.Helper()
	deb := filepath.Join(r.out, "headwater_"+r.version+"_amd64.deb")
	b, err := os.ReadFile(deb)
	if err == nil {
		err = os.WriteFile(filepath.Join(d.root, "tmp/headwater.deb"), b, 0o644)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	d.in("dpkg", "--force-confold", "-i", "/tmp/headwater.deb")
}

// setting is what the installed unit says of a name.
func (d *debian) setting(name string) string {
	b, err := os.ReadFile(filepath.Join(d.root, "usr/lib/systemd/system/headwater.service"))
	if err != nil {
		d.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			return value
		}
	}
	d.t.Fatalf("the unit has no %s", name)
	return ""
}

// start runs the unit's command by the unit's settings, as systemd would: a user without rights, its state, its credential, its
// environment, its file mask, one capability. It gives what stops it.
func (d *debian) start() (stop func()) {
	d.t.Helper()
	const user, credentials = "61234", "/run/credentials/headwater.service"
	state := "/var/lib/" + d.setting("StateDirectory")
	d.in("install", "-d", "-m", d.setting("StateDirectoryMode"), "-o", user, "-g", user, state)
	name, from, _ := strings.Cut(d.setting("LoadCredential"), ":")
	d.in("install", "-d", "-m", "0700", "-o", user, "-g", user, credentials)
	d.in("install", "-m", "0400", "-o", user, "-g", user, from, credentials+"/"+name)
	command := strings.NewReplacer("%S", "/var/lib", "%d", credentials).Replace(d.setting("ExecStart"))
	env := strings.TrimPrefix(d.setting("EnvironmentFile"), "-")
	script := "set -a; . " + env + "; set +a; umask " + d.setting("UMask") + "; exec setpriv --reuid " + user + " --regid " + user +
		" --clear-groups --no-new-privs --bounding-set -all,+net_bind_service --inh-caps -all,+net_bind_service --ambient-caps -all,+net_bind_service " + command
	cmd := exec.CommandContext(context.WithoutCancel(d.t.Context()), "chroot", d.root, "sh", "-c", script)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"} // as bare as systemd's
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if err != nil {
				d.t.Errorf("it ended with %v:\n%s", err, log.String())
			}
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			d.t.Error("it does not end")
		}
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get("http://" + d.http + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return stop
			}
		}
		if time.Now().After(deadline) {
			stop()
			d.t.Fatalf("it is not ready:\n%s", log.String())
		}
	}
}

// api asks as the administrator and gives the result.
func (d *debian) api(method, path, body, token string) any {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, "http://"+d.http+"/client/v4"+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	var out struct {
		Success bool
		Result  any
	}
	if err := json.Unmarshal(raw, &out); err != nil || !out.Success {
		d.t.Fatalf("%s %s: %s", method, path, raw)
	}
	return out.Result
}

// A package is installed, started as its unit says, upgraded with data and edited settings, and removed: nothing that only its
// owner has is lost on the way.
func TestInstall(t *testing.T) {
	needDashboard(t)
	d := newDebian(t)
	older, newer := release{root: "..", out: filepath.Join(t.TempDir(), "older"), version: "0.0.1"}, release{root: "..", out: filepath.Join(t.TempDir(), "newer")}
	for _, r := range []*release{&older, &newer} {
		if err := r.make(t.Context(), "linux/amd64"); err != nil {
			t.Fatal(err)
		}
	}
	d.install(&older)
	key := d.in("cat", "/etc/headwater/secret.key")
	if mode := d.in("stat", "-c", "%a %U", "/etc/headwater/secret.key", "/etc/headwater/headwater.env"); mode != "400 root\n600 root\n" {
		t.Errorf("modes are %q", mode)
	}
	const token = "0123456789012345678901234567890123456789"
	env := fmt.Sprintf("HEADWATER_DNS_LISTEN=127.0.0.1:0\nHEADWATER_HTTP_LISTEN=%s\nHEADWATER_NAMESERVERS=ns1.example.net,ns2.example.net\nHEADWATER_ADMIN_TOKEN=%s\n", d.http, token)
	if err := os.WriteFile(filepath.Join(d.root, "etc/headwater/headwater.env"), []byte(env), 0o600); err != nil {
		t.Fatal(err)
	}
	stop := d.start()
	d.api("POST", "/zones", `{"name":"kept.example"}`, token)
	stop()

	d.install(&newer)
	if got := d.in("headwater", "version"); got != "headwater "+newer.version+"\n" {
		t.Errorf("after the upgrade it is %q", got)
	}
	if now := d.in("cat", "/etc/headwater/headwater.env"); now != env {
		t.Errorf("the upgrade made the settings\n%s", now)
	}
	stop = d.start()
	if zones := d.api("GET", "/zones", "", token).([]any); len(zones) != 1 {
		t.Errorf("after the upgrade there are %d zones", len(zones))
	}
	stop()

	d.in("dpkg", "-r", "headwater")
	d.in("dpkg", "-P", "headwater")
	if _, err := os.Stat(filepath.Join(d.root, "usr/bin/headwater")); err == nil {
		t.Error("the program is still there")
	}
	if d.in("cat", "/etc/headwater/secret.key") != key || d.in("ls", "/var/lib/headwater/headwater.db") == "" {
		t.Error("the key or the zones went with the package")
	}
}
