package zonefile

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	apirecord "github.com/headwaterdns/headwater/internal/control/api/record"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/cores"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

type importJSON struct {
	Added  int             `json:"recs_added"`
	Parsed int             `json:"total_records_parsed"`
	Ahead  *importedSerial `json:"serial_ahead,omitempty"`
}

type timingJSON struct {
	Start   api.Stamp `json:"start_time"`
	End     api.Stamp `json:"end_time"`
	Process float64   `json:"process_time"` // seconds
}

// Bounds of how many lines an answer to an import speaks of.
const (
	notesMost   = 1000
	refusedMost = 100
)

// importer collects what a file holds.
type importer struct {
	zone    *model.Zone
	proxied bool
	lenient bool // pass over what is invalid instead of refusing the file
	parsed  int
	records *model.Pack
	lines   []importLine // where each record stands in the file
	share   *api.MemoryShare
	turn    *cores.Turn
	notes   []api.Message
	more    int
	plan    *planJSON // where lines that are left out are told, rather than in notes; nil in an import without one
	serial  *uint32   // of the file's SOA
	ours    uint32    // after the import
	errs    []api.ErrorJSON
	own     map[string]bool // data of records of this server's keys
}

// importLine is a line of the file. decided says that it tells itself whether its record is proxied, ttl that it tells a TTL.
type importLine struct {
	number  int32
	decided bool
	ttl     bool
}

func atLine(line int, text string) string { return "Line " + strconv.Itoa(line) + ": " + text }

func (i *importer) note(line int, text string) {
	if i.plan != nil {
		i.plan.Passed.add(&planLine{Line: line, Reason: text})
		return
	}
	if len(i.notes) >= notesMost {
		i.more++
		return
	}
	i.notes = append(i.notes, api.Message{Code: model.CodeImport, Message: atLine(line, text)})
}

// importRecords adds a BIND file's records as one change. The file is taken whole or not at all, unless the parameter
// skip_invalid says to pass over what is invalid; what was passed over is told line by line.
func importRecords(a *api.API, q *api.Request) error {
	start := q.Now()
	i := &importer{
		zone: &q.Zone, ours: q.Zone.Serial, lenient: api.Last(q.R.URL.Query(), "skip_invalid") == "true", share: a.Memory.Share(q.Account),
		records: &model.Pack{},
	}
	defer i.share.Give()
	turn, err := cores.Long(q.Ctx())
	if err != nil {
		return err
	}
	defer turn.End()
	i.turn = turn
	if err := i.readOwn(q); err != nil {
		return err
	}
	if err := readImport(q, i); err != nil {
		return err
	}
	turn.End()
	if len(i.errs) > 0 {
		return &api.Failed{Status: http.StatusBadRequest, Code: i.errs[0].Code, Message: i.errs[0].Message, Also: i.errs[1:]}
	}
	added, err := i.commit(q)
	if err != nil {
		return err
	}
	if i.more > 0 {
		i.notes = append(i.notes, api.Message{Code: model.CodeImport, Message: strconv.Itoa(i.more) + " more lines were skipped."})
	}
	ahead := i.ahead()
	if ahead != nil {
		i.notes = append(i.notes, api.Message{Code: model.CodeImport, Message: ahead.String()})
	}
	end := a.Clock()
	return q.Send(http.StatusOK, api.Envelope{
		Result: importJSON{Added: added, Parsed: i.parsed, Ahead: ahead}, Success: true, Messages: i.notes,
		Timing: timingJSON{api.Stamp(start), api.Stamp(end), end.Sub(start).Seconds()},
	})
}

// commit adds all records in one change and tells what became of those that were not added.
func (i *importer) commit(q *api.Request) (added int, err error) {
	if i.records.Len() == 0 {
		return 0, nil
	}
	records := i.records
	i.records = nil // they are the committer's from here on
	res, err := q.ImportRecords(records, i.lenient)
	if err != nil {
		return 0, i.located(err)
	}
	i.ours = res.Serial
	for _, n := range res.Notes {
		line := int(i.lines[n.Index].number)
		if n.Refused != nil {
			i.note(line, n.Refused.Message)
			continue
		}
		i.note(line, "An identical record already exists; it is skipped.")
	}
	return res.Added, nil
}

// located adds the line to an error of a rule that needed other rows.
func (i *importer) located(err error) error {
	at, bad := asEdit(err)
	if bad == nil || at >= len(i.lines) {
		return err
	}
	out := *bad
	out.Message = atLine(int(i.lines[at].number), bad.Message)
	return &out
}

