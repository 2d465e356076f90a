package configs

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/bucket"
	"github.com/headwaterdns/headwater/test/node"
)

const (
	insideOperations = "CONFIGS_INSIDE_OPERATIONS" // a socket behind which PostgreSQL is
	operationsBase   = "CONFIGS_INSIDE_DATABASE"   // the name of an empty database there
	admin            = "http://127.0.0.1:8053"
)

// TestOperations does what docs/operations.md says, from the installation to the disasters, in an order of its own: each block of commands as
// it is printed, and the table of requests. What a test cannot have is stood in for: systemd (see manager), Debian's installer (release
// TestInstall has the real one), an editor, and a machine to copy to.
func TestOperations(t *testing.T) {
	t.Parallel()
	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	database, err := url.Parse(pgtest.Start(t).Database(t))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "pg") //nolint:usetesting // the name of a test may be longer than that of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	at := filepath.Join(dir, "socket")
	forward(t, "unix", at, "tcp", database.Host)
	apart(t, "TestInsideOperations", program+"="+bin, insideOperations+"="+at, operationsBase+"="+strings.TrimPrefix(database.Path, "/"))
}

// forward takes connections at one address to another: a network of one's own ends there, and files do not.
func forward(t *testing.T, network, at, toNetwork, to string) {
	t.Helper()
	l, err := net.Listen(network, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				out, err := net.Dial(toNetwork, to)
				if err == nil {
					go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
					_, _ = io.Copy(in, out)
				}
				_ = in.Close()
			}()
		}
	}()
}

// operations is the test of the document.
type operations struct {
	*document
	t     *testing.T
	api   *caller
	zone  string
	token string
}

