package model_test

import (
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// A list takes a look at every record exactly where nothing leads to those that it may hold: what clients ask most, the records of
// a type at a name, must not wait behind what reads a large zone.
func TestLooksThrough(t *testing.T) {
	t.Parallel()
	name, id, kind := model.Filter{Field: "name", Value: "www.example.com"}, model.Filter{Field: "id", Value: "0"}, model.Filter{Field: "type", Value: "TXT"}
	part := model.Filter{Field: "name", Op: model.OpStartsWith, Value: "www"}
	tag := []model.TagFilter{{Name: "team", Op: model.OpPresent}}
	list := func(of ...model.Filter) []model.Filter { return of }
	for what, c := range map[string]struct {
		q              model.RecordQuery
		searches, look bool
	}{
		"all, in an order that is kept": {model.RecordQuery{Order: "name"}, false, false},
		"all, in another":               {model.RecordQuery{Order: "type"}, false, true},
		"all, in the usual":             {model.RecordQuery{}, false, true},
		"a name":                        {model.RecordQuery{Filters: list(name)}, false, false},
		"a type at a name":              {model.RecordQuery{Filters: list(kind, name)}, false, false},
		"a type or a name":              {model.RecordQuery{Filters: list(kind, name), Any: true}, true, true},
		"a name or an id":               {model.RecordQuery{Filters: list(name, id), Any: true}, false, false},
		"a type":                        {model.RecordQuery{Filters: list(kind)}, true, true},
		"part of a name":                {model.RecordQuery{Filters: list(part), Order: "name"}, true, true},
		"a text":                        {model.RecordQuery{Search: "www", Order: "name"}, true, true},
		"a text at a name":              {model.RecordQuery{Search: "www", Filters: list(name)}, false, false},
		"a text and any of some":        {model.RecordQuery{Search: "www", Filters: list(name, kind), Any: true}, true, true},
		"what a token may see":          {model.RecordQuery{Only: list(part)}, true, true},
		"what a token may see, a name":  {model.RecordQuery{Only: list(part), Filters: list(name)}, false, false},
		"a tag":                         {model.RecordQuery{Tags: tag, Order: "name"}, false, true},
		"a tag at a name":               {model.RecordQuery{Tags: tag, Filters: list(name)}, false, false},
	} {
		if searches, look := c.q.Searches(), c.q.LooksThrough(); searches != c.searches || look != c.look {
			t.Errorf("%s: searches %t, looks through %t", what, searches, look)
		}
	}
}
