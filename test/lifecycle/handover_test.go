package lifecycle

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/test/node"
)

func engines(t *testing.T) map[string][]string {
	return map[string][]string{"sqlite": nil, "postgres": {"--database", pgtest.Start(t).Database(t)}}
}

func TestHandOver(t *testing.T) {
	t.Parallel()
	for engine, flags := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			n := node.Must(t, flags...)
			var z zone
			n.Call(t, http.MethodPost, "/zones", `{"name":"example.com"}`, &z)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			for range 2 {
				old := n.Pid()
				began := time.Now()
				if err := n.HandOver(ctx); err != nil {
					t.Fatal(err)
				}
				t.Logf("took %s", time.Since(began))
				if err := node.Gone(ctx, old); err != nil {
					t.Fatal(err)
				}
				serial := askSerial(t, n)
				n.Call(t, http.MethodPost, "/zones/"+z.ID+"/dns_records", map[string]any{"type": "TXT", "name": "t", "content": time.Now().String()}, nil)
				if after := askSerial(t, n); after <= serial {
					t.Errorf("serial %d, then %d", serial, after)
				}
			}
			if err := n.Stop(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
