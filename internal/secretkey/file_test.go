package secretkey_test

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/headwaterdns/headwater/internal/secretkey"
)

// Who else may read a key's file may read everything: such a key is refused, in whatever way it is exposed.
func TestExposedFilesAreRefused(t *testing.T) {
	t.Parallel()
	for mode, exposed := range map[os.FileMode]bool{
		0o600: false, 0o400: false, 0o700: false, 0o604: true, 0o640: true, 0o644: true, 0o602: true, 0o660: true, 0o666: true, 0o777: true, 0o601: true,
	} {
		file := filepath.Join(t.TempDir(), "secret.key")
		if err := os.WriteFile(file, []byte(base64.StdEncoding.EncodeToString(make([]byte, 32))+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := secretkey.Read("", file); errors.Is(err, secretkey.ErrExposed) != exposed || (err != nil) != exposed {
			t.Errorf("mode %04o: %v, want it refused: %t", mode, err, exposed)
		}
	}
}
