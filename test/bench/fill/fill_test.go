package fill_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/test/bench/fill"
	"github.com/headwaterdns/headwater/test/node"
)

const zones, records = 300, 8

// A server that is started on a filled store, or on its copy in the other engine, serves what the zone files say.
func TestFilledStoreIsServed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := fill.Fill(t.Context(), fill.Config{Data: dir, Zones: zones, Records: records, Token: node.Token}); err != nil {
		t.Fatal(err)
	}
	postgres := pgtest.Start(t).Database(t)
	if err := fill.Copy(t.Context(), dir, postgres); err != nil {
		t.Fatal(err)
	}
	for engine, flags := range map[string][]string{"sqlite": nil, "postgres": {"--database", postgres}} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			n, err := node.Start(dir, flags...)
			if err != nil {
				t.Fatal(err)
			}
			defer n.Kill()
			for _, i := range []int{0, 1, zones / 2, zones - 1} {
				compare(t, n.DNS.String(), i)
			}
		})
	}
}

// compare asks for every RRset of a zone file.
func compare(t *testing.T, server string, i int) {
	t.Helper()
	var file bytes.Buffer
	if err := fill.WriteZoneFile(&file, i, records); err != nil {
		t.Fatal(err)
	}
	type set struct {
		owner string
		typ   uint16
	}
	want := map[set][]string{}
	z := dns.NewZoneParser(&file, "", "")
	total := 0
	for r, ok := z.Next(); ok; r, ok = z.Next() {
		k := set{r.Header().Name, r.Header().Rrtype}
		want[k] = append(want[k], data(r))
		total++
	}
	if err := z.Err(); err != nil || total != records+3 {
		t.Fatalf("%s: %d records, %v", fill.Name(i), total, err)
	}
	client := &dns.Client{Net: "tcp"}
	for k, w := range want {
		m, _, err := client.ExchangeContext(t.Context(), new(dns.Msg).SetQuestion(k.owner, k.typ), server)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range m.Answer {
			got = append(got, data(r))
		}
		slices.Sort(got)
		slices.Sort(w)
		if d := cmp.Diff(w, got); d != "" {
			t.Errorf("%s %s (-file +server):\n%s", k.owner, dns.TypeToString[k.typ], d)
		}
	}
}

// data is a record's text without its ttl; of an SOA only the owner, for its serial is the server's choice.
func data(r dns.RR) string {
	if r.Header().Rrtype == dns.TypeSOA {
		return strings.ToLower(r.Header().Name)
	}
	return strings.TrimPrefix(r.String(), r.Header().String())
}
