package parent

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Errors of answers.
var (
	errLame     = errors.New("it answers, but is no authority for the parent zone")
	errChild    = errors.New("it answers from the zone itself, not from its parent")
	errNoProof  = errors.New("it shows neither DS records nor that there are none")
	errNoServer = errors.New("no name servers are known")
)

// parse reads a whole message. Records of other classes are left out.
func parse(msg []byte) (*wire.Reader, []wire.Record, error) {
	r, err := wire.NewReader(msg)
	if err != nil {
		return nil, nil, fmt.Errorf("read response: %w", err)
	}
	var all []wire.Record
	for rec := (wire.Record{}); r.Next(&rec); {
		if rec.Class == wire.ClassIN {
			all = append(all, rec)
		}
	}
	if err := r.Err(); err != nil {
		return nil, nil, fmt.Errorf("read response: %w", err)
	}
	return r, all, nil
}

// apex is the owner of the SOA that a denial brings.
func apex(all []wire.Record) (wire.Name, bool) {
	for i := range all {
		if all[i].Section == wire.SectionAuthority && all[i].Type == wire.TypeSOA {
			return all[i].Owner, true
		}
	}
	return "", false
}

// readDS takes a DS RRset, or the proof that there is none, from what a server of the parent answers. The name may not even
// exist there: then nobody finds the zone, nor a DS of it. What only its own zone denies (many servers have both) is not the
// parent's word, and what another zone denies is no answer.
func readDS(msg []byte, zone, parent wire.Name) (ds [][]byte, ttl uint32, err error) {
	r, all, err := parse(msg)
	if err != nil {
		return nil, 0, err
	}
	if code := r.Rcode(); code != wire.RcodeNoError && code != wire.RcodeNXDomain {
		return nil, 0, fmt.Errorf("it answers %s", code)
	}
	if r.Flags()&wire.FlagAA == 0 {
		return nil, 0, errLame
	}
	for i := range all {
		if rec := &all[i]; rec.Section == wire.SectionAnswer && rec.Type == wire.TypeDS && rec.Owner == zone {
			ds, ttl = append(ds, bytes.Clone(rec.RData)), max(ttl, rec.TTL)
		}
	}
	if len(ds) > 0 {
		slices.SortFunc(ds, bytes.Compare)
		return slices.CompactFunc(ds, bytes.Equal), ttl, nil
	}
	switch denied, ok := apex(all); {
	case !ok:
		return nil, 0, errNoProof
	case denied == zone:
		return nil, 0, errChild
	case denied != parent:
		return nil, 0, fmt.Errorf("it answers from the zone %s", denied)
	}
	return nil, 0, nil
}

// readNS takes the name servers of a zone from a referral of its parent. What a server answers of the zone itself is not the parent's word.
func readNS(msg []byte, zone, parent wire.Name) (out []wire.Name, err error) {
	r, all, err := parse(msg)
	if err != nil {
		return nil, err
	}
	if code := r.Rcode(); code != wire.RcodeNoError && code != wire.RcodeNXDomain {
		return nil, fmt.Errorf("it answers %s", code)
	}
	for i := range all {
		rec := &all[i]
		if rec.Type != wire.TypeNS || rec.Owner != zone {
			continue
		}
		if rec.Section == wire.SectionAnswer {
			return nil, errChild
		}
		if target, err := r.Expand(nil, rec); err == nil && rec.Section == wire.SectionAuthority {
			wire.FoldName(target)
			out = append(out, wire.Name(target))
		}
	}
	if len(out) > 0 {
		slices.Sort(out)
		return slices.Compact(out), nil
	}
	switch denied, ok := apex(all); {
	case !ok || r.Flags()&wire.FlagAA == 0:
		return nil, errLame
	case denied == zone:
		return nil, errChild
	case denied != parent:
		return nil, fmt.Errorf("it answers from the zone %s", denied)
	}
	return nil, nil
}

// servers are the targets of a name's NS RRset in an answer section.
func servers(r *wire.Reader, all []wire.Record, name wire.Name) (out []wire.Name) {
	for i := range all {
		rec := &all[i]
		if rec.Section != wire.SectionAnswer || rec.Type != wire.TypeNS || rec.Owner != name {
			continue
		}
		if target, err := r.Expand(nil, rec); err == nil {
			out = append(out, wire.Name(target))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
