package model

import "time"

// Restored marks a store that may be older than what was published from it: it was restored from a backup, or a standby
// that had not received everything became the database. Zero for a store to which that never happened.
type Restored struct {
	Seq  Seq       // head of the journal then: what has not changed since may have been published with later serials
	At   time.Time // when it was marked
	Jump uint32    // how far serials jump past those of the store, JumpLeast to JumpMost; drawn anew for each mark
}

// Bounds of a jump of serials. The least is more changes than a zone sees between two backups. The most lets secondaries that
// missed some jumps still follow (RFC 1982 section 3.2: less than 2^31 in all). It is drawn from between them so that a
// backup that is restored a second time does not lead to the serials to which it led the first time.
const (
	JumpLeast = 1 << 24
	JumpMost  = 1 << 28
)

// Ever says whether there is a mark.
func (r Restored) Ever() bool { return r.Jump != 0 }
