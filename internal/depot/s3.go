package depot

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const s3Scheme = "s3://"

// partSize is how much of a backup is held at once: a part is sent as a whole, and again if it has to be. S3 takes 10,000 of them.
const partSize = 16 << 20

// bucket is a prefix in a bucket.
type bucket struct {
	client       *minio.Client
	name, prefix string
}

func s3At(address string, o Options) (Depot, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil { // the address may hold what nobody should read
		return nil, ErrURL
	}
	q := u.Query()
	for key := range q {
		if key != "endpoint" && key != "region" && key != "credentials" {
			return nil, fmt.Errorf("option %q: %w", key, ErrURL)
		}
	}
	endpoint := &url.URL{Scheme: "https", Host: "s3.amazonaws.com"}
	if text := q.Get("endpoint"); text != "" {
		if endpoint, err = url.Parse(text); err != nil || endpoint.Host == "" || endpoint.Scheme != "https" && endpoint.Scheme != "http" {
			return nil, fmt.Errorf("endpoint: %w", ErrURL)
		}
	}
	providers := []credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}}
	switch from := q.Get("credentials"); {
	case o.Credentials != "":
		providers = []credentials.Provider{&credentials.FileAWSCredentials{Filename: o.Credentials}}
	case from == "iam":
		providers = []credentials.Provider{&credentials.IAM{}}
	case from != "":
		return nil, fmt.Errorf("credentials %q: %w", from, ErrURL)
	}
	client, err := minio.New(endpoint.Host, &minio.Options{
		Creds: credentials.NewChainCredentials(providers), Secure: endpoint.Scheme == "https", Region: q.Get("region"),
	})
	if err != nil {
		return nil, fmt.Errorf("storage at %s: %w", endpoint.Host, err)
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" {
		prefix += "/"
	}
	return &bucket{client: client, name: u.Host, prefix: prefix}, nil
}

func (b *bucket) String() string {
	return s3Scheme + b.name + "/" + b.prefix + " at " + b.client.EndpointURL().Host
}

func (b *bucket) Write(ctx context.Context, name string, f func(io.Writer) error) error {
	r, w := io.Pipe()
	go func() { w.CloseWithError(f(w)) }()
	// What breaks off leaves nothing: an upload of parts is taken back, and there is no object before all of them are there.
	_, err := b.client.PutObject(ctx, b.name, b.prefix+name, r, -1, minio.PutObjectOptions{PartSize: partSize, ContentType: "application/octet-stream"})
	_ = r.CloseWithError(err) // who still writes is told
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func (b *bucket) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	o, err := b.client.GetObject(ctx, b.name, b.prefix+name, minio.GetObjectOptions{})
	if err == nil {
		_, err = o.Stat()
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return o, nil
}

func (b *bucket) List(ctx context.Context) (out []Item, err error) {
	for o := range b.client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix}) {
		if o.Err != nil {
			return nil, fmt.Errorf("list backups: %w", o.Err)
		}
		if name := strings.TrimPrefix(o.Key, b.prefix); name != "" && !strings.HasSuffix(name, "/") {
			out = append(out, Item{Name: name, Size: o.Size, Made: o.LastModified})
		}
	}
	return out, nil
}

func (b *bucket) Remove(ctx context.Context, name string) error {
	if err := b.client.RemoveObject(ctx, b.name, b.prefix+name, minio.RemoveObjectOptions{}); err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

func (b *bucket) Sweep(ctx context.Context, before time.Time) error {
	for u := range b.client.ListIncompleteUploads(ctx, b.name, b.prefix, false) {
		if u.Err != nil {
			return fmt.Errorf("list uploads that broke off: %w", u.Err)
		}
		if strings.Contains(strings.TrimPrefix(u.Key, b.prefix), "/") || !u.Initiated.Before(before) {
			continue // another's, below this place, or one that may still go on
		}
		if err := b.client.RemoveIncompleteUpload(ctx, b.name, u.Key); err != nil {
			return fmt.Errorf("remove an upload that broke off: %w", err)
		}
	}
	return nil
}
