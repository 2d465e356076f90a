package zonemd_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/dns/zonemd"
)

// The zones of RFC 8976, appendix A.1 to A.3, but for the record out of the zone, which no version can have.
func TestVectors(t *testing.T) {
	t.Parallel()
	const head = "example. 86400 IN SOA ns1 admin 2018031900 1800 900 604800 86400\n@ 86400 IN NS ns1\n@ 86400 IN NS ns2\n"
	for name, tt := range map[string]struct{ zone, want string }{
		"simple": {
			head + "ns1 3600 IN A 203.0.113.63\nns2 3600 IN AAAA 2001:db8::63\n",
			"c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c",
		},
		"complex": {head + `ns1 3600 IN A 203.0.113.63
NS2           3600   IN  AAAA    2001:db8::63
occluded.sub  7200   IN  TXT     "I'm occluded but must be digested"
sub           7200   IN  NS      ns1
duplicate     300    IN  TXT     "I must be digested just once"
duplicate     300    IN  TXT     "I must be digested just once"
UPPERCASE     3600   IN  TXT     "canonicalize uppercase owner names"
*             777    IN  PTR     dont-forget-about-wildcards
mail          3600   IN  MX      20 MAIL1
mail          3600   IN  MX      10 Mail2.Example.
sortme        3600   IN  AAAA    2001:db8::5:61
sortme        3600   IN  AAAA    2001:db8::3:62
sortme        3600   IN  AAAA    2001:db8::4:63
sortme        3600   IN  AAAA    2001:db8::1:65
sortme        3600   IN  AAAA    2001:db8::2:64
non-apex      900    IN  ZONEMD  2018031900 1 1 616c6c6f776564206275742069676e6f7265642e20616c6c6f776564206275742069676e6f7265642e20616c6c6f7765
`, "a3b69bad980a3504e1cffcb0fd6397f93848071c93151f552ae2f6b1711d4bd2d8b39808226d7b9db71e34b72077f8fe"},
		"several digests": {head + `ns1 3600 IN A 203.0.113.63
ns2 86400 IN TXT "This example has multiple digests"
NS2 3600 IN AAAA 2001:db8::63
`, "62e6cf51b02e54b9b5f967d547ce43136792901f9f88e637493daaf401c92c279dd10f0edb1c56f8080211f8480ee306"},
	} {
		for _, digests := range []string{"", "@ 86400 IN ZONEMD 2018031900 1 1 " + tt.want + "\n@ 86400 IN ZONEMD 2018031900 1 240 e2d523f654b9422a96c5a8f44607bbee\n"} {
			if got := hex.EncodeToString(zonemd.Digest(read(t, tt.zone+digests))); got != tt.want {
				t.Errorf("%s: %s, want %s", name, got, tt.want)
			}
		}
	}
}

// The zones of appendix A.4 and A.5, of which the one is signed. Each has its digest in itself.
func TestPublishedZones(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"uri.arpa", "root-servers.net"} {
		text, err := os.ReadFile("testdata/" + name + ".zone")
		if err != nil {
			t.Fatal(err)
		}
		v := readZone(t, name, string(text))
		found := 0
		for _, set := range v.Sets(v.Apex()) {
			if _, want, ok := zonemd.OfRData(set.Data[0]); ok && set.Type == wire.TypeZONEMD {
				found++
				if got := zonemd.Digest(v); !bytes.Equal(got, want) {
					t.Errorf("%s: %x, want %x", name, got, want)
				}
			}
		}
		if found != 1 {
			t.Errorf("%s has %d digests", name, found)
		}
	}
}

func read(t *testing.T, text string) *zone.Version { return readZone(t, "example", text) }

func readZone(t *testing.T, name, text string) *zone.Version {
	t.Helper()
	apex := wire.MustName(name)
	var sets []rr.Set
	r := rr.NewReader(strings.NewReader(text), apex)
	for {
		x, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := x.Data()
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, rr.Set{Owner: x.Owner, Type: x.Type, TTL: x.TTL, Data: [][]byte{data}})
	}
	v, err := zone.Build(apex, sets)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
