package zonefile

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/cores"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// planLines bounds how many lines of each kind a plan tells one by one.
const planLines = 200

// planJSON is what an import comes to, or came to.
type planJSON struct {
	DryRun  bool        `json:"dry_run"`
	Replace bool        `json:"replace"`
	Parsed  int         `json:"total_records_parsed"`
	Added   planList    `json:"added"`
	Changed planList    `json:"changed"`
	Deleted planList    `json:"deleted"`
	Refused planList    `json:"refused"`
	Passed  planList    `json:"passed"`
	Kept    int         `json:"kept"` // records of the zone that stay as they are
	Serial  planSerials `json:"serial"`
}

type planSerials struct {
	Before uint32          `json:"before"`
	After  uint32          `json:"after"`
	Ahead  *importedSerial `json:"ahead,omitempty"`
}

// planList are lines of one kind: all are counted, the first are told.
type planList struct {
	Count int        `json:"count"`
	Lines []planLine `json:"lines"`
}

func (l *planList) add(line *planLine) {
	if l.Count++; l.Count <= planLines {
		l.Lines = append(l.Lines, *line)
	}
}

// planLine is a record that comes, changes, goes or is left out. Line is 0 where the file has none.
type planLine struct {
	Line    int         `json:"line,omitempty"`
	Type    string      `json:"type,omitempty"`
	Name    string      `json:"name,omitempty"`
	Content string      `json:"content,omitempty"`
	TTL     uint32      `json:"ttl,omitempty"`
	Was     *planBefore `json:"was,omitempty"`
	Reason  string      `json:"reason,omitempty"`
}

type planBefore struct {
	Content string `json:"content"`
	TTL     uint32 `json:"ttl"`
}

func lineOf(n int, r *model.Record) *planLine {
	content := r.Content
	if r.Priority != nil {
		content = fmt.Sprint(*r.Priority, " ", content)
	}
	return &planLine{Line: n, Type: r.Type.String(), Name: r.Name.Host(), Content: content, TTL: r.TTL}
}

// planner finds what an import changes: the file's records against those of the zone.
type planner struct {
	*importer

	replace bool
	index   map[string]int32 // the file's records by what the DNS sees of them
	there   map[int32]bool   // those that the zone has
	old     map[string][]model.Record
	edits   []model.Edit
	lines   []*planLine // what each edit is
	out     planJSON
	would   *model.Plan // of a dry run
}

// importPlanned imports a file by a plan, which a dry run tells without doing anything. Beside what importRecords does it can
// replace: what the zone has and the file has not then goes, and a record with the same name and type and other data is changed.
func importPlanned(a *api.API, q *api.Request) error {
	query := q.R.URL.Query()
	dry, lenient := q.Dry() || api.Last(query, "dry_run") == "true", api.Last(query, "skip_invalid") == "true"
	i := &importer{zone: &q.Zone, ours: q.Zone.Serial, lenient: lenient || dry, share: a.Memory.Share(q.Account), records: &model.Pack{}}
	p := &planner{importer: i, replace: api.Last(query, "replace") == "true"}
	p.out = planJSON{DryRun: dry, Replace: p.replace, Serial: planSerials{Before: q.Zone.Serial, After: q.Zone.Serial}}
	for _, l := range []*planList{&p.out.Added, &p.out.Changed, &p.out.Deleted, &p.out.Refused, &p.out.Passed} {
		l.Lines = []planLine{}
	}
	i.plan = &p.out
	defer i.share.Give()
	turn, err := cores.Long(q.Ctx())
	if err != nil {
		return err
	}
	defer turn.End()
	i.turn = turn
	if err := readImport(q, i); err != nil {
		return err
	}
	if len(i.errs) > 0 {
		return &api.Failed{Status: http.StatusBadRequest, Code: i.errs[0].Code, Message: i.errs[0].Message, Also: i.errs[1:]}
	}
	if err := p.compare(a, q); err != nil {
		return err
	}
	turn.End()
	if err := p.commit(q); err != nil {
		return err
	}
	p.ours = p.out.Serial.After
	p.out.Parsed, p.out.Serial.Ahead = p.parsed, p.ahead()
	for _, l := range []*planList{&p.out.Refused, &p.out.Passed} { // some are found while the file is read, others later
		slices.SortStableFunc(l.Lines, func(a, b planLine) int { return a.Line - b.Line })
	}
	if q.Dry() {
		return q.Planned(p.would, p.out)
	}
	return q.OK(p.out)
}

