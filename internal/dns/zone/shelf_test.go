package zone_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// TestHistoriesHaveARoof has many zones change, come, go and be reminded of what they were: their histories together never
// take more than they may, what is counted is what there is, and those that changed last are those that are left.
func TestHistoriesHaveARoof(t *testing.T) {
	t.Parallel()
	const roof = 20_000
	r := rand.New(rand.NewPCG(1, 9))
	db := zone.NewDB(0)
	db.BoundHistories(roof)
	serials := map[string]uint32{}
	seq := uint64(0)
	build := func(name string, serial uint32) *zone.Version {
		v, err := zone.Build(wire.MustName(name), []rr.Set{soaSet(name, serial)})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	step := func(name string, from uint32) *zone.Step {
		d := zone.Delta{From: from, To: from + 1}
		for i, b := range []*[]byte{&d.Removed, &d.Added} {
			s := soaSet(name, from+uint32(i))
			*b = wire.AppendRR(nil, s.Owner, s.Type, wire.ClassIN, s.TTL, s.Data[0])
		}
		return &zone.Step{Transfer: d}
	}
	for range 20_000 {
		name := fmt.Sprintf("z%d.example", r.IntN(200))
		seq++
		z := db.ByID(name)
		switch k := r.IntN(20); {
		case z == nil || k == 0:
			serials[name] = 1
			v := build(name, 1)
			db.Reset(name, "acc", seq, v, v, zone.Links{Enabled: true}, nil)
		case k == 1:
			db.Remove(name)
		case k == 2:
			if from := z.State().History; from.Len() == 0 && serials[name] > 1 {
				db.Remember(name, []*zone.Delta{&step(name, serials[name]-1).Transfer})
			}
		default:
			if _, err := db.Step(name, seq, step(name, serials[name])); err != nil {
				t.Fatal(err)
			}
			serials[name]++
			if n := db.ByID(name).State().History.Len(); n == 0 {
				t.Fatal("a zone that has just changed has no history")
			}
		}
		sum := 0
		for z := range db.All {
			sum += z.State().History.Size()
			if chain, whole := z.State().History.Since(z.State().Transfer.Serial()); !whole || len(chain) > 0 {
				t.Fatal("a history does not lead to its version")
			}
		}
		if n, most, _ := db.Histories(); n != sum || n > roof || most != roof {
			t.Fatalf("%d octets of histories are counted, there are %d, and %d may be", n, sum, roof)
		}
	}
	if _, _, evicted := db.Histories(); evicted == 0 {
		t.Error("no zone had to give its history up")
	}
}

func soaSet(name string, serial uint32) rr.Set {
	data := append([]byte("\x02ns\x00\x01h\x00"), make([]byte, 20)...)
	wire.SetSOASerial(data, serial)
	return rr.Set{Owner: wire.MustName(name), Type: wire.TypeSOA, TTL: 60, Data: [][]byte{data}}
}
