package notify

import (
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/trust"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// TestLinesOfOneAccount: an account whose peers do not speak TLS holds its share of the lines, and another gets one.
func TestLinesOfOneAccount(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp4", "127.0.0.1:0") // which never says a word
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	db := zone.NewDB(0)
	for _, account := range []string{"a", "b"} {
		db.SetAccount(&zone.Account{ID: account})
		apex := wire.MustName(account + ".test")
		v, err := zone.Build(apex, []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{append([]byte("\x02ns\x00\x01h\x00"), make([]byte, 20)...)}}})
		if err != nil {
			t.Fatal(err)
		}
		db.Reset("zone of "+account, account, 1, v, v, zone.Links{}, nil)
	}
	s := New(Config{DB: db})
	var l lines
	l.open(t.Context(), s, nil)
	defer l.close()
	send := func(account string, i int) error {
		return l.send(&message{
			task: &task{zone: "zone of " + account}, to: silent.Addr().(*net.TCPAddr).AddrPort(), by: zone.Notify{TLS: true, Who: trust.Server{Name: fmt.Sprint(i)}},
		})
	}
	for i := range lineEach {
		if err := send("a", i); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := send("a", lineEach); !errors.Is(err, errLines) {
		t.Errorf("one more: %v", err)
	}
	if err := send("a", 0); err != nil {
		t.Errorf("on a line that is there: %v", err)
	}
	if err := send("b", 0); err != nil {
		t.Errorf("another account: %v", err)
	}
}