// keyOf is all of a record that the DNS sees but for its TTL.
func keyOf(r *model.Record) string { return groupOf(r) + string(r.RData) }

// groupOf is a record's RRset.
func groupOf(r *model.Record) string { return fmt.Sprintf("%s %d ", r.Name, r.Type) }

// oldCost is about what a record takes, beside its data, while it is compared, in octets.
const oldCost = 256

// compare walks over the zone's records and makes the edits.
func (p *planner) compare(a *api.API, q *api.Request) error {
	p.index, p.there, p.old = make(map[string]int32, p.records.Len()), map[int32]bool{}, map[string][]model.Record{}
	for n := range p.records.Len() {
		key := keyOf(p.records.Record(n))
		if p.index[key] > 0 {
			continue
		}
		if err := p.share.Take(oldCost + int64(len(key))); err != nil {
			return err
		}
		p.index[key] = int32(n + 1)
	}
	seen := 0
	err := a.Store.Records(q.Ctx(), q.Zone.ID, model.RecordQuery{Order: "name"}, func(r *model.Record) error {
		if seen++; seen%linesInTurn == 0 {
			p.turn.Pass()
		}
		return p.meet(r)
	})
	if err != nil {
		return err
	}
	p.pair()
	if len(p.edits) > q.API.Limits.Batch {
		return api.Invalid(model.CodeImport, "", fmt.Sprintf("An import by a plan may change %d records, this one changes %d. "+
			"A larger file is imported without one, as %s/zones/{zone_id}/dns_records/import does.", q.API.Limits.Batch, len(p.edits), api.Client))
	}
	return nil
}

// meet holds a record of the zone against the file. NS records at the apex are not in files of other servers as ours are, and
// stay.
func (p *planner) meet(r *model.Record) error {
	n := p.index[keyOf(r)] - 1
	switch {
	case n >= 0:
		p.there[n] = true
		p.same(int(n), r)
		return nil
	case !p.replace, r.Type == wire.TypeNS && r.Name == p.zone.Name:
		p.out.Kept++
		return nil
	}
	if err := p.share.Take(oldCost + r.Size()); err != nil {
		return err
	}
	p.old[groupOf(r)] = append(p.old[groupOf(r)], r.Clone())
	return nil
}

// same is a record that file and zone have; what the line says of its TTL, its comment and proxying may differ.
func (p *planner) same(n int, old *model.Record) {
	r := p.records.Record(n)
	line := p.importer.lines[n]
	if !line.differs(r, old) {
		p.out.Kept++
		p.out.Passed.add(with(lineOf(int(line.number), r), "It is there already."))
		return
	}
	if !p.replace {
		p.out.Kept++
		p.out.Passed.add(with(lineOf(int(line.number), old), "It is there already, with another TTL, comment, tags or proxy status, which stay."))
		return
	}
	p.change(n, old)
}

func with(l *planLine, reason string) *planLine {
	l.Reason = reason
	return l
}

// change has a record of the zone become one of the file. What the line does not tell stays.
func (p *planner) change(n int, old *model.Record) {
	r, line := p.records.Record(n), p.importer.lines[n]
	tell := lineOf(int(line.number), r)
	was := lineOf(0, old)
	tell.Was = &planBefore{Content: was.Content, TTL: old.TTL}
	if !line.ttl {
		tell.TTL = old.TTL
	}
	seen := old.Modified
	p.edits = append(p.edits, model.EditRecord{ID: old.ID, Apply: func(now model.Record) (model.Record, error) {
		if !now.Modified.Equal(seen) {
			return now, &model.Invalid{
				Code: model.CodeRecordChanged, Status: http.StatusPreconditionFailed,
				Message: "A record of the zone was changed while the file was compared with it. Try again.",
			}
		}
		line.onto(r, &now)
		return now, nil
	}})
	p.lines = append(p.lines, tell)
}

