package watch

import (
	"time"

	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// State says how a secondary stands, by cause: what an operator does about it differs.
type State string

// The states.
const (
	InStep      State = "in_step"     // it has our serial
	Behind      State = "behind"      // it has an older one
	Ahead       State = "ahead"       // it has a newer one, and takes nothing from us until ours has passed it
	Refuses     State = "refuses"     // it answers with an error
	WrongKey    State = "wrong_key"   // it and we do not agree on how requests are signed
	NoZone      State = "no_zone"     // it answers, but does not have the zone
	Unreachable State = "unreachable" // it does not answer
	NoAddress   State = "no_address"  // there is nothing to reach it by
	Unknown     State = "unknown"     // nothing was heard of it yet
	Differs     State = "differs"     // it has our serial, and other contents
)

// States lists them all.
func States() []State {
	return []State{InStep, Behind, Ahead, Refuses, WrongKey, NoZone, Unreachable, NoAddress, Unknown, Differs}
}

// trouble is what is wrong, if something is, in words that stay the same while it stays the same.
type trouble struct {
	State State
	Text  string
	Code  wire.Rcode // of an answer
}

func (t trouble) none() bool { return t.State == "" }

// standing compares a serial that a server holds with ours (RFC 1982).
func standing(theirs, ours uint32) State {
	switch {
	case theirs == ours:
		return InStep
	case wire.SerialNewer(theirs, ours):
		return Ahead
	}
	return Behind
}

// state is how a peer stands, and why it is not in step. Who answers with our serial is in step whatever else was seen.
// Of one that is not, the key comes first: a secondary that cannot get the zone for it answers SERVFAIL or an old serial.
func (r *record) state(ours uint32, hasAddr bool) (State, string) {
	answers := r.known && r.probe.none()
	if answers && r.serial == ours {
		if what, is := r.differs(ours); is {
			return Differs, what
		}
		return InStep, ""
	}
	if key := r.keyTrouble(); !key.none() {
		return key.State, key.Text
	}
	told := r.told()
	switch {
	case answers:
		return standing(r.serial, ours), told.Text
	case !hasAddr:
		return NoAddress, "the peer has no address: it is neither told of changes nor asked"
	case r.probe.none() && told.none():
		return Unknown, ""
	case r.probe.none():
		return told.State, told.Text
	case r.probe.Code == wire.RcodeRefused && (told.State == NoZone || told.State == Refuses):
		// Servers that do not have a zone refuse what is asked of it; NOTIFY they answer NOTAUTH, or REFUSED (PowerDNS).
		return NoZone, r.probe.Text + ", and " + told.Text
	}
	return r.probe.State, r.probe.Text
}

// keyTrouble is what is wrong with the signatures that pass between us, unless they have been right since.
func (r *record) keyTrouble() trouble {
	if f := r.refusal; f != nil && f.Cause.AboutKey() && len(f.Client.OneOf) == 0 && r.refusalOn.After(r.good) {
		return trouble{State: WrongKey, Text: f.Reason}
	}
	if t := r.told(); t.State == WrongKey {
		return t
	}
	return trouble{}
}

// told is what is wrong with the last NOTIFY.
func (r *record) told() trouble {
	s := &r.status
	if !r.toldOn.After(r.good) {
		return trouble{}
	}
	text := "NOTIFY: " + s.Answer
	switch s.Outcome {
	case notify.BadKey:
		return trouble{State: WrongKey, Text: text}
	case notify.NoZone:
		return trouble{State: NoZone, Text: text + ", it is no secondary of the zone"}
	case notify.Refused:
		return trouble{State: Refuses, Text: text}
	case notify.Unsent:
		return trouble{State: Unreachable, Text: text}
	case notify.Waiting, notify.Accepted:
	}
	return trouble{}
}

// heard notes that something that needs the key, or the zone, went well.
func (r *record) heard(now time.Time) { r.good = now }