// asEdit tells which edit broke which rule; nil for none.
func asEdit(err error) (int, *model.Invalid) {
	var at *model.EditError
	var bad *model.Invalid
	if !errors.As(err, &at) || !errors.As(err, &bad) {
		return 0, nil
	}
	return at.Index, bad
}

// bodyInTurns is a body that is waited for while somebody else has the turn.
type bodyInTurns struct {
	io.ReadCloser

	turn *cores.Turn
}

func (b *bodyInTurns) Read(p []byte) (n int, err error) {
	b.turn.Apart(func() { n, err = b.ReadCloser.Read(p) })
	return n, err
}

// readImport reads the multipart form as it streams in. Clients send proxied before the file or after it.
func readImport(q *api.Request, i *importer) error {
	q.R.Body = http.MaxBytesReader(q.W, &bodyInTurns{q.R.Body, i.turn}, q.API.Limits.Import)
	if t, _, _ := mime.ParseMediaType(q.R.Header.Get("Content-Type")); t != "multipart/form-data" {
		return api.Invalid(model.CodeImport, "", "An import is multipart/form-data with a part called file.")
	}
	form, err := q.R.MultipartReader()
	if err != nil {
		return importBroken(err)
	}
	files := 0
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return importBroken(err)
		}
		switch part.FormName() {
		case "proxied":
			b, err := io.ReadAll(io.LimitReader(part, 16))
			if err != nil {
				return importBroken(err)
			}
			if i.proxied = strings.TrimSpace(string(b)) == "true"; i.proxied {
				i.proxyRead()
			}
		case "file":
			files++
			if err := i.read(part); err != nil {
				return importBroken(err)
			}
		}
	}
	if files == 0 {
		return api.Invalid(model.CodeImport, "/file", "The part called file is missing.")
	}
	return nil
}

// proxyRead makes records proxied that were read before the form said so, and whose line does not say otherwise.
func (i *importer) proxyRead() {
	for n := range i.records.Len() {
		r := i.records.Record(n)
		if i.lines[n].decided || !rules.Proxiable(r.Type, r.Content) {
			continue
		}
		i.records.Proxy(n)
		r.Zone, r.Proxied = i.zone.ID, true
		if err := rules.Record(i.zone.Name, r); err != nil {
			i.refuse(int(i.lines[n].number), err)
		}
	}
}

func importBroken(err error) error {
	if bad, ok := errors.AsType[*model.Invalid](err); ok {
		return bad
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return &model.Invalid{
			Code: model.CodeImport, Message: "The file is too large.", Status: http.StatusRequestEntityTooLarge,
		}
	}
	return api.Invalid(model.CodeImport, "", "The multipart body is malformed.")
}

func (i *importer) read(r io.Reader) error {
	file := rr.NewReader(r, i.zone.Name)
	for {
		e, err := file.Next()
		var bad *rr.LineError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &bad):
			i.wrong(bad.Line, bad.Err)
			continue
		case err != nil:
			return err
		}
		if err := i.take(&e); err != nil {
			return err
		}
		if i.parsed%linesInTurn == 0 {
			i.turn.Pass()
		}
	}
}

// linesInTurn is how many records of a file are read before shorter requests have a turn.
const linesInTurn = 32

// take keeps a record of the file. SOA and NS at the apex are the server's own, unless a line is marked as
// one that an operator entered. The error says that there is no memory for more.
func (i *importer) take(e *rr.Entry) error {
	i.parsed++
	i.noteSerial(e)
	if e.Owner == i.zone.Name && (e.Type == wire.TypeSOA || e.Type == wire.TypeNS && !apirecord.IsOperatorsNS(e.Comment)) {
		i.note(e.Line, e.Type.String()+" at the apex is skipped: the server makes its own.")
		return nil
	}
	if why := i.ofSigner(e); why != "" {
		i.note(e.Line, e.Type.String()+" is skipped: "+why)
		return nil
	}
	r, decided, err := i.record(e)
	if err != nil {
		i.wrong(e.Line, err)
		return nil
	}
	if len(i.errs) > 0 {
		return nil // the file is refused; the rest is read for its errors alone
	}
	if err := i.share.Take(recordCost(i.records, &r)); err != nil {
		return err
	}
	i.records.Add(&r)
	i.lines = append(i.lines, importLine{int32(e.Line), decided, e.HasTTL})
	return nil
}

