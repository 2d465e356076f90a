package record

import (
	"slices"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// FuzzFileComment writes a record's comment and tags into a zone file and reads them back.
func FuzzFileComment(f *testing.F) {
	f.Add("a comment", "name:value", "other", true, uint8(0))
	f.Add(" cf_tags= ", "a:cf_tags=x", `b:"q",\`, false, uint8(7))
	f.Add("cf_tags=", "", "", false, uint8(1))
	f.Add("; ( ) \" \\", "x: lead", "tab:\t", true, uint8(2))
	f.Add("x cf_tags=cf-proxied:true", "y:\u2028", "z:<&>", false, uint8(4))
	zone := wire.MustName("example.com")
	f.Fuzz(func(t *testing.T, comment, tag1, tag2 string, proxied bool, settings uint8) {
		r := model.Record{
			Name: zone, Type: wire.TypeA, Content: "192.0.2.1", RData: []byte{192, 0, 2, 1}, TTL: 1, Proxied: proxied, Comment: comment,
			Settings: model.RecordSettings{IPv4Only: settings&1 != 0, IPv6Only: settings&3 == 2},
		}
		for _, tag := range []string{tag1, tag2} {
			if tag != "" {
				r.Tags = append(r.Tags, tag)
			}
		}
		if rules.Record(zone, &r) != nil {
			return // no client can make such a record
		}
		var file strings.Builder
		w := rr.NewWriter(&file)
		if err := w.Write(r.Name, r.Type, r.TTL, r.RData, FileComment(&r, zone)); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		e, err := rr.NewReader(strings.NewReader(file.String()), zone).Next()
		if err != nil {
			t.Fatalf("%q: %v", file.String(), err)
		}
		var got model.Record
		if decided := ReadComment(e.Comment, &got); !decided {
			t.Errorf("%q does not say whether the record is proxied", file.String())
		}
		if got.Comment != r.Comment || !slices.Equal(got.Tags, r.Tags) || got.Proxied != r.Proxied || got.Settings != r.Settings {
			t.Errorf("%q reads as %+v, want %+v", file.String(), got, r)
		}
	})
}
