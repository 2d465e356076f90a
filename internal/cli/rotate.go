package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/node"
	"github.com/headwaterdns/headwater/internal/secretkey"
)

type rotateSecretCmd struct{ storeFlags }

// Help shows an example.
func (*rotateSecretCmd) Help() string {
	return "Encrypts all secrets with a new key. The file of the key has both, the new one first, until that is done; what breaks off is done again. " +
		"With the embedded store the server must be stopped, and so must all nodes on PostgreSQL, unless each of them has a file with both keys already. " +
		"People have to sign in again. Backups made before need the key that they were made under.\n\n" +
		"Example: headwater rotate-secret --data /var/lib/headwater"
}

var (
	errByValue = errors.New("the secret key does not come by a file: give both, the new one first, with a comma between, to every node and to this command")
	errNodes   = errors.New("nodes run on this database and have the old key alone: stop them, or give each of them a file with both keys first, the new one in the first line")
)

// Run rotates.
func (c *rotateSecretCmd) Run(ctx context.Context, s *streams) error {
	st, cfg, err := c.openWith(ctx, store.Config{Existing: true})
	if errors.Is(err, store.ErrInUse) {
		return fmt.Errorf("a server runs on this data directory: stop it, do this again, and start it: %w", err)
	}
	if err != nil {
		return err
	}
	defer handOver(c.Data)
	defer st.Close()
	keys, err := c.keys(ctx, st, cfg)
	if err != nil {
		return err
	}
	n, err := st.Reseal(ctx, keys.Current())
	if err != nil {
		return fmt.Errorf("not done, either key opens the store; do this again: %w", err)
	}
	if cfg.SecretKey != "" {
		_, err = fmt.Fprintf(s.out, "%d secrets encrypted anew; the first key alone is needed from now on\n", n)
		return err
	}
	if err := secretkey.Write(cfg.KeyFile(), keys[:1]); err != nil {
		return fmt.Errorf("everything is encrypted with the new key, the first in %s, and the older one cannot be taken out of the file: %w", cfg.KeyFile(), err)
	}
	_, err = fmt.Fprintf(s.out, "%d secrets encrypted anew; %s has the new key: keep a copy of it, and the old one for as long as its backups\n", n, cfg.KeyFile())
	return err
}

// keys are the new key and the older ones. Where there is none yet it is made, and in the file before anything uses it.
func (c *rotateSecretCmd) keys(ctx context.Context, st *store.Store, cfg *node.Config) (secretkey.Keys, error) {
	keys, err := cfg.FindKeys()
	if err != nil || len(keys) > 1 {
		return keys, err
	}
	if cfg.SecretKey != "" {
		return nil, errByValue
	}
	if n, err := st.Nodes(ctx); err != nil {
		return nil, err
	} else if n > 0 {
		return nil, errNodes
	}
	keys = append(secretkey.Keys{secretkey.New()}, keys...)
	return keys, secretkey.Write(cfg.KeyFile(), keys)
}
