package report_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/report"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

const agentName = "agent.example.net"

func TestRead(t *testing.T) {
	t.Parallel()
	agent := wire.MustName(agentName)
	for name, want := range map[string]string{
		"_er.1.broken.test.7._er." + agentName:        "broken.test. A 7", // RFC 9567 section 4.1
		"_er.28-1.www.broken.test.9._er." + agentName: "www.broken.test. AAAA 9",
		"_er.257.7._er." + agentName:                  ". CAA 7",
		"_er.1.7.7._er." + agentName:                  "7. A 7",
		"_er._er.1.7._er." + agentName:                "",
		"_er.1.broken.test.x._er." + agentName:        "",
		"_er.A.broken.test.7._er." + agentName:        "",
		"_er.70000.broken.test.7._er." + agentName:    "",
		"_er.1.broken.test.70000._er." + agentName:    "",
		"_er.7._er." + agentName:                      "",
		"1.broken.test.7._er." + agentName:            "",
		"_er." + agentName:                            "",
		agentName:                                     "",
		"_er.1.broken.test.7._er.agent.example":       "",
		"_er.1.broken.test.7.x_er." + agentName:       "",
	} {
		a, ok := report.Read([]byte(wire.MustName(name)), agent)
		got := ""
		if ok {
			got = fmt.Sprintf("%s %s %d", a.Name, a.Type, a.Code)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]bool{
		"_er." + agentName: true, "7._er." + agentName: true, agentName: false, "x_er." + agentName: false, "www." + agentName: false, "net": false,
	} {
		if got := report.Under([]byte(wire.MustName(name)), agent); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func book(t testing.TB, zones int) *report.Book {
	t.Helper()
	db := zone.NewDB(0)
	db.SetAccount(&zone.Account{ID: "a"})
	for i := range zones {
		apex := wire.MustName(fmt.Sprintf("z%d.test", i))
		soa := append([]byte("\x02ns\x00\x01h\x00"), make([]byte, 20)...)
		v, err := zone.Build(apex, []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{soa}}})
		if err != nil {
			t.Fatal(err)
		}
		db.Reset(fmt.Sprint("z", i), "a", 1, v, v, zone.Links{}, nil)
	}
	clock := time.Unix(1e9, 0)
	return report.New(report.Config{DB: db, Agent: wire.MustName(agentName), Now: func() time.Time { clock = clock.Add(time.Second); return clock }})
}

func take(b *report.Book, name string, code int) {
	b.Take([]byte(wire.MustName(fmt.Sprintf("_er.1.%s.%d._er.%s", name, code, agentName))), netip.MustParseAddr("192.0.2.1"))
}

// The same is counted, and what is new makes room for itself; whatever comes, what is kept is bounded, and so are the counters' labels.
func TestBounds(t *testing.T) {
	t.Parallel()
	b := book(t, 2)
	for range 3 {
		take(b, "www.z0.test", 7)
	}
	take(b, "elsewhere.test", 7)
	list, total, _ := b.Of("z0")
	if len(list) != 1 || list[0].Count != 3 || total != 3 || !list[0].Last.After(list[0].First) || list[0].From.String() != "192.0.2.1" {
		t.Fatalf("%+v, %d", list, total)
	}
	for i := range 1000 {
		take(b, fmt.Sprintf("x%d.z0.test", i), i)
	}
	take(b, "y.z1.test", 9)
	list, total, dropped := b.Of("z0")
	if len(list) != 64 || total != 1003 || dropped != 1001-64 || list[0].Name != wire.MustName("x999.z0.test") {
		t.Errorf("%d kept of %d, %d dropped, first %s", len(list), total, dropped, list[0].Name)
	}
	st := b.Stats()
	if len(st.Codes) > 31 || st.Foreign != 1 || st.Codes[9] != 2 {
		t.Errorf("%+v", st)
	}
	if n := b.Forget("z0"); n != 64 {
		t.Errorf("%d forgotten", n)
	}
	if list, _, _ := b.Of("z0"); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

func TestManyZones(t *testing.T) {
	t.Parallel()
	const zones = 300
	b := book(t, zones)
	for i := range zones {
		for j := range 64 {
			take(b, fmt.Sprintf("x%d.z%d.test", j, i), 7)
		}
	}
	kept := 0
	for i := range zones {
		list, _, _ := b.Of(fmt.Sprint("z", i))
		kept += len(list)
	}
	if kept != 16384 {
		t.Errorf("%d kept", kept)
	}
	for i := range zones {
		if list, _, _ := b.Of(fmt.Sprint("z", i)); len(list) < 16 {
			t.Errorf("of zone %d are %d kept", i, len(list))
		}
	}
	// Whoever has filled it leaves room to others: what is new of a quiet zone is kept, and stays while the loud ones go on.
	b.Forget("z0")
	fill := func(word string) {
		for i := 1; i < zones; i++ {
			for j := range 64 {
				take(b, fmt.Sprintf("%s%d.z%d.test", word, j, i), 7)
			}
		}
	}
	fill("y")
	for j := range 8 {
		take(b, fmt.Sprintf("x%d.z0.test", j), 7)
	}
	fill("w")
	if list, _, _ := b.Of("z0"); len(list) != 8 {
		t.Errorf("of 8 kinds of a quiet zone %d are kept", len(list))
	}
	kept = 0
	for i := range zones {
		list, _, _ := b.Of(fmt.Sprint("z", i))
		kept += len(list)
	}
	if kept > 16384 {
		t.Errorf("%d kept", kept)
	}
}

func TestLookingAllocatesNothing(t *testing.T) {
	b := book(t, 1)
	name := []byte(wire.MustName("_er.1.broken.test.7._er." + agentName))
	if n := testing.AllocsPerRun(100, func() { b.Takes(name, wire.TypeTXT) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
