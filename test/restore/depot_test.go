package restore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	miniocredentials "github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/headwaterdns/headwater/internal/depot"
	"github.com/headwaterdns/headwater/test/bucket"
	"github.com/headwaterdns/headwater/test/node"
)

const s3Key, s3Secret = "AKIDHEADWATER", "not-to-be-seen-anywhere"

// storage is a server that speaks S3 and verifies signatures, with a bucket.
func storage(t *testing.T) (address string, server *httptest.Server) {
	t.Helper()
	inner, err := bucket.Handler("backups", s3Key, s3Secret)
	if err != nil {
		t.Fatal(err)
	}
	server = httptest.NewServer(inner)
	t.Cleanup(server.Close)
	return "s3://backups/dns?region=us-east-1&endpoint=" + server.URL, server
}

func credentials(t *testing.T, secret string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credentials")
	text := "[default]\naws_access_key_id = " + s3Key + "\naws_secret_access_key = " + secret + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestStorageKeepsStreams writes more than a part without knowing how much it will be, reads it back octet for octet, and leaves nothing
// of what breaks off or is not permitted.
func TestStorageKeepsStreams(t *testing.T) {
	t.Parallel()
	address, server := storage(t)
	d, err := depot.At(address, depot.Options{Credentials: credentials(t, s3Secret)})
	if err != nil {
		t.Fatal(err)
	}
	defer swept(t, d, server)
	const size = 37 << 20
	sum := sha256.New()
	octets := func(w io.Writer) error {
		_, err := io.CopyN(io.MultiWriter(w, sum), rand.NewChaCha8([32]byte{1}), size)
		return err
	}
	if err := d.Write(t.Context(), "large", octets); err != nil {
		t.Fatal(err)
	}
	want := sum.Sum(nil)
	r, err := d.Open(t.Context(), "large")
	if err != nil {
		t.Fatal(err)
	}
	got := sha256.New()
	if n, err := io.Copy(got, r); err != nil || n != size || !bytes.Equal(got.Sum(nil), want) {
		t.Errorf("%d octets came back: %v", n, err)
	}
	_ = r.Close()
	broken := errors.New("the database is gone")
	err = d.Write(t.Context(), "broken", func(w io.Writer) error {
		_, _ = io.CopyN(w, rand.NewChaCha8([32]byte{2}), 20<<20)
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("a stream that breaks off: %v", err)
	}
	wrong, err := depot.At(address, depot.Options{Credentials: credentials(t, "wrong")})
	if err != nil {
		t.Fatal(err)
	}
	if err := wrong.Write(t.Context(), "refused", func(w io.Writer) error { _, err := w.Write([]byte("x")); return err }); err == nil {
		t.Error("a wrong secret writes")
	} else if strings.Contains(err.Error(), "wrong") {
		t.Errorf("the secret is told: %v", err)
	}
	list, err := d.List(t.Context())
	if err != nil || len(list) != 1 || list[0].Name != "large" || list[0].Size != size {
		t.Errorf("there is %+v, %v", list, err)
	}
	if err := d.Remove(t.Context(), "large"); err != nil {
		t.Error(err)
	}
	if list, err := d.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("there is still %+v, %v", list, err)
	}
}

// swept leaves uploads as a writer does that is killed: only the depot's own go, and only when they are old.
func swept(t *testing.T, d depot.Depot, server *httptest.Server) {
	t.Helper()
	c, err := minio.NewCore(strings.TrimPrefix(server.URL, "http://"), &minio.Options{Creds: miniocredentials.NewStaticV4(s3Key, s3Secret, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"dns/killed", "dns/another/place", "elsewhere"} {
		if _, err := c.NewMultipartUpload(t.Context(), "backups", key, minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	left := func() (keys []string) {
		for u := range c.ListIncompleteUploads(t.Context(), "backups", "", true) {
			keys = append(keys, u.Key)
		}
		return keys
	}
	for _, age := range []time.Duration{-time.Hour, time.Hour} {
		if err := d.Sweep(t.Context(), time.Now().Add(age)); err != nil {
			t.Error(err)
		}
		want := []string{"dns/another/place", "dns/killed", "elsewhere"}
		if age > 0 {
			want = []string{"dns/another/place", "elsewhere"}
		}
		if got := left(); !slices.Equal(got, want) {
			t.Errorf("swept of what began before %v from now: %q are left", age, got)
		}
	}
}

// TestBackupsByScheduleIntoStorage has a server back itself up, keeps the newest two, takes a failure of the storage, goes on, and is
// restored from there; nobody reads the secret anywhere.
func TestBackupsByScheduleIntoStorage(t *testing.T) {
	t.Parallel()
	address, _ := storage(t)
	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	file := credentials(t, s3Secret)
	p := &primary{dir: t.TempDir(), zones: map[string]string{}}
	if p.Node, err = node.StartAs(bin, nil, p.dir, "--backup-to", address, "--backup-every", "1s", "--backup-keep", "2", "--backup-credentials-file", file); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	p.zones["kept.example"] = p.id(t, "/zones", map[string]any{"name": "kept.example"})
	p.change(t, "kept.example")
	changed := time.Now()
	type facts struct {
		Backups struct {
			Keep   int
			Here   bool
			Last   *time.Time
			Name   string
			Octets int64
			Error  string
		}
	}
	var f facts
	for deadline := time.Now().Add(2 * time.Minute); f.Backups.Last == nil || !f.Backups.Last.After(changed.Add(2*time.Second)); <-time.After(100 * time.Millisecond) {
		f = facts{}
		if p.Call(t, http.MethodGet, "/headwater/v1/server", nil, &f); time.Now().After(deadline) {
			t.Fatalf("no backup: %+v\n%s", f, p.Log())
		}
	}
	if !f.Backups.Here || f.Backups.Keep != 2 || f.Backups.Octets == 0 || f.Backups.Error != "" {
		t.Errorf("%+v", f)
	}
	if text := scraped(t, p.HTTP); !strings.Contains(text, "headwater_backup_age_seconds") || !strings.Contains(text, "headwater_backups_failed_total 0") {
		t.Error("the metrics do not tell")
	}
	p.Kill()
	if strings.Contains(p.Log().String()+p.Said(), s3Secret) {
		t.Error("the secret is in the log")
	}
	place, options, _ := strings.Cut(address, "?")
	out, failed := verb(t, nil, "backup", "list", "--backup-credentials-file", file, place+"/?"+options)
	if lines := strings.Count(out, "headwater-"); failed || lines < 1 || lines > 3 { // one more while the oldest goes
		t.Errorf("list: %s", out)
	}
	name := strings.Fields(out[strings.LastIndex(out, "headwater-"):])[0]
	object := place + "/" + name + "?" + options
	if out, failed := verb(t, nil, "backup", "verify", "--backup-credentials-file", file, "--secret-key-file", filepath.Join(p.dir, "secret.key"), object); failed || !strings.Contains(out, "the secret key opens it") {
		t.Errorf("verify: %s", out)
	}
	if out, failed := verb(t, nil, "backup", "--backup-credentials-file", file, "--data", p.dir, place+"/by-hand?"+options); failed || !strings.Contains(out, "1 zones") {
		t.Errorf("by hand: %s", out)
	}
	dir := t.TempDir()
	key, err := os.ReadFile(filepath.Join(p.dir, "secret.key"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "secret.key"), key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, failed := verb(t, nil, "restore", "--backup-credentials-file", file, "--data", dir, object); failed || !strings.Contains(out, "1 zones") {
		t.Errorf("restore: %s", out)
	}
}

func scraped(t *testing.T, server string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+strings.TrimPrefix(server, "http://")+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
