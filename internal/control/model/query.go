package model

// Op is how a filter compares. All comparisons fold ASCII case.
type Op uint8

// The filter operators of the contract, sections 4.2 and 5.10.
const (
	OpExact Op = iota
	OpContains
	OpStartsWith
	OpEndsWith
	OpPresent
	OpAbsent
	OpNotEqual
	OpExactCase
	OpNotEqualCase
	OpContainsCase
	OpStartsWithCase
	OpEndsWithCase
)

// Filter is one condition on a named field. One on content also holds where white space comes in other runs, and, of TXT,
// for the same text quoted or bare.
type Filter struct {
	Field string // records: name, content, type, proxied, comment; zones: name, account.name, …
	Op    Op
	Value string
	Also  []string // content: other spellings of Value, any of which suffices
	RData []byte   // content: RDATA of a TXT record that suffices, too
}

// TagFilter is one condition on a record's tags: Name alone, or the value part of the tag called Name.
type TagFilter struct {
	Name  string
	Op    Op
	Value string
}

// RecordQuery selects and orders the records of one zone. Name filters are in host form (lower-case A-labels, no final
// dot); type is a mnemonic or TYPEnnn; proxied is "true" or "false". The id is always the last sort key.
type RecordQuery struct {
	Filters []Filter
	Any     bool     // filters are joined by or
	Only    []Filter // joined to the rest by and: what may be seen at all
	Tags    []TagFilter
	AnyTag  bool
	Search  string // substring of name, content, comment or tags, joined to the rest by and
	// SearchName is how Search is looked for in names, where that differs: in A-labels.
	SearchName string
	Order      string // type, name, content, ttl, proxied; empty is type
	Desc       bool
	Offset     int
	Limit      int // 0 is no limit
}

// pointed says that a filter has an order of the store's own to go by: names and ids alone are kept in one.
func (f *Filter) pointed() bool { return f.Op == OpExact && (f.Field == "name" || f.Field == "id") }

// Searches says that what the query selects can only be found by a look at every record of the zone. Where all conditions have to
// hold, one name or id is enough to find the few among which the others select.
func (q *RecordQuery) Searches() bool {
	pointed := 0
	for i := range q.Filters {
		if q.Filters[i].pointed() {
			pointed++
		}
	}
	if q.Any && pointed < len(q.Filters) {
		return true
	}
	return pointed == 0 && (q.Search != "" || len(q.Only) > 0 || len(q.Filters) > 0)
}

// LooksThrough says that already a page of the list takes a look at every record of the zone, to find it or to order it.
func (q *RecordQuery) LooksThrough() bool {
	return q.Searches() || len(q.Filters) == 0 && (len(q.Tags) > 0 || q.Order != "name")
}

// ZoneQuery selects and orders zones. IDs and Accounts, when not nil, bound what the caller may see (either suffices).
type ZoneQuery struct {
	IDs      []ID
	Accounts []ID
	All      bool     // the caller sees every zone; IDs and Accounts are ignored
	Filters  []Filter // name, status, account.id, account.name
	Any      bool
	Search   string // substring of the name (dashboard)
	Order    string // name, status, account.id, account.name
	Desc     bool
	Offset   int
	Limit    int
}

// AuditQuery selects audit entries of one account, newest first unless Ascending.
type AuditQuery struct {
	Account       ID
	Zone          ID
	Since, Before int64    // Unix microseconds; 0 for none
	Filters       []Filter // action, actor.email, actor.id, actor.ip, resource.type, resource.id, zone.name, id, … (OpExact, OpNotEqual)
	Ascending     bool
	After         string // cursor: the (when, id) of the last entry seen
	Offset        int
	Limit         int
}

// PeerUse says which zones are linked to a peer: how many, and the first of them by name.
type PeerUse struct {
	Peer  ID
	Zones int
	First string // host form
}
