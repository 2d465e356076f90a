package zonefile

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/record"
	"github.com/headwaterdns/headwater/internal/control/api/zone"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Routes are the operations of zone files: import, export and copies.
func Routes() []api.Route {
	return slices.Concat(fileRoutes(), zoneCopyRoutes())
}

func fileRoutes() []api.Route {
	const records = api.Client + "/zones/{zone_id}/dns_records"
	return []api.Route{
		api.NewRoute(http.MethodGet, records+"/export", api.ScopeZone, api.DNSRead, api.Lengthy(exportRecords)),
		api.NewRoute(http.MethodPost, records+"/import", api.ScopeZone, api.RecordsWrite, importRecords),
		api.NewRoute(http.MethodPost, api.Own+"/zones/{zone_id}/import", api.ScopeZone, api.RecordsWrite, importPlanned),
	}
}

// exportRecords writes the zone as a BIND file, a section for each type, streamed (contract section 5.13).
func exportRecords(a *api.API, q *api.Request) error {
	z := &q.Zone
	q.W.Header().Set("Content-Disposition", `attachment; filename="`+FileName(z.Name)+`.txt"`)
	q.Head(http.StatusOK, "text/plain; charset=utf-8")
	w := rr.NewWriter(q.W)
	err := WriteApex(w, z, q.Now())
	section := wire.Type(0)
	if err == nil {
		err = a.Store.Records(q.Ctx(), z.ID, model.RecordQuery{Order: "type"}, func(r *model.Record) error {
			if r.Type != section {
				section = r.Type
				if err := w.Comment(r.Type.String() + " Records"); err != nil {
					return err
				}
			}
			return w.Write(r.Name, r.Type, r.TTL, r.RData, record.FileComment(r, z.Name))
		})
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		q.API.Log.Error("export ended early", "request", q.Id, "error", err)
		panic(http.ErrAbortHandler) // the client must not take what it has for the whole
	}
	return nil
}

// WriteApex writes what the server makes itself, at the head of a file: the SOA and the assigned name servers.
func WriteApex(w *rr.Writer, z *model.Zone, now time.Time) error {
	soa, err := rr.ParseData(wire.TypeSOA, soaText(z), wire.Root)
	if err != nil {
		return fmt.Errorf("export SOA: %w", err)
	}
	for _, line := range []string{
		"Domain:     " + z.Name.String(), "Exported:   " + now.UTC().Format("2006-01-02 15:04:05"), "SOA Record",
	} {
		if err := w.Comment(line); err != nil {
			return err
		}
	}
	if err := w.Write(z.Name, wire.TypeSOA, z.Settings.SOA.TTL, soa, ""); err != nil {
		return err
	}
	if err := w.Comment("Assigned name servers"); err != nil {
		return err
	}
	for _, ns := range z.NS() {
		name, err := wire.ParseName(ns)
		if err != nil {
			return fmt.Errorf("export name server %s: %w", ns, err)
		}
		if err := w.Write(z.Name, wire.TypeNS, z.Settings.NSTTL, []byte(name), ""); err != nil {
			return err
		}
	}
	return nil
}

// soaText is the zone's SOA in presentation format.
func soaText(z *model.Zone) string {
	s := z.Settings.SOA
	mname, rname := s.MName, zone.OrWord(s.RName, zone.Hostmaster(z))
	if ns := z.NS(); mname == "" && len(ns) > 0 {
		mname = ns[0]
	}
	dot := func(n string) string { return strings.TrimSuffix(n, ".") + "." }
	return fmt.Sprintf("%s %s %d %d %d %d %d", dot(mname), dot(rname), z.Serial, s.Refresh, s.Retry, s.Expire, s.MinTTL)
}

// FileName is the zone's name as a file can be called anywhere.
func FileName(n wire.Name) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '.', c == '-', c == '_':
			return c
		}
		return '_'
	}, n.Host())
}
