package node

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"github.com/headwaterdns/headwater/internal/secretkey"
)

// Credential is a line of what somebody has to keep.
type Credential struct{ Name, Value string }

// Show hands credentials over: to a terminal as text, and where out is none, because it may end up in a log, in a file that
// nobody else can read, of which out tells. With force they go to the file in any case. When Show returns without an error they
// are there for good.
func Show(out io.Writer, file string, force bool, title string, list []Credential) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\n", title)
	for _, c := range list {
		fmt.Fprintf(&text, "  %-10s %s\n", c.Name, c.Value)
	}
	if f, ok := out.(*os.File); ok && !force && term.IsTerminal(int(f.Fd())) {
		_, err := fmt.Fprintf(out, "\n%s\nThey are shown once; keep them.\n", &text)
		return err
	}
	at, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	if err := secretkey.WriteFile(at, text.String()); err != nil {
		return fmt.Errorf("credentials that nobody could see would be of no use (--credentials-file names another place for them): %w", err)
	}
	_, err = fmt.Fprintf(out, "\n%s They are in this file, which nobody else can read; keep them and remove it:\n\n  %s\n", title, at)
	return err
}
