package xfr

import "github.com/headwaterdns/headwater/internal/dns/wire"

// AssembleOne feeds one message to an assembler.
func AssembleOne(msg []byte, ixfr bool, apex wire.Name) {
	src := &Source{Zone: apex}
	if ixfr {
		serial := uint32(1)
		src.Serial = &serial
	}
	a := assembler{src: src, out: &Result{}}
	if len(msg) >= 2 {
		a.id = wire.ID(msg)
	}
	_ = a.message(msg, nil)
}