// TestInsideOperations is TestOperations' other half, in the network of its own.
func TestInsideOperations(t *testing.T) {
	at := os.Getenv(insideOperations)
	if at == "" {
		t.Skip("this is a part of TestOperations")
	}
	private(t)
	six := addresses(t)
	o := &operations{document: open(t, "docs/operations.md"), t: t}
	newManager(t, o.root, filepath.Join(o.root, "bin"))
	names := filepath.Join(o.root, "hosts")
	put(t, names, "127.0.0.1 localhost newhost s3.example.net\n::1 localhost\n")
	if err := unix.Mount(names, "/etc/hosts", "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	forward(t, "tcp", "127.0.0.1:5432", "unix", at)
	o.install(six)
	o.embedded()
	o.storage()
	o.damaged()
	o.keys()
	o.machine("postgres://headwater@newhost/" + os.Getenv(operationsBase) + "?sslmode=disable")
	o.database()
}

// addresses gives loopback those that the documents' server has, and says whether the second, IPv6's, is to be had.
func addresses(t *testing.T) (six bool) {
	t.Helper()
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	ifr, err := unix.NewIfreq("lo:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := ifr.SetInet4Addr([]byte{192, 0, 2, 1}); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlIfreq(s, unix.SIOCSIFADDR, ifr); err != nil {
		t.Fatalf("an address for loopback: %v", err)
	}
	v6, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(v6)
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	request := struct { // in6_ifreq
		addr   [16]byte
		prefix uint32
		index  int32
	}{[16]byte(net.ParseIP("2001:db8::1")), 128, int32(lo.Index)}
	_, _, no := unix.Syscall(unix.SYS_IOCTL, uintptr(v6), unix.SIOCSIFADDR, uintptr(unsafe.Pointer(&request)))
	return no == 0
}

// install is the chapter "Installing".
func (o *operations) install(six bool) {
	o.t.Helper()
	const deb = "headwater_0.9.0_amd64.deb"
	example := text(o.t, "deploy/systemd/headwater.env.example")
	if !six {
		example = strings.Replace(example, ",[2001:db8::1]:53", "", 1)
	}
	put(o.t, filepath.Join(o.root, "headwater.env"), example)
	if err := os.Symlink(os.Getenv(program), filepath.Join(o.dir, "headwater")); err != nil {
		o.t.Fatal(err)
	}
	script, err := filepath.Abs(filepath.Join(root, "deploy/package/postinstall.sh"))
	if err != nil {
		o.t.Fatal(err)
	}
	o.program("apt-get", fmt.Sprintf(`[ "$1 $2" = "install ./%s" ] && [ -f "$2" ]
install -D -m 0755 headwater %s/usr/local/bin/headwater
install -D -m 0600 %[2]s/headwater.env %[2]s/etc/headwater/headwater.env
sed 's|/etc/headwater|%[2]s/etc/headwater|g; s|/run/systemd|/nowhere|' %s | sh -eu`, deb, o.root, script))
	o.program("editor", `[ -w "$1" ]`)
	o.program("ssh", `shift; exec sh -c "$*"`)
	put(o.t, filepath.Join(o.dir, deb), "no package\n")
	o.shell("sha256sum " + deb + " >SHA256SUMS; sed 's/amd64/arm64/' SHA256SUMS >more; cat more >>SHA256SUMS")
	o.run("sha256sum -c", deb+": OK")
	o.shell(o.below("install -m 0400 /etc/headwater/secret.key secret.key"))

	credentials, err := os.ReadFile(filepath.Join(o.root, "var/lib/headwater/first-credentials.txt"))
	if err != nil {
		o.t.Fatal(err)
	}
	find := func(what string) string {
		return string(regexp.MustCompile(what + ` +(\S+)`).FindSubmatch(credentials)[1])
	}
	o.token = find("API token")
	o.api = &caller{t: o.t, token: o.token}
	account := find("account")
	var zone, peer struct{ ID string }
	o.api.call("POST", "/client/v4/zones", map[string]any{"name": "example.com"}, &zone)
	o.api.call("POST", "/client/v4/zones/"+zone.ID+"/dns_records", map[string]any{"type": "A", "name": "www", "content": "192.0.2.10"}, nil)
	o.api.call("POST", "/client/v4/accounts/"+account+"/secondary_dns/peers", map[string]any{"name": "ns2"}, &peer)
	o.zone = zone.ID
	o.env = []string{
		"HEADWATER_TOKEN=" + o.token, "TOKEN=" + o.token, "AUTH=Authorization: Bearer " + o.token, "API=" + admin,
		"ACCOUNT=" + account, "ZONE=" + zone.ID, "PEER=" + peer.ID,
	}
	if !six {
		o.text = strings.Replace(o.text, `"sources":["192.0.2.1","2001:db8::1"]`, `"sources":["192.0.2.1"]`, 1)
	}
}

// withKey has commands on the data name the key, as the document says for what the unit runs.
func (o *operations) withKey(script string) string {
	const data = "--data " // what stands behind it is below the test's root
	key := " --secret-key-file " + o.root + "/etc/headwater/secret.key"
	return regexp.MustCompile(data+regexp.QuoteMeta(o.root)+`/var/lib/headwater`).ReplaceAllString(script, "${0}"+key)
}

// has is what the zone's records say.
func (o *operations) has() string {
	o.t.Helper()
	return shell(o.t, o.dir, "dig +short @192.0.2.1 www.example.com A")
}

// embedded is what is done to a server that runs on the embedded store.
func (o *operations) embedded() {
	o.t.Helper()
	o.shell(o.withKey(o.block("systemctl stop headwater\nheadwater admin list")), "active")
	o.run("install -m 0755 headwater", "taken over")
	if out := o.run(`curl -s -H "$AUTH" -X PUT -d '{"transport"`); !strings.Contains(out, `"success":true`) {
		o.t.Errorf("sources of a peer: %s", out)
	}
	if out := o.run(`curl -s -X POST -H "$AUTH" -d '{"at_least"`); !strings.Contains(out, `"success":true`) {
		o.t.Errorf("a serial: %s", out)
	}
	o.run("headwater status", "OK")
	o.requests()

	// A zone out of a backup.
	o.shell(o.withKey(o.below("headwater backup --data /var/lib/headwater /backup/headwater.hwb")))
	o.run("headwater backup verify", "example.com")
	var records []struct{ ID, Type string }
	o.api.call("GET", "/client/v4/zones/"+o.zone+"/dns_records?type=A", nil, &records)
	o.api.call("PATCH", "/client/v4/zones/"+o.zone+"/dns_records/"+records[0].ID, map[string]any{"content": "192.0.2.66"}, nil)
	wait(o.t, nil, "the other address", func() bool { return o.has() == "192.0.2.66\n" })
	o.run("headwater restore --zone", "would make the records of example.com those of the source: 1 added, 1 removed")
	wait(o.t, nil, "the address of the backup", func() bool { return o.has() == "192.0.2.10\n" })
}

// storage is the chapter about S3 storage. The server stands meanwhile.
func (o *operations) storage() {
	o.t.Helper()
	const key, secret = "AKIDHEADWATER", "not-to-be-seen-anywhere"
	handler, err := bucket.Handler("dns-backups", key, secret)
	if err != nil {
		o.t.Fatal(err)
	}
	ca := testkit.NewAuthority(o.t)
	cert := ca.Make(o.t, "s3.example.net", time.Hour, nil)
	l, err := tls.Listen("tcp", "127.0.0.1:443", &tls.Config{Certificates: []tls.Certificate{*cert}})
	if err != nil {
		o.t.Fatal(err)
	}
	srv := &http.Server{Handler: handler}
	go func() { _ = srv.Serve(l) }()
	o.t.Cleanup(func() { _ = srv.Close() })
	trust := filepath.Join(o.root, "ca.pem")
	put(o.t, trust, ca.PEM)
	before := o.env
	o.env = append(o.env, "SSL_CERT_FILE="+trust, "AWS_ACCESS_KEY_ID="+key, "AWS_SECRET_ACCESS_KEY="+secret)
	o.shell("systemctl stop headwater")
	for line := range strings.Lines(o.block("headwater serve --backup-to")) {
		_, stop := o.serve(strings.TrimSpace(line), admin+"/readyz")
		wait(o.t, nil, "a backup: "+line, func() bool {
			return regexp.MustCompile(`\nheadwater_backups_made_total [1-9]`).MatchString(shellQuiet(o.dir, "curl -s "+admin+"/metrics"))
		})
		stop()
	}
	o.shell(o.below("ls /backup/headwater-2*T*Z.hwb; rm -r data; install -d -m 0700 data; install -m 0400 secret.key data/secret.key"))
	o.shell(o.withKey(o.below(`headwater backup --data /var/lib/headwater 's3://dns-backups/primary/headwater-20261129T033000Z.hwb?endpoint=https://s3.example.net'`)))
	o.run("headwater backup list 's3:", "headwater-20261129T033000Z.hwb", "zones")
	o.shell("rm -r data; systemctl start headwater")
	o.env = before
}

// damaged is a zone that is repaired.
func (o *operations) damaged() {
	o.t.Helper()
	o.shell("systemctl stop headwater; sqlite3 " + o.root + "/var/lib/headwater/headwater.db 'DELETE FROM images'")
	o.shell(o.withKey(o.below("! headwater check --data /var/lib/headwater")), "image")
	o.shell(o.withKey(o.block("systemctl stop headwater                                                     # not on PostgreSQL")), "example.com")
	wait(o.t, nil, "the repaired zone", func() bool { return o.has() == "192.0.2.10\n" })
}

// keys is the secret key: changed, and lost.
func (o *operations) keys() {
	o.t.Helper()
	file := filepath.Join(o.root, "etc/headwater/secret.key")
	old, err := os.ReadFile(file)
	if err != nil {
		o.t.Fatal(err)
	}
	o.shell(o.withKey(o.block("systemctl stop headwater                                          # on every node\nheadwater rotate-secret")))
	if now, err := os.ReadFile(file); err != nil || string(now) == string(old) {
		o.t.Errorf("the key is that of before: %v", err)
	}
	o.shell("curl -sf " + admin + "/readyz")
	// It is done again, for what follows: the key's copy, and a backup under it.
	o.shell(o.withKey(o.below("install -m 0400 /etc/headwater/secret.key secret.key; headwater backup --data /var/lib/headwater /backup/headwater.hwb; systemctl stop headwater")))
}

// machine is a lost one: from a backup to the embedded store, which runs without its key, too, and from there to PostgreSQL.
func (o *operations) machine(database string) {
	o.t.Helper()
	o.env = append(o.env, "DATABASE="+database)
	before, rest, _ := strings.Cut(o.block("install -d -m 0700 data"), "headwater serve")
	line, after, ok := strings.Cut(rest, "\n")
	if !ok {
		o.t.Fatal("the block starts no server")
	}
	o.shell(before)
	_, stop := o.serve("headwater serve"+line, admin+"/readyz")
	wait(o.t, nil, "the restored zone", func() bool { return o.has() == "192.0.2.10\n" })
	stop()
	o.shell("mv data/secret.key found.key")
	_, stop = o.serve(strings.TrimSpace(o.block("headwater serve --without-secret-key")), admin+"/readyz", "--dns-listen", "192.0.2.1:53")
	o.shell("curl -s "+admin+"/readyz", "no secret key")
	if o.has() != "192.0.2.10\n" {
		o.t.Errorf("without the key: %q", o.has())
	}
	stop()
	o.shell("mv found.key data/secret.key")
	o.shell(after)
	o.configure(database)
	o.shell("systemctl start headwater")
	if o.has() != "192.0.2.10\n" {
		o.t.Errorf("on PostgreSQL: %q", o.has())
	}
}

// configure has the service use another database.
func (o *operations) configure(database string) {
	o.t.Helper()
	o.shell(o.below(`sed -i '/^HEADWATER_DATABASE=/d' /etc/headwater/headwater.env`) + "; echo 'HEADWATER_DATABASE=" + database + "' >>" + o.root + "/etc/headwater/headwater.env")
}

// database is what is done to nodes on PostgreSQL, and with a new one when theirs is lost.
func (o *operations) database() {
	o.t.Helper()
	o.run("headwater backup --database", "ready")
	o.shell(o.withKey(o.block("headwater backup --data /var/lib/headwater")), "written")
	o.shell(o.withKey(o.block("headwater check --data /var/lib/headwater ")))
	o.shell(o.below("cp /backup/before.hwb /backup/headwater.hwb"))

	const anew = "postgres://headwater@newhost/headwater?sslmode=disable"
	o.env = append(o.env, "DATABASE="+anew)
	o.configure(anew)
	o.run("systemctl stop headwater                                                     # on every node\ncreatedb", "ready", "ns1.example.net.")
	o.shell("systemctl stop headwater")
	o.run("headwater restore --database \"$DATABASE\" --secret-key-file secret.key --mark")
	o.shell("systemctl start headwater")

	put(o.t, filepath.Join(o.dir, "role.sql"), o.block("CREATE ROLE headwater_reader"))
	o.shell("psql -h newhost -U headwater -v ON_ERROR_STOP=1 -f role.sql headwater", "CREATE ROLE", "GRANT")
	_, stop := o.serve("headwater serve --roles dns --secret-key-file secret.key --database 'postgres://headwater_reader@newhost/headwater?sslmode=disable'",
		"http://127.0.0.1:8054/readyz", "--dns-listen", "127.0.0.1:5354", "--http-listen", "127.0.0.1:8054")
	if out := o.shell("curl -s http://127.0.0.1:8054/readyz"); strings.Contains(out, "untold") {
		o.t.Errorf("a node that may read: %s", out)
	}
	o.shell("dig +short @127.0.0.1 -p 5354 www.example.com A", "192.0.2.10")
	stop()
	o.tap()
}

// tap is the reader of queries.
func (o *operations) tap() {
	o.t.Helper()
	capture, read, _ := strings.Cut(o.block("fstrm_capture"), "&\n")
	reader := exec.Command("bash", "-c", "exec "+capture)
	reader.Dir = o.dir
	reader.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := reader.Start(); err != nil {
		o.t.Fatal(err)
	}
	m := regexp.MustCompile("`(--dnstap unix:[^`]+)`").FindStringSubmatch(o.text)
	if m == nil {
		o.t.Fatal("the document does not say how it is shown")
	}
	_, stop := o.serve("headwater serve --data tapped", "http://127.0.0.1:8054/readyz", "--dns-listen", "127.0.0.1:5354", "--http-listen", "127.0.0.1:8054", m[1], "--dnstap-sample", "100")
	wait(o.t, nil, "a query to be shown", func() bool { // what comes before the reader is there is not
		o.shell("dig +short @127.0.0.1 -p 5354 shown.example SOA")
		return regexp.MustCompile(`headwater_dnstap_messages_total{outcome="sent"} [1-9]`).MatchString(shellQuiet(o.dir, "curl -s http://127.0.0.1:8054/metrics"))
	})
	stop()
	_ = reader.Process.Signal(syscall.SIGTERM)
	_ = reader.Wait()
	o.shell(read, "shown.example")
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