// differs says whether a line tells something else of a record than the zone has.
func (l importLine) differs(r, old *model.Record) bool {
	become := old.Clone()
	l.onto(r, &become)
	return become.TTL != old.TTL || become.Proxied != old.Proxied || become.Settings != old.Settings ||
		become.Comment != old.Comment || !slices.Equal(become.Tags, old.Tags)
}

// onto puts what a line tells onto a record.
func (l importLine) onto(r, at *model.Record) {
	at.Content, at.RData, at.Priority = r.Content, r.RData, r.Priority
	if l.ttl {
		at.TTL = r.TTL
	}
	if l.decided {
		at.Proxied, at.Settings = r.Proxied, r.Settings
	}
	if l.decided || r.Comment != "" || len(r.Tags) > 0 {
		at.Comment, at.Tags = r.Comment, r.Tags
	}
}

// pair makes edits of what only one side has. Of an RRset of which each side has one record alone, that one is changed: so its
// comment and tags stay. Deletions come first, for what comes may not stand beside what goes.
func (p *planner) pair() {
	fresh := map[string][]int{}
	for n := range p.records.Len() {
		r := p.records.Record(n)
		if first := p.index[keyOf(r)] - 1; p.there[first] {
			if int(first) != n {
				p.out.Passed.add(with(lineOf(int(p.importer.lines[n].number), r), "An identical record stands in the file before it."))
			}
			continue
		}
		fresh[groupOf(r)] = append(fresh[groupOf(r)], n)
	}
	changes, changed := p.edits, p.lines
	p.edits, p.lines = nil, nil
	for _, group := range sortedKeys(p.old) {
		olds := p.old[group]
		if len(olds) == 1 && len(fresh[group]) == 1 {
			continue
		}
		for i := range olds {
			p.edits = append(p.edits, model.DeleteRecord{ID: olds[i].ID})
			p.lines = append(p.lines, lineOf(0, &olds[i]))
		}
		delete(p.old, group)
	}
	p.edits, p.lines = append(p.edits, changes...), append(p.lines, changed...)
	for n := range p.records.Len() {
		r := p.records.Record(n)
		group := groupOf(r)
		switch {
		case p.there[p.index[keyOf(r)]-1]:
		case len(p.old[group]) == 1:
			p.change(n, &p.old[group][0])
		default:
			p.edits = append(p.edits, model.AddRecord{Record: *r, SkipIdentical: true, SkipRefused: p.lenient})
			p.lines = append(p.lines, lineOf(int(p.importer.lines[n].number), r))
		}
	}
}

func sortedKeys(m map[string][]model.Record) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// commit does the edits, or tries them, and sorts them into what came of each.
func (p *planner) commit(q *api.Request) error {
	if len(p.edits) == 0 {
		return nil
	}
	var res model.Result
	var err error
	if p.out.DryRun {
		res, p.would, err = q.Plan(p.edits...)
	} else {
		res, err = q.Change(p.edits...)
	}
	if err != nil {
		return p.locatedEdit(err)
	}
	for n := range res.Outcomes {
		o, line := &res.Outcomes[n], p.lines[n]
		switch {
		case o.Refused != nil:
			p.out.Refused.add(with(line, o.Refused.Message))
		case o.Skipped:
			p.out.Passed.add(with(line, "An identical record stands in the file before it."))
		case line.Was != nil:
			p.out.Changed.add(line)
		case line.Line == 0:
			p.out.Deleted.add(line)
		default:
			p.out.Added.add(line)
		}
	}
	p.out.Serial.After = res.Serial
	return nil
}

// locatedEdit adds the line to an error of a rule that needed other rows.
func (p *planner) locatedEdit(err error) error {
	at, bad := asEdit(err)
	if bad == nil || at >= len(p.lines) {
		return err
	}
	out := *bad
	if line := p.lines[at]; line.Line > 0 {
		out.Message = atLine(line.Line, bad.Message)
	} else {
		out.Message = line.Type + " " + line.Name + ": " + bad.Message
	}
	return &out
}
