package commit

import (
	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// FreshFaces renders a zone from all its rows, as if nothing had been there before.
func (c *Committer) FreshFaces(a model.Account, z model.Zone, records []model.Record) (served, transfer *zone.Version, err error) {
	s := &workspace{cfg: &c.cfg}
	w := newZoneWork(z, &accountWork{row: a})
	w.rows[z.Name] = nil
	for i := range records {
		w.rows[records[i].Name] = append(w.rows[records[i].Name], &records[i])
	}
	soa, err := face.SOA(&z, z.Serial)
	if err != nil {
		return nil, nil, err
	}
	sets := [2][]rr.Set{{soa}, {soa}}
	for owner, rows := range w.rows {
		f := s.context(w).Render(&face.Name{Owner: owner, Rows: rows})
		sets[0] = append(sets[0], f.Served...)
		sets[1] = append(sets[1], f.Transfer...)
	}
	if served, err = zone.Build(z.Name, sets[0]); err != nil {
		return nil, nil, err
	}
	transfer, err = zone.Build(z.Name, sets[1])
	return served, transfer, err
}
