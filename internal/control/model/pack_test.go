package model_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// TestPack gives back what was put in, of every sort and size.
func TestPack(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 4))
	text := func(most int) string { return strings.Repeat("ä", r.IntN(most+1)/2) + strings.Repeat("x", r.IntN(2)) }
	var p model.Pack
	var want []*model.Record
	for i := range 5000 {
		rec := &model.Record{
			Name: wire.MustName(fmt.Sprintf("%s.h%d.example", strings.Repeat("a", 1+r.IntN(60)), i)), Type: wire.Type(r.Uint32()), TTL: r.Uint32(),
			Content: text(300), Comment: text(200), RData: []byte(text(600)), Proxied: r.IntN(2) == 0,
			Settings: model.RecordSettings{FlattenCNAME: r.IntN(2) == 0, IPv4Only: r.IntN(2) == 0, IPv6Only: r.IntN(2) == 0},
		}
		if r.IntN(2) == 0 {
			priority := uint16(r.Uint32())
			rec.Priority = &priority
		}
		for range r.IntN(4) {
			rec.Tags = append(rec.Tags, "t:"+text(20))
		}
		if i == 77 {
			rec.RData = make([]byte, 3<<20)
		}
		p.Add(rec)
		want = append(want, rec)
	}
	for i, rec := range want {
		if i%3 == 0 {
			p.Proxy(i)
			rec.Proxied = true
		}
		if got := p.Record(i); !reflect.DeepEqual(rec, got) {
			t.Fatalf("record %d of %d: %s", i, p.Len(), testkit.Diff(rec, got))
		}
		if string(p.Name(i)) != string(rec.Name) || p.Type(i) != rec.Type {
			t.Fatalf("record %d: %q %v", i, p.Name(i), p.Type(i))
		}
		seen := *rec
		seen.Content, seen.Comment, seen.Tags = "", "", nil
		if got := p.Seen(i); !reflect.DeepEqual(&seen, got) {
			t.Fatalf("record %d as the DNS sees it: %s", i, testkit.Diff(&seen, got))
		}
	}
}
