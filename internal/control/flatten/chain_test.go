package flatten

import (
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/ask"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// FuzzRead feeds any octets to the reader of responses: it ends, stays within its bounds, and never invents a type.
func FuzzRead(f *testing.F) {
	question := ask.Query(wire.MustName("a.test"), wire.TypeA, true)
	var b wire.Builder
	b.Start(nil, 1232, 7, wire.FlagQR)
	b.Question([]byte(wire.MustName("a.test")), wire.TypeA, wire.ClassIN)
	b.Append([]byte(wire.MustName("a.test")), wire.TypeCNAME, wire.ClassIN, 60, []byte(wire.MustName("b.test")))
	b.Append([]byte(wire.MustName("b.test")), wire.TypeA, wire.ClassIN, 60, []byte{192, 0, 2, 1})
	f.Add(b.Finish())
	f.Add(question)
	f.Fuzz(func(t *testing.T, msg []byte) {
		ask.Answers(msg, question, true)
		ask.Answers(msg, question, false)
		found, err := read(msg, wire.MustName("a.test"), wire.TypeA)
		if err != nil {
			return
		}
		if found.aliases > maxAliases || len(found.end) > wire.MaxName {
			t.Errorf("out of bounds: %d aliases to a name of %d octets", found.aliases, len(found.end))
		}
		for _, a := range found.addrs {
			if !a.Is4() {
				t.Errorf("an A record holds %v", a)
			}
		}
	})
}
