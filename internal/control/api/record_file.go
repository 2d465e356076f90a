package api

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// exportRecords writes the zone as a BIND file, a section for each type, streamed.
func exportRecords(a *api, q *request) error {
	h := q.w.Header()
	h.Set("Content-Disposition", `attachment; filename="`+q.zone.Name.Host()+`.txt"`)
	q.head(http.StatusOK, "text/plain; charset=utf-8")
	w := rr.NewWriter(q.w)
	_ = w.Comment("Domain:     " + q.zone.Name.String())
	_ = w.Comment("Exported:   " + q.now().UTC().Format("2006-01-02 15:04:05"))
	z := &q.zone
	_ = w.Comment("SOA Record")
	if soa, err := rr.ParseData(wire.TypeSOA, soaText(z), wire.Root); err == nil {
		_ = w.Write(z.Name, wire.TypeSOA, z.Settings.SOA.TTL, soa, "")
	}
	_ = w.Comment("NS Records")
	for _, ns := range z.NameServers {
		if data, err := rr.ParseData(wire.TypeNS, ns+".", wire.Root); err == nil {
			_ = w.Write(z.Name, wire.TypeNS, z.Settings.NSTTL, data, "")
		}
	}
	section := wire.Type(0)
	err := a.Store.Records(q.ctx(), z.ID, model.RecordQuery{Order: "type"}, func(r *model.Record) error {
		if r.Type != section {
			section = r.Type
			if err := w.Comment(r.Type.String() + " Records"); err != nil {
				return err
			}
		}
		return w.Write(r.Name, r.Type, r.TTL, r.RData, fileComment(r))
	})
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		q.api.Log.Error("export ended early", "request", q.id, "error", err)
		panic(http.ErrAbortHandler) // the client must not take what it has for the whole
	}
	return nil
}

// soaText is the zone's SOA in presentation format.
func soaText(z *model.Zone) string {
	s := z.Settings.SOA
	mname, rname := s.MName, s.RName
	if mname == "" && len(z.NameServers) > 0 {
		mname = z.NameServers[0]
	}
	if rname == "" {
		rname = "hostmaster." + z.Name.Host()
	}
	dot := func(n string) string { return strings.TrimSuffix(n, ".") + "." }
	return fmt.Sprintf("%s %s %d %d %d %d %d", dot(mname), dot(rname), z.Serial, s.Refresh, s.Retry, s.Expire, s.MinTTL)
}

type importJSON struct {
	Added  int        `json:"recs_added"`
	Parsed int        `json:"total_records_parsed"`
	Timing timingJSON `json:"timing"`
}

type timingJSON struct {
	Start   stamp   `json:"start_time"`
	End     stamp   `json:"end_time"`
	Process float64 `json:"process_time"`
}

// messagesMost bounds how many lines an import's answer speaks of.
const messagesMost = 1000

// importer collects what a file holds.
type importer struct {
	zone    *model.Zone
	proxied bool
	lenient bool // pass over what is invalid instead of refusing the file
	parsed  int
	edits   []model.Edit
	decided map[int]bool // edits whose line says whether they are proxied
	notes   []message
	more    int
	errs    []apiError
}

func (i *importer) note(line int, text string) {
	if len(i.notes) >= messagesMost {
		i.more++
		return
	}
	i.notes = append(i.notes, message{Code: model.CodeImport, Message: "Line " + strconv.Itoa(line) + ": " + text})
}

// importRecords adds a BIND file's records as one change. The file is taken whole or not at all, unless the parameter
// skip_invalid says to pass over what is invalid; what was passed over is told line by line.
func importRecords(a *api, q *request) error {
	start := q.now()
	i := &importer{zone: &q.zone, lenient: last(q.r.URL.Query(), "skip_invalid") == "true"}
	if err := q.readImport(i); err != nil {
		return err
	}
	if len(i.errs) > 0 {
		f := &apiFailure{status: http.StatusBadRequest, code: i.errs[0].Code, message: i.errs[0].Message, also: i.errs[1:]}
		return f
	}
	added := 0
	if len(i.edits) > 0 {
		res, err := q.change(i.edits...)
		if err != nil {
			return err
		}
		for n := range res.Outcomes {
			if !res.Outcomes[n].Skipped {
				added++
			}
		}
		if skipped := len(res.Outcomes) - added; skipped > 0 {
			i.notes = append(i.notes, message{Code: model.CodeImport, Message: strconv.Itoa(skipped) + " identical records were there already and were skipped."})
		}
	}
	if i.more > 0 {
		i.notes = append(i.notes, message{Code: model.CodeImport, Message: strconv.Itoa(i.more) + " more lines were skipped."})
	}
	end := a.Clock()
	return q.ok(importJSON{Added: added, Parsed: i.parsed, Timing: timingJSON{stamp(start), stamp(end), end.Sub(start).Seconds()}}, i.notes...)
}

