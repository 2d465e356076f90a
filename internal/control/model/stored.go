package model

// Stored is what the store has of a zone, from one state of it: rows, image and journal beside each other. The functions read from that
// state, for as long as whoever was given it has not returned; one statement at a time. Where octets cannot be read that is ErrDamaged.
type Stored struct {
	Zone    Zone
	Account Account
	Holds   Usage // records and octets as the zone's row tells them
	Access  bool  // the state of who may transfer is there
	// HistoryLost says that the newest entry of the zone's history is not there, though older entries of its log are.
	HistoryLost bool

	Image   func() (Image, error)
	Entries func(yield func(Entry) error) error // in order
	Records func(yield func(*Record) error) error
	Keys    func() ([]ZoneKey, error)
}
