package api_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// found lists which of the named objects a query of a list finds, in order of name.
func (s *server) found(path, member string, query url.Values) []string {
	s.t.Helper()
	var out []string
	r := s.must("GET", path+"?"+query.Encode(), nil)
	for _, o := range r.list(s.t) {
		out = append(out, o[member].(string))
	}
	slices.Sort(out)
	if r.Info.TotalCount != len(out) {
		s.t.Errorf("%s?%s: total_count %d of %d", path, query.Encode(), r.Info.TotalCount, len(out))
	}
	return out
}

// TestFilterOperators holds every operator of zones' and records' filters on text against its definition, over names and
// comments that have the value at the start, in the middle, at the end, alone, in another case, and with what LIKE takes
// for a wildcard.
func TestFilterOperators(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, _ := s.zone("zone.test")
	labels := []string{"ab", "abc", "xab", "xabc", "a-b", "a_b", "axb", "b", "aab", "abab", "ab.ab", "x.ab.x"}
	var zones, names, comments []string
	for _, l := range labels {
		zones = append(zones, l+".ab")
		s.zone(l + ".ab")
		names = append(names, l+".zone.test")
		comments = append(comments, strings.ToUpper(l[:1])+l[1:]+" %"+l)
		s.record(z, `{"type":"A","name":"`+l+`","content":"192.0.2.1","comment":"`+comments[len(comments)-1]+`","tags":["k:`+l+`"]}`)
	}
	type op struct {
		word, suffix string
		holds        func(s, v string) bool
	}
	equal := func(s, v string) bool { return s == v }
	not := func(s, v string) bool { return s != v }
	ops := []op{
		{"", "", equal},
		{"equal", "exact", equal},
		{"contains", "contains", strings.Contains},
		{"starts_with", "startswith", strings.HasPrefix},
		{"ends_with", "endswith", strings.HasSuffix},
		{"not_equal", "", not},
	}
	want := func(list []string, o op, v string) []string {
		var out []string
		for _, s := range list {
			if o.holds(strings.ToLower(s), strings.ToLower(v)) {
				out = append(out, s)
			}
		}
		slices.Sort(out)
		return out
	}
	check := func(query string, got, want []string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s finds %q, want %q", query, got, want)
		}
	}
	zones = append(zones, "zone.test")
	for _, o := range ops {
		for _, v := range []string{"ab", "a", "b", ".ab", "a_b", "a%b", "ab.", "AB", "x", "abc.ab", "ab.ab", "b.zone.test", "%", "_", "."} {
			value := v
			if o.word != "" {
				value = o.word + ":" + v
			}
			q := url.Values{"name": {value}}
			clean := v
			if len(v) > 1 && (o.word == "" || o.word == "equal" || o.word == "not_equal" || o.word == "ends_with") {
				clean = strings.TrimSuffix(v, ".") // names end in a dot or not
			}
			check("zones "+q.Encode(), s.found("/zones", "name", q), want(zones, o, clean))
			if o.word != "" && o.word != "not_equal" {
				word := op{holds: func(s, v string) bool { return o.holds(s, v) }}
				q = url.Values{"name": {o.word + "_case_sensitive:" + v}}
				sensitive := want(zones, word, clean)
				if v == "AB" {
					sensitive = nil
				}
				check("zones "+q.Encode(), s.found("/zones", "name", q), sensitive)
			}
			if o.word == "not_equal" {
				continue
			}
			suffix := ""
			if o.suffix != "" {
				suffix = "." + o.suffix
			}
			q = url.Values{"name" + suffix: {v}}
			check("records "+q.Encode(), s.found(z+"/dns_records", "name", q), want(names, o, clean))
			q = url.Values{"comment" + suffix: {v}}
			check("records "+q.Encode(), s.found(z+"/dns_records", "comment", q), want(comments, o, v))
			var tagged []string
			for _, l := range want(labels, o, v) {
				tagged = append(tagged, l+".zone.test")
			}
			slices.Sort(tagged)
			q = url.Values{"tag" + suffix: {"K:" + v}}
			check("records "+q.Encode(), s.found(z+"/dns_records", "name", q), tagged)
		}
	}
	for _, f := range []struct {
		query string
		count int
	}{
		{"comment.present", len(labels)}, {"comment.absent=1", 0}, {"tag.present=k", len(labels)}, {"tag.absent=K", 0}, {"tag.absent=other", len(labels)},
	} {
		q, err := url.ParseQuery(f.query)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.found(z+"/dns_records", "name", q); len(got) != f.count {
			t.Errorf("%s finds %q", f.query, got)
		}
	}
}