// readImport reads the multipart form as it streams in. Clients send proxied before the file or after it.
func (q *request) readImport(i *importer) error {
	body := http.MaxBytesReader(q.w, q.r.Body, q.api.Limits.Import)
	q.r.Body = body
	if t, _, _ := mime.ParseMediaType(q.r.Header.Get("Content-Type")); t != "multipart/form-data" {
		return invalid(model.CodeImport, "", "An import is multipart/form-data with a part called file.")
	}
	form, err := q.r.MultipartReader()
	if err != nil {
		return invalid(model.CodeImport, "", "The multipart body is malformed.")
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
		return invalid(model.CodeImport, "/file", "The part called file is missing.")
	}
	return nil
}

// proxyRead makes records proxied that were read before the form said so, and whose line does not say otherwise.
func (i *importer) proxyRead() {
	for n, e := range i.edits {
		add, ok := e.(model.AddRecord)
		if !ok || !proxiable(add.Record.Type, add.Record.Content) || i.decided[n] {
			continue
		}
		add.Record.Proxied = true
		if checkRecord(&add.Record) == nil {
			i.edits[n] = add
		}
	}
}

func importBroken(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &model.Invalid{Code: model.CodeImport, Message: "The file is too large.", Status: http.StatusRequestEntityTooLarge}
	}
	var bad *model.Invalid
	if errors.As(err, &bad) {
		return err
	}
	return invalid(model.CodeImport, "", "The multipart body is malformed.")
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
			if errors.Is(err, rr.ErrInclude) || !i.lenient {
				i.refuse(bad.Line, bad.Err)
			} else {
				i.note(bad.Line, bad.Err.Error())
			}
			continue
		case err != nil:
			return err
		}
		i.parsed++
		if e.Owner == i.zone.Name && (e.Type == wire.TypeSOA || e.Type == wire.TypeNS) {
			i.note(e.Line, e.Type.String()+" at the apex is skipped: the server makes its own.")
			continue
		}
		record, err := i.record(&e)
		switch {
		case err == nil:
			if strings.Contains(e.Comment, "cf-proxied:") && !i.proxied {
				i.decide()
			}
			i.edits = append(i.edits, model.AddRecord{Record: record, SkipIdentical: true})
		case i.lenient:
			i.note(e.Line, err.Error())
		default:
			i.refuse(e.Line, err)
		}
	}
}

// decide notes that the next edit's own line says whether it is proxied.
func (i *importer) decide() {
	if i.decided == nil {
		i.decided = map[int]bool{}
	}
	i.decided[len(i.edits)] = true
}

// refuse notes an error of a line; the first hundred are told.
func (i *importer) refuse(line int, err error) {
	code := model.CodeImport
	var bad *model.Invalid
	if errors.As(err, &bad) {
		code = bad.Code
	}
	if len(i.errs) < 100 {
		i.errs = append(i.errs, apiError{Code: code, Message: "Line " + strconv.Itoa(line) + ": " + err.Error()})
	}
}

func (i *importer) record(e *rr.Entry) (model.Record, error) {
	r := model.Record{Zone: i.zone.ID, Name: e.Owner, Type: e.Type, TTL: ttlAutomatic, Proxied: i.proxied && proxiable(e.Type, "")}
	if !e.Owner.Within(i.zone.Name) {
		return r, invalid(model.CodeNameInvalid, "", "DNS name is invalid.")
	}
	if _, err := parseType(e.Type.String()); err != nil {
		return r, err
	}
	data, err := e.Data()
	if err != nil {
		return r, err
	}
	if r.Content, r.Priority, r.RData, err = recordFrom(e.Type, data, i.zone.Name); err != nil {
		return r, err
	}
	if e.HasTTL {
		switch {
		case e.TTL > ttlMost:
			i.note(e.Line, "ttl "+strconv.FormatUint(uint64(e.TTL), 10)+" is lowered to 86400.")
			r.TTL = ttlMost
		case e.TTL != ttlAutomatic && e.TTL < ttlLeast:
			i.note(e.Line, "ttl "+strconv.FormatUint(uint64(e.TTL), 10)+" is raised to 30.")
			r.TTL = ttlLeast
		default:
			r.TTL = e.TTL
		}
	}
	readComment(e.Comment, &r)
	if err := checkSelf(r.Name, r.Type, r.RData); err != nil {
		return r, err
	}
	return r, checkRecord(&r)
}
