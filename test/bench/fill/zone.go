package fill

import (
	"bufio"
	"fmt"
	"io"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Name is the apex of zone i, without final dot.
func Name(i int) string { return fmt.Sprintf("z%07d.example", i) }

// NameServers are assigned to every zone; a zone file has them as its NS records.
func NameServers() []string { return []string{"ns1.fill.example", "ns2.fill.example"} }

// Record is one record of a zone. Owner is relative to the apex; empty is the apex itself.
type Record struct{ Owner, Type, Data string }

// Records lists the first n records of zone i, beside its SOA and NS records: addresses, a mail exchanger and a text at
// the apex and at www, then hosts.
func Records(i, n int) []Record {
	v4 := func(k int) string { return fmt.Sprintf("10.%d.%d.%d", i>>8&255, i&255, k&255) }
	first := []Record{
		{"", "A", v4(1)},
		{"www", "A", v4(2)},
		{"", "MX", "10 mail." + Name(i)},
		{"mail", "A", v4(3)},
		{"", "TXT", `"v=spf1 mx -all"`},
		{"www", "AAAA", fmt.Sprintf("2001:db8::%x:%x", i>>16, i&0xffff)},
	}
	for k := len(first); k < n; k++ {
		first = append(first, Record{fmt.Sprintf("host%d", k), "A", v4(k)})
	}
	return first[:n]
}

// Probe is the name in zone i of its first record, and that record's RDATA: what a server that holds the zone answers to
// a question for an address.
func Probe(i int) (name wire.Name, address []byte) {
	return wire.MustName(Name(i)), []byte{10, byte(i >> 8), byte(i), 1}
}

// WriteZoneFile writes zone i with n records as a zone file that any server reads.
func WriteZoneFile(w io.Writer, i, n int) error {
	b := bufio.NewWriter(w)
	ns := NameServers()
	fmt.Fprintf(b, "$ORIGIN %s.\n$TTL 300\n@ 3600 IN SOA %s. hostmaster %d 10000 2400 604800 1800\n", Name(i), ns[0], firstSerial)
	for _, s := range ns {
		fmt.Fprintf(b, "@ 86400 IN NS %s.\n", s)
	}
	for _, r := range Records(i, n) {
		owner, data := r.Owner, r.Data
		if owner == "" {
			owner = "@"
		}
		if r.Type == "MX" {
			data += "."
		}
		fmt.Fprintf(b, "%s IN %s %s\n", owner, r.Type, data)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write zone file: %w", err)
	}
	return nil
}

// firstSerial stands in zone files; a server of ours takes the time.
const firstSerial = 2026010101

// rows makes the records of zone i as an import would.
func rows(i, n int, apex wire.Name) ([]model.Edit, error) {
	edits := make([]model.Edit, 0, n)
	for _, r := range Records(i, n) {
		typ, err := wire.ParseType(r.Type)
		if err != nil {
			return nil, fmt.Errorf("record type %q: %w", r.Type, err)
		}
		data, err := rr.ParseData(typ, r.Data, wire.Root)
		if err != nil {
			return nil, fmt.Errorf("record data %q: %w", r.Data, err)
		}
		rec := model.Record{Name: apex, Type: typ, Content: r.Data, RData: data, TTL: 1}
		if r.Owner != "" {
			rec.Name = wire.MustName(r.Owner + "." + apex.Host())
		}
		if typ == wire.TypeMX {
			priority := uint16(10)
			rec.Priority, rec.Content = &priority, r.Data[len("10 "):]
		}
		edits = append(edits, model.AddRecord{Record: rec, SkipIdentical: true})
	}
	return edits, nil
}
