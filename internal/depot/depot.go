// Package depot is where backups lie: a directory, or a bucket of storage that speaks S3. It writes them as streams, lists, reads and
// removes them, and has one made when it is due, looked through, and old ones removed. It must not know what is in a backup.
package depot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Item is something that lies in a depot.
type Item struct {
	Name string
	Size int64
	Made time.Time
}

// Depot is a place. Names have no slash.
type Depot interface {
	// Write has f write what stands under a name then: all of it, or, when there is an error, nothing.
	Write(ctx context.Context, name string, f func(io.Writer) error) error
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	List(ctx context.Context) ([]Item, error)
	Remove(ctx context.Context, name string) error
	// Sweep removes what was begun before then and never came to stand under its name, because its writer was killed.
	Sweep(ctx context.Context, before time.Time) error
	// String names the place, without anything secret.
	String() string
}

// ErrURL is an address that names no depot.
var ErrURL = errors.New("want a directory or s3://BUCKET/PREFIX?endpoint=https://HOST")

// Options are what an address does not hold.
type Options struct {
	// Credentials is a file with keys as AWS's tools have it; without it the environment counts (AWS_ACCESS_KEY_ID,
	// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN), and then the file that those tools use.
	Credentials string
}

// At gives the depot at an address: a directory, or s3://BUCKET/PREFIX with the options endpoint (default is AWS), region, and
// credentials=iam for those that a cloud gives to its machines.
func At(address string, o Options) (Depot, error) {
	if IsS3(address) {
		return s3At(address, o)
	}
	if address == "" || strings.Contains(address, "://") {
		return nil, ErrURL
	}
	return dir(address), nil
}

// IsS3 says whether an address names a bucket, or something in one.
func IsS3(address string) bool { return strings.HasPrefix(address, s3Scheme) }

// Split parts the address of something in a bucket into the depot and its name.
func Split(address string) (depot, name string, err error) {
	path, query, asked := strings.Cut(address, "?")
	i := strings.LastIndexByte(path, '/')
	if name = path[i+1:]; !IsS3(address) || i < len(s3Scheme) || name == "" {
		return "", "", fmt.Errorf("%q names nothing in a bucket: %w", path, ErrURL)
	}
	if depot = path[:i]; asked {
		depot += "?" + query
	}
	return depot, name, nil
}
