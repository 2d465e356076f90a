package peers_test

import (
	"encoding/binary"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func soa(t testing.TB, apex wire.Name, serial uint32) rr.Set {
	t.Helper()
	data, err := rr.ParseData(wire.TypeSOA, "ns1 hostmaster 1 3600 600 604800 300", apex)
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint32(data[len(data)-20:], serial)
	return rr.Set{Owner: apex, Type: wire.TypeSOA, TTL: 3600, Data: [][]byte{data}}
}

func testKey(t testing.TB) *tsig.Key {
	t.Helper()
	k, err := tsig.NewKey("Transfer.Key.example", "hmac-sha256", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", false)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
