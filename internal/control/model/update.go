package model

import (
	"slices"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// UpdatePolicy lets a TSIG change some of a zone's records by messages of opcode UPDATE (RFC 2136). Several of one zone add up.
type UpdatePolicy struct {
	ID    ID
	TSIG  ID // of the zone's account
	Names []UpdateName
	// Types are those that may be changed. Without any it is all but Except, and but those of which rules.UpdateNamed says that they
	// have to be named.
	Types, Except     []wire.Type
	Comment           string
	Created, Modified time.Time
}

// ContextUpdate is the context of an Actor who is a key, named where users have their e-mail.
const ContextUpdate = "dns_update"

// UpdateName is which names a policy is about.
type UpdateName struct {
	Match UpdateMatch
	// Name is a name in host form, or, for MatchWildcard, one with a label "*", which stands for one label or more; empty for MatchSelf.
	Name string
}

// UpdateMatch is how a name of a policy is meant.
type UpdateMatch string

// The ways of matching.
const (
	MatchExact    UpdateMatch = "exact"
	MatchSubtree  UpdateMatch = "subtree" // the name and all below it
	MatchWildcard UpdateMatch = "wildcard"
	MatchSelf     UpdateMatch = "self" // the name of the key
)

// Clone is a copy that shares nothing with the policy.
func (p *UpdatePolicy) Clone() UpdatePolicy {
	c := *p
	c.Names, c.Types, c.Except = slices.Clone(p.Names), slices.Clone(p.Types), slices.Clone(p.Except)
	return c
}

// Facts are what the audit log tells of the policy.
func (p *UpdatePolicy) Facts() AuditFacts {
	var names []string
	for _, n := range p.Names {
		names = append(names, strings.TrimSpace(string(n.Match)+" "+n.Name))
	}
	out := AuditFacts{{Name: "tsig_id", Text: string(p.TSIG)}, {Name: "names", Text: strings.Join(names, ", ")}}
	for _, list := range []struct {
		name  string
		types []wire.Type
	}{{"types", p.Types}, {"types_except", p.Except}} {
		var words []string
		for _, t := range list.types {
			words = append(words, t.String())
		}
		if len(words) > 0 {
			out = append(out, AuditFact{Name: list.name, Text: strings.Join(words, ", ")})
		}
	}
	if p.Comment != "" {
		out = append(out, AuditFact{Name: "comment", Text: p.Comment})
	}
	return out
}

// UpdatePolicyOf reads what Facts has told; false: it is not that. Times are not told.
func UpdatePolicyOf(id ID, facts AuditFacts) (p UpdatePolicy, ok bool) {
	p.ID, ok = id, true
	types := func(text string) (out []wire.Type) {
		for word := range strings.SplitSeq(text, ", ") {
			t, err := wire.ParseType(word)
			ok = ok && err == nil
			out = append(out, t)
		}
		return out
	}
	for _, f := range facts {
		switch f.Name {
		case "tsig_id":
			p.TSIG = ID(f.Text)
		case "names":
			for word := range strings.SplitSeq(f.Text, ", ") { // a space of a name is written \032
				match, name, _ := strings.Cut(word, " ")
				p.Names = append(p.Names, UpdateName{UpdateMatch(match), name})
			}
		case "types":
			p.Types = types(f.Text)
		case "types_except":
			p.Except = types(f.Text)
		case "comment":
			p.Comment = f.Text
		}
	}
	return p, ok && p.TSIG != "" && len(p.Names) > 0
}

// PutUpdatePolicy makes a policy of the change's zone (ID empty), or replaces all of one. Times and, for a new one, the ID are set by
// commit.
type PutUpdatePolicy struct{ Policy UpdatePolicy }

// EditUpdatePolicy makes another of a policy: Apply gets it as it is inside the transaction, so that of two who change it neither is
// lost. Its error ends the change.
type EditUpdatePolicy struct {
	ID    ID
	Apply func(UpdatePolicy) (UpdatePolicy, error)
}

// DeleteUpdatePolicy removes one, unless Check has something against it; nil: it has not.
type DeleteUpdatePolicy struct {
	ID    ID
	Check func(*UpdatePolicy) error
}

// Rewrite changes a zone by what stands in it: Plan runs inside the write transaction, as an Apply does, and gives the edits that are to
// follow, of records or of the zone. Names are those that it will look at, which are read together.
type Rewrite struct {
	Names []wire.Name
	Plan  func(View) ([]Edit, error)
}

// View is a zone inside a transaction, as planned so far.
type View struct {
	Zone *Zone // not to be changed
	// Rows are the records at a name, not to be changed either.
	Rows func(wire.Name) ([]*Record, error)
	// Published are the RRsets at a name as secondaries have them, those included that the server makes itself; as of the last commit.
	Published func(wire.Name) []rr.Set
	// SOA is the zone's, with its serial.
	SOA rr.Set
	// Answered says whether a CNAME is answered as what it leads to, so that others may stand beside it.
	Answered func(*Record) bool
}

func (PutUpdatePolicy) edit()    {}
func (EditUpdatePolicy) edit()   {}
func (DeleteUpdatePolicy) edit() {}
func (Rewrite) edit()            {}
