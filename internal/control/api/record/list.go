package record

import (
	"net/url"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Page sizes of records.
const (
	recordsUsual = 100
	recordsMost  = 5_000_000
	shortList    = 1000   // a longer page needs a place among what reads much
	smallZone    = 10_000 // and so does a short one for which a larger zone is looked through
)

// listRecords streams: a page may hold a million records.
func listRecords(a *api.API, q *api.Request) error {
	v := q.R.URL.Query()
	query, err := recordQuery(v, q.Zone.Name)
	if err != nil {
		return err
	}
	if query.Desc, err = q.Direction(); err != nil {
		return err
	}
	page, per, err := q.Page(recordsUsual, recordsMost)
	if err != nil {
		return err
	}
	query.Offset, query.Limit = api.Offset(page, per), per
	if q.Challenges() {
		query.Only = auth.Challenges()
	}
	long := per > shortList
	if !long && query.LooksThrough() {
		n, err := a.Store.CountRecords(q.Ctx(), q.Zone.ID, model.RecordQuery{})
		if err != nil {
			return err
		}
		long = n > smallZone
	}
	stream := func() error { return streamRecords(a, q, query, page) }
	if long {
		return q.Long(stream)
	}
	return stream()
}

func streamRecords(a *api.API, q *api.Request, query model.RecordQuery, page int) error {
	total := 0
	return q.Stream(func(yield func(any) error) (err error) {
		total, err = a.Store.PageRecords(q.Ctx(), q.Zone.ID, query, func(r *model.Record) error { return yield(ToJSON(&q.Zone, r)) })
		return err
	}, func(count int) api.ResultInfo { return api.Info(page, query.Limit, count, total) })
}

// recordQuery reads the filters of contract section 5.10.
func recordQuery(v url.Values, zone wire.Name) (model.RecordQuery, error) {
	q := model.RecordQuery{Search: api.Last(v, "search")}
	if !api.IsASCII(q.Search) { // names are kept as A-labels, all else as it was written
		q.SearchName = nameFilter(q.Search, model.OpContains, zone)
	}
	var kind wire.Type
	if t := api.Last(v, "type"); t != "" {
		var err error
		if kind, err = wire.ParseType(t); err != nil {
			return q, api.Invalid(model.CodeTypeInvalid, "", "DNS record type is invalid.")
		}
		q.Filters = append(q.Filters, model.Filter{Field: "type", Value: kind.String()})
	}
	for _, field := range []string{"name", "content", "comment"} {
		q.Filters = append(q.Filters, textFilters(v, field, zone, kind)...)
	}
	switch p := strings.ToLower(api.Last(v, "proxied")); p {
	case "":
	case "true", "false":
		q.Filters = append(q.Filters, model.Filter{Field: "proxied", Value: p})
	default:
		return q, api.Invalid(model.CodePaging, "", "proxied must be true or false.")
	}
	q.Tags = tagFilters(v)
	var err error
	if q.Any, err = api.MatchAny(v, "match"); err != nil {
		return q, err
	}
	if q.AnyTag, err = tagMatchAny(v); err != nil {
		return q, err
	}
	switch q.Order = api.Last(v, "order"); q.Order {
	case "", "type", "name", "content", "ttl", "proxied":
		return q, nil
	}
	return q, api.Invalid(model.CodePaging, "", "order must be type, name, content, ttl or proxied.")
}

// textFilters reads the forms of a filter on text: plain and .exact are the same; present and absent count when they are
// there, whatever their value, and comments alone have them.
func textFilters(v url.Values, field string, zone wire.Name, t wire.Type) []model.Filter {
	var out []model.Filter
	for _, f := range []struct {
		suffix string
		op     model.Op
	}{
		{"", model.OpExact},
		{".exact", model.OpExact},
		{".contains", model.OpContains},
		{".startswith", model.OpStartsWith},
		{".endswith", model.OpEndsWith},
	} {
		by := model.Filter{Field: field, Op: f.op, Value: api.Last(v, field+f.suffix)}
		if by.Value == "" {
			continue
		}
		switch field {
		case "name":
			by.Value = nameFilter(by.Value, f.op, zone)
		case "content":
			contentSpellings(&by, t)
		}
		out = append(out, by)
	}
	if field != "comment" {
		return out
	}
	for suffix, op := range map[string]model.Op{".present": model.OpPresent, ".absent": model.OpAbsent} {
		if v.Has(field + suffix) {
			out = append(out, model.Filter{Field: field, Op: op})
		}
	}
	return out
}

// nameFilter brings a name, or a part of one, to the form that the store compares with: A-labels in lower case and no
// final dot. A whole name that does not map stays as it is, and matches nothing; "@" is the apex.
func nameFilter(s string, op model.Op, zone wire.Name) string {
	if s == "@" && op == model.OpExact {
		return zone.Host()
	}
	if a, err := rr.ToASCII(s); err == nil {
		s = a
	}
	if (op == model.OpExact || op == model.OpEndsWith) && len(s) > 1 && api.EndsInDot(s) {
		s = s[:len(s)-1]
	}
	if op != model.OpExact {
		return s
	}
	if n, err := wire.ParseName(s); err == nil {
		return n.Host()
	}
	return s
}

// contentSpellings are other ways in which the store may hold what a filter on the whole content, or its end, means: the
// content as the type that is asked for has it, and targets with and without the final dot (libdns asks with it, other
// clients without).
func contentSpellings(f *model.Filter, t wire.Type) {
	if f.Op != model.OpExact && f.Op != model.OpEndsWith {
		return
	}
	if rest, ok := strings.CutSuffix(f.Value, "."); ok && rest != "" {
		f.Also = append(f.Also, rest)
	} else {
		f.Also = append(f.Also, f.Value+".")
	}
	if f.Op != model.OpExact {
		return
	}
	if t == 0 || t == wire.TypeTXT {
		if _, _, rdata, err := parseContent(wire.TypeTXT, f.Value, nil, wire.Root); err == nil {
			f.RData = rdata
		}
		return
	}
	var none uint16 // of the types whose content does not tell it
	for _, priority := range [...]*uint16{nil, &none} {
		content, _, rdata, err := parseContent(t, f.Value, priority, wire.Root)
		if err != nil {
			continue
		}
		f.Also = append(f.Also, content)
		if isDataType(t) { // a target in the middle of the content may have its dot or not
			if text, _, _, err := From(t, rdata, wire.Root); err == nil {
				f.Also = append(f.Also, text)
			}
		}
		return
	}
}

// tagFilters reads tag (a name, or name:value) and the forms with a suffix.
func tagFilters(v url.Values) []model.TagFilter {
	var out []model.TagFilter
	for _, f := range []struct {
		suffix string
		op     model.Op
	}{
		{"", model.OpExact},
		{".exact", model.OpExact},
		{".contains", model.OpContains},
		{".startswith", model.OpStartsWith},
		{".endswith", model.OpEndsWith},
	} {
		for _, s := range v["tag"+f.suffix] {
			if s == "" {
				continue
			}
			name, value, hasValue := strings.Cut(s, ":")
			op := f.op
			if !hasValue {
				op = model.OpPresent
			}
			out = append(out, model.TagFilter{Name: name, Op: op, Value: value})
		}
	}
	for _, f := range []struct {
		name string
		op   model.Op
	}{{"tag.present", model.OpPresent}, {"tag.absent", model.OpAbsent}} {
		for _, s := range v[f.name] {
			if s != "" {
				out = append(out, model.TagFilter{Name: s, Op: f.op})
			}
		}
	}
	return out
}

// tagMatchAny takes both spellings; the classic library has tag-match.
func tagMatchAny(v url.Values) (bool, error) {
	if v.Has("tag_match") {
		return api.MatchAny(v, "tag_match")
	}
	return api.MatchAny(v, "tag-match")
}
