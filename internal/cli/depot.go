package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/headwaterdns/headwater/internal/depot"
)

// depotFlags say how the tools come to backups that are in no file here.
type depotFlags struct {
	BackupCredentialsFile string `help:"File with the keys of S3 storage, as AWS's tools have it; without it the environment counts." placeholder:"FILE"`
}

// place is the depot that something lies in, and its name there.
func (f *depotFlags) place(address string) (depot.Depot, string, error) {
	at, name, err := depot.Split(address)
	if err != nil {
		return nil, "", err
	}
	d, err := depot.At(at, depot.Options{Credentials: f.BackupCredentialsFile})
	return d, name, err
}

// openBackup opens a backup to be read: a file, standard input, or an object in a bucket.
func (f *depotFlags) openBackup(ctx context.Context, file string) (io.ReadCloser, error) {
	switch {
	case file == "-":
		return io.NopCloser(os.Stdin), nil
	case depot.IsS3(file):
		d, name, err := f.place(file)
		if err != nil {
			return nil, err
		}
		return d.Open(ctx, name)
	}
	return os.Open(file)
}

// listed is whether an address is that of a place with backups, and not of one of them.
func listed(address string) bool {
	path, _, _ := strings.Cut(address, "?")
	info, err := os.Stat(address)
	return depot.IsS3(address) && strings.HasSuffix(path, "/") || err == nil && info.IsDir()
}

// list lists what lies in a place.
func (f *depotFlags) list(ctx context.Context, address string, s *streams) error {
	d, err := depot.At(address, depot.Options{Credentials: f.BackupCredentialsFile})
	if err != nil {
		return err
	}
	items, err := d.List(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "BACKUP\tOCTETS\tMADE\n")
	for _, i := range items {
		fmt.Fprintf(w, "%s\t%d\t%s\n", i.Name, i.Size, i.Made.UTC().Format(time.RFC3339))
	}
	return w.Flush()
}
