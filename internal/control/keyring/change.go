package keyring

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
)

func invalid(format string, args ...any) *model.Invalid {
	return &model.Invalid{Code: model.CodeDNSSECState, Message: fmt.Sprintf(format, args...)}
}

func broken(format string, args ...any) *model.Invalid {
	return &model.Invalid{Code: model.CodeDNSSECKeys, Message: fmt.Sprintf(format, args...), Status: 500}
}

// Roll begins a roll: Steer with what is asked for, which must retire a key. An algorithm is to stand in the row already.
func Roll(row *model.Zone, keys []model.ZoneKey, f *Facts) (*Plan, error) {
	switch {
	case row.DNSSEC.Goal() != dnssec.Signed:
		return nil, invalid("Keys of a zone that is not to be signed cannot be rolled.")
	case f.Roll != 0 && !slices.ContainsFunc(keys, func(k model.ZoneKey) bool { return !k.State.Leaving && k.State.Role&f.Roll == f.Roll }):
		return nil, invalid("The zone has no key of that role.")
	case f.Roll == 0 && !slices.ContainsFunc(keys, func(k model.ZoneKey) bool { return k.Public.Algorithm != AlgorithmOf(&row.DNSSEC) }):
		return nil, invalid("The zone's keys have the algorithm %s already.", AlgorithmOf(&row.DNSSEC))
	}
	p, err := Steer(row, keys, f)
	if err != nil {
		return nil, err
	}
	if leaving(p.Keys) == leaving(keys) {
		return nil, busy(p.Keys)
	}
	return p, nil
}

func leaving(keys []model.ZoneKey) (n int) {
	for i := range keys {
		if keys[i].State.Leaving {
			n++
		}
	}
	return n
}

// busy says what a roll has to wait for.
func busy(keys []model.ZoneKey) *model.Invalid {
	for i := range keys {
		if k := &keys[i]; k.Wait != nil && k.Wait.For != dnssec.DSAdded {
			return invalid("The key %d still waits: %s. One roll comes after the other.", k.Public.Tag(), Words(k.Wait))
		}
	}
	return invalid("A change of the zone's keys is under way. One roll comes after the other.")
}

// Words tells in few words what a key waits for.
func Words(w *dnssec.Wait) string {
	switch w.For {
	case dnssec.Signatures:
		return "the zone's signatures are being made"
	case dnssec.Servers:
		if len(w.Who) == 0 {
			return "not all servers have been seen with the newest version"
		}
		return "not all servers have been seen with the newest version: " + strings.Join(w.Who, ", ")
	case dnssec.Caches:
		return "what was before may be in caches until " + w.Until.UTC().Format("2006-01-02 15:04 UTC")
	case dnssec.DSAdded:
		return "the parent does not show its DS record everywhere"
	case dnssec.DSRemoved:
		return "the parent still shows its DS record"
	case dnssec.Others:
	}
	return "other keys come first"
}

// Import gives a zone a key that was made elsewhere, which takes the place of the others of its role.
func Import(row *model.Zone, keys []model.ZoneKey, in *model.ImportKey, f *Facts) (*Plan, error) {
	k := in.Key
	switch {
	case in.Role == 0 || in.Role&^(dnssec.KSK|dnssec.ZSK) != 0:
		return nil, invalid("A key signs keys, records, or both.")
	case (in.Role&dnssec.KSK != 0) != k.SEP():
		return nil, invalid("A key that the parent is to name has the flags 257, and one for records alone 256; this one has %d.", k.Flags)
	case (len(keys) > 0 || row.DNSSEC.Algorithm != 0) && k.Algorithm != AlgorithmOf(&row.DNSSEC):
		return nil, invalid("The key's algorithm is %s, that of the zone %s. A zone changes its algorithm by a roll.", k.Algorithm, AlgorithmOf(&row.DNSSEC))
	}
	if err := k.Clashes(append(publics(keys), f.Others...)); err != nil {
		return nil, invalid("The key cannot stand beside those that the zone has: %v.", err)
	}
	made, err := rowOf(k, in.Role, row.ID, f)
	if err != nil {
		return nil, err
	}
	made.Imported = true
	used := Used(keys)
	next := slices.Clone(keys)
	if used {
		for i := range keys {
			if w := keys[i].Wait; keys[i].State.Leaving || w != nil && w.For != dnssec.DSAdded {
				return nil, busy(keys)
			}
		}
	}
	for i := range next {
		if next[i].State.Role&in.Role != 0 {
			if !used {
				return nil, invalid("The zone has the key %d of that role already.", next[i].Public.Tag())
			}
			next[i].State.Leaving = true
		}
	}
	p, err := Steer(row, append(next, made), f)
	if err == nil {
		p.Written = true
	}
	return p, err
}

// Drop removes a key that is nowhere any more, or nowhere yet.
func Drop(keys []model.ZoneKey, id model.ID) (*Plan, error) {
	p := &Plan{Keys: slices.Clone(keys), Gone: []model.ID{id}, Written: true}
	i := p.find(string(id))
	if i < 0 {
		return nil, fmt.Errorf("key %s: %w", id, model.ErrNotFound)
	}
	k := &p.Keys[i]
	if Used(keys[i : i+1]) {
		if k.Wait != nil {
			return nil, invalid("The key %d is in the zone, or may be expected there: %s.", k.Public.Tag(), Words(k.Wait))
		}
		return nil, invalid("The key %d is in the zone. Roll it, and it goes by itself when nobody expects it any more.", k.Public.Tag())
	}
	p.Keys = slices.Delete(p.Keys, i, i+1)
	return p, nil
}

// SeenDS notes what somebody says of a key's DS record.
func SeenDS(keys []model.ZoneKey, in model.SeenDS, f *Facts) ([]model.ZoneKey, error) {
	out := slices.Clone(keys)
	i := slices.IndexFunc(out, func(k model.ZoneKey) bool { return k.ID == in.Key })
	if i < 0 {
		return nil, fmt.Errorf("key %s: %w", in.Key, model.ErrNotFound)
	}
	k := &out[i]
	if k.State.Role&dnssec.KSK == 0 {
		return nil, invalid("The key %d signs no keys: no DS record names it.", k.Public.Tag())
	}
	if in.There && !k.State.Marks[dnssec.Published].On {
		return nil, invalid("The key %d is not in the zone yet: a DS record of it would break the zone.", k.Public.Tag())
	}
	if k.DS.Everywhere != in.There || k.DS.Somewhere != in.There {
		k.DS = dnssec.DSFact{Everywhere: in.There, Somewhere: in.There, Since: f.Now}
	}
	return out, nil
}

// Fault turns what package dnssec says of a key into what is told to who sent it; nil for what is no fault of theirs.
func Fault(err error) *model.Invalid {
	for _, known := range []error{dnssec.ErrForeign, dnssec.ErrPair, dnssec.ErrFile, dnssec.ErrKey, dnssec.ErrAlgorithm, dnssec.ErrTag, dnssec.ErrTwice} {
		if errors.Is(err, known) {
			return invalid("The key cannot be taken: %v.", err)
		}
	}
	return nil
}