// TestContentFilters finds records by what clients send as content: text quoted or bare, white space as it comes, targets
// with and without final dot.
func TestContentFilters(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, _ := s.zone("zone.test")
	long := strings.Repeat("0123456789", 40)
	for name, body := range map[string]string{
		"bare":     `"type":"TXT","content":"v=spf1 include:a.test -all"`,
		"quoted":   `"type":"TXT","content":"\"v=dkim1 p=abc\""`,
		"strings":  `"type":"TXT","content":"\"first \" \"second\""`,
		"escaped":  `"type":"TXT","content":"\"say \\\"hi\\\" \\\\ now\""`,
		"odd":      `"type":"TXT","content":"say \"ho\" now"`,
		"blanks":   `"type":"TXT","content":"wide   apart"`,
		"longbare": `"type":"TXT","content":"b` + long + `"`,
		"longq":    `"type":"TXT","content":"\"q` + long + `\""`,
		"utf8":     `"type":"TXT","content":"\"caf\\195\\169 noir\""`,
		"caa":      `"type":"CAA","data":{"flags":0,"tag":"issue","value":"letsencrypt.org"}`,
		"_s._tcp":  `"type":"SRV","data":{"priority":1,"weight":5,"port":5060,"target":"sip.example.net"}`,
		"tlsa":     `"type":"TLSA","data":{"usage":3,"selector":1,"matching_type":1,"certificate":"` + strings.Repeat("ab", 32) + `"}`,
		"svc":      `"type":"SVCB","data":{"priority":1,"target":"dot.example.net.","value":"alpn=\"dot\""}`,
		"alias":    `"type":"CNAME","content":"www.example.net"`,
		"mx":       `"type":"MX","content":"mail.example.net","priority":10`,
	} {
		s.record(z, `{"name":"`+name+`",`+body+`}`)
	}
	type q = map[string]string
	tlsa := strings.Repeat("AB", 32)
	for _, tt := range []struct {
		query q
		want  string // the first label, or none
	}{
		{q{"content": `v=spf1 include:a.test -all`}, "bare"},
		{q{"content.exact": `"v=spf1 include:a.test -all"`}, "bare"},
		{q{"content": `"V=SPF1 include:a.test" " -all"`, "type": "TXT"}, "bare"},
		{q{"content": "v=spf1\tinclude:a.test   -all"}, "bare"},
		{q{"content": "v=spf1 include:a.test"}, ""},
		{q{"content": `v=dkim1 p=abc`}, "quoted"},
		{q{"content.exact": `"v=dkim1  p=abc"`}, "quoted"},
		{q{"content.contains": `dkim1 p=`}, "quoted"},
		{q{"content.startswith": `v=dkim`}, "quoted"},
		{q{"content.startswith": `"v=dkim`}, "quoted"},
		{q{"content.startswith": `"v=spf1`}, "bare"},
		{q{"content.endswith": `p=abc`}, "quoted"},
		{q{"content.endswith": `-all"`}, "bare"},
		{q{"content.contains": `"v=spf1 include:a.test -all"`}, "bare"},
		{q{"content": `first second`}, "strings"},
		{q{"content": `"first second"`, "type": "TXT"}, "strings"},
		{q{"content.contains": `st sec`}, "strings"},
		{q{"content": `say "hi" \ now`}, "escaped"},
		{q{"content.exact": `"say \"hi\" \\ now"`}, "escaped"},
		{q{"content": `say "ho" now`}, "odd"},
		{q{"content": `"say \"ho\" now"`}, "odd"},
		{q{"content": "wide   apart"}, "blanks"},
		{q{"content": "wide apart"}, "blanks"},
		{q{"content.contains": "wide apart"}, "blanks"},
		{q{"content": `"wide apart"`}, "blanks"},
		{q{"content": "b" + long}, "longbare"},
		{q{"content": `"b` + long + `"`}, "longbare"},
		{q{"content.exact": "q" + long}, "longq"},
		{q{"content.contains": "q" + long}, "longq"},
		{q{"content": `café noir`}, "utf8"},
		{q{"content": `"café noir"`}, "utf8"},
		{q{"content": "0 issue \"letsencrypt.org\""}, "caa"},
		{q{"content": "0\tissue\tletsencrypt.org", "type": "CAA"}, "caa"},
		{q{"content": "0  issue  \"letsencrypt.org\""}, "caa"},
		{q{"content": "5\t5060\tsip.example.net"}, "_s"},
		{q{"content": "5 5060 SIP.example.net."}, "_s"},
		{q{"content.endswith": "sip.example.net.", "type": "SRV"}, "_s"},
		{q{"content": "3\t1\t1\t" + tlsa, "type": "TLSA"}, "tlsa"},
		{q{"content": `1 dot.example.net alpn="dot"`, "type": "SVCB"}, "svc"},
		{q{"content": `1 dot.example.net. alpn=dot`, "type": "SVCB"}, "svc"},
		{q{"content": "www.example.net."}, "alias"},
		{q{"content": "www.example.net", "type": "CNAME"}, "alias"},
		{q{"content": "mail.example.net.", "type": "MX"}, "mx"},
		{q{"content": "mail.example.net.", "type": "A"}, ""},
	} {
		query := url.Values{}
		for k, v := range tt.query {
			query.Set(k, v)
		}
		var want []string
		if tt.want != "" {
			want = []string{map[bool]string{true: "_s._tcp.zone.test", false: tt.want + ".zone.test"}[tt.want == "_s"]}
		}
		if got := s.found(z+"/dns_records", "name", query); !slices.Equal(got, want) {
			t.Errorf("%v finds %q, want %q", tt.query, got, want)
		}
	}
}
