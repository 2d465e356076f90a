package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

type dnssecExportCmd struct {
	dnssecZone
	Key string `arg:"" help:"The key's tag, or its role: ksk, zsk or csk."`
	Dir string `short:"d" default:"." help:"Where the files go." placeholder:"DIR"`
}

// Help shows an example.
func (*dnssecExportCmd) Help() string {
	return "The token needs Account Settings Write beside DNS Write, and the audit log tells of it.\n\nExample: headwater zone dnssec export example.com 12345 -d /etc/bind/keys"
}

// Run writes both files, for their owner's eyes. What is there already is left alone.
func (c *dnssecExportCmd) Run(ctx context.Context, s *streams) error {
	k, err := c.key(ctx, c.Key)
	if err != nil {
		return err
	}
	var out struct {
		Name    string `json:"name"`
		Key     string `json:"key"`
		Private string `json:"private"`
	}
	if err := c.call(ctx, http.MethodGet, ownRoot, "/keys/"+k.ID+"/export", nil, &out); err != nil {
		return err
	}
	base := filepath.Join(c.Dir, filepath.Base(out.Name))
	for _, f := range []struct{ ext, text string }{{".private", out.Private}, {".key", out.Key}} {
		if err := writeNew(base+f.ext, f.text); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(s.out, base)
	return err
}

func writeNew(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

type dnssecImportCmd struct {
	dnssecZone
	File string `arg:"" help:"One of the key's two files, or what their names begin with."`
	Role string `help:"csk for a key that signs everything; otherwise the key's flags say." placeholder:"ROLE"`
}

// Help shows an example.
func (*dnssecImportCmd) Help() string {
	return "The token needs Account Settings Write beside DNS Write.\n\nExample: headwater zone dnssec import example.com Kexample.com.+013+12345"
}

// Run sends both files.
func (c *dnssecImportCmd) Run(ctx context.Context, s *streams) error {
	base := strings.TrimSuffix(strings.TrimSuffix(c.File, ".key"), ".private")
	in := map[string]string{}
	for name, ext := range map[string]string{"public": ".key", "private": ".private"} {
		text, err := os.ReadFile(base + ext)
		if err != nil {
			return err
		}
		in[name] = string(text)
	}
	if c.Role != "" {
		in["role"] = c.Role
	}
	return c.change(ctx, s, http.MethodPost, "/keys", in)
}
