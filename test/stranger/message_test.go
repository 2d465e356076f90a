package stranger

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// question is a query for a name and type.
func question(id int, name string, t wire.Type) []byte {
	msg := []byte{byte(id >> 8), byte(id), 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	msg = append(msg, wire.MustName(name)...)
	msg = binary.BigEndian.AppendUint16(msg, uint16(t))
	return append(msg, 0, 1)
}

// transfer asks for a zone that is there, or one that is not.
func transfer(i int) []byte {
	return question(i, []string{"honest.example", "mallory.example", "nowhere.example"}[i%3], wire.TypeAXFR)
}

// message is what a stranger may send in a datagram.
func message(i int) []byte {
	switch i % 4 {
	case 0:
		return transfer(i)
	case 1: // signed with a key that never was
		key := &tsig.Key{Name: wire.MustName(fmt.Sprintf("k%d.nowhere", i%1000)), Algorithm: tsig.HMACSHA256, Secret: make([]byte, 32)}
		return tsig.NewClient(key).Sign(question(i, "honest.example", wire.TypeIXFR), 0, time.Now())
	case 2: // a name that is in no zone
		return question(i, fmt.Sprintf("x%d.elsewhere.example", i), wire.TypeA)
	default: // what is no message at all
		msg := question(i, "honest.example", wire.TypeA)
		return msg[:12+i%8]
	}
}
