package model

import "time"

// EventKind says what an event is of.
type EventKind uint8

// The kinds of events.
const (
	EventZone      EventKind = 1 // a journal entry of a zone
	EventAccount   EventKind = 2 // one of an account
	EventSecondary EventKind = 3 // a linked peer of a zone stands otherwise, or holds another serial
	EventAlarm     EventKind = 4 // an alarm has changed
)

// Event is something that has happened. It has a place in one of two orders, which all nodes see alike: Seq in the journal, or Log in
// the log of what nodes tell one another; the other is 0.
type Event struct {
	Kind    EventKind
	Seq     Seq
	Log     uint64
	Account ID
	Zone    ID // empty where it is not of one
	At      time.Time

	// Of EventZone and EventAccount.
	What   EventWhat
	Serial uint32

	Secondary *SecondaryMoved // of EventSecondary
	Alarm     *Alarm          // of EventAlarm
}

// EventWhat is what a journal entry did.
type EventWhat string

// What journal entries do.
const (
	ZoneCreated   EventWhat = "created"
	ZonePublished EventWhat = "published" // another version
	ZoneReplaced  EventWhat = "replaced"  // other contents as a whole
	ZoneLinks     EventWhat = "links"     // its peers, or whether it is transferred
	ZoneRemoved   EventWhat = "removed"
	ZoneNotify    EventWhat = "notify" // a NOTIFY was asked for
	AccountRules  EventWhat = "access" // keys, peers and ACLs of an account
)

// SecondaryMoved is how a linked peer of a zone stands, as package watch has it, and how it stood before.
type SecondaryMoved struct {
	Peer     ID
	PeerName string
	State    string
	Was      string `json:",omitempty"`
	Cause    string `json:",omitempty"`
	Serial   uint32
	Known    bool // Serial means something
}

// EventLog is a part of the log of what nodes tell one another.
type EventLog struct {
	Events []Event
	Head   uint64 // the log's newest position
	Rights uint64 // changes whenever somebody may do more or less than before
}