// ofSigner says why a line is passed over that whoever has signed the file has made: who signs the zone here makes such records anew,
// with keys and times of its own. Keys of others stay, where several sign the zone.
func (i *importer) ofSigner(e *rr.Entry) string {
	switch {
	case e.Type == wire.TypeRRSIG || e.Type == wire.TypeNSEC || e.Type == wire.TypeNSEC3 || e.Type == wire.TypeNSEC3PARAM:
		return "signatures and denials are made by this server."
	case e.Owner != i.zone.Name || !rules.OfSigners(e.Type):
		return ""
	case i.zone.DNSSEC.MultiSigner == model.SwitchOn:
		if data, err := e.Data(); err == nil && i.own[string(data)] {
			return "it is of a key of this server."
		}
		return ""
	case e.Type == wire.TypeDNSKEY || i.zone.DNSSEC.Status != "":
		return "it is of the file's signer. Those of another signer of this zone need dnssec_multi_signer."
	}
	return ""
}

// readOwn learns what the server publishes of the keys that it has for the zone.
func (i *importer) readOwn(q *api.Request) error {
	if i.zone.DNSSEC.MultiSigner != model.SwitchOn {
		return nil
	}
	keys, err := q.API.Store.ZoneKeys(q.Ctx(), i.zone.ID)
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	i.own = map[string]bool{}
	for n := range keys {
		k := &keys[n].Public
		i.own[string(k.RData())] = true // of DNSKEY and CDNSKEY
		for _, d := range []dnssec.Digest{dnssec.SHA256, dnssec.SHA384} {
			i.own[string(k.DS(i.zone.Name, d))] = true
		}
	}
	return nil
}

// recordCost is about what a record takes in memory until it is committed, in octets: itself with its places among the others, and
// its octets in the zone and in the zone's image.
func recordCost(p *model.Pack, r *model.Record) int64 {
	return p.Cost(r) + 2*int64(len(r.Name)+len(r.RData))
}

// wrong refuses the file for a line, or passes it over when that was asked for. $INCLUDE is never passed over: what it
// stands for would be missing.
func (i *importer) wrong(line int, err error) {
	if i.lenient && !errors.Is(err, rr.ErrInclude) {
		if i.plan != nil {
			i.plan.Refused.add(&planLine{Line: line, Reason: err.Error()})
			return
		}
		i.note(line, err.Error())
		return
	}
	i.refuse(line, err)
}

// refuse notes an error of a line; the first hundred are told.
func (i *importer) refuse(line int, err error) {
	code := model.CodeImport
	if bad, ok := errors.AsType[*model.Invalid](err); ok {
		code = bad.Code
	}
	if len(i.errs) < refusedMost {
		i.errs = append(i.errs, api.ErrorJSON{Code: code, Message: atLine(line, err.Error())})
	}
}

// record reads one line. decided says that the line itself tells whether the record is proxied.
func (i *importer) record(e *rr.Entry) (r model.Record, decided bool, err error) {
	r = model.Record{Zone: i.zone.ID, Name: e.Owner, Type: e.Type, TTL: rules.AutomaticTTL}
	if _, err := apirecord.ParseType(e.Type.String()); err != nil {
		return r, false, err
	}
	data, err := e.Data()
	if err != nil {
		return r, false, err
	}
	if r.Content, r.Priority, r.RData, err = apirecord.From(e.Type, data, i.zone.Name); err != nil {
		return r, false, err
	}
	switch r.Type {
	case wire.TypeDS, wire.TypeSSHFP, wire.TypeSMIMEA, wire.TypeTLSA:
		r.Content = strings.ToLower(r.Content) // numbers and hexadecimal digits, which a file has in either case
	}
	r.Proxied = i.proxied && rules.Proxiable(r.Type, r.Content)
	decided = apirecord.ReadComment(e.Comment, &r)
	for _, taken := range rules.FitText(&r) {
		i.note(e.Line, taken)
	}
	if e.HasTTL {
		r.TTL = i.ttl(e)
	}
	return r, decided, rules.Record(i.zone.Name, &r)
}

// ttl brings a file's ttl into bounds and says so.
func (i *importer) ttl(e *rr.Entry) uint32 {
	switch {
	case e.TTL > rules.MostTTL:
		i.note(e.Line, "ttl "+strconv.FormatUint(uint64(e.TTL), 10)+" is lowered to 86400.")
		return rules.MostTTL
	case e.TTL != rules.AutomaticTTL && e.TTL < rules.LeastTTL:
		i.note(e.Line, "ttl "+strconv.FormatUint(uint64(e.TTL), 10)+" is raised to 30.")
		return rules.LeastTTL
	}
	return e.TTL
}
