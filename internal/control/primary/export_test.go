package primary

import (
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// FreshFaces renders a zone from all its rows, as if nothing had been there before.
func (p *Primary) FreshFaces(a model.Account, z model.Zone, records []model.Record) (served, transfer *zone.Version, err error) {
	s := &stage{cfg: &p.cfg}
	w := newZoneWork(z, &accountWork{row: a})
	w.rows[z.Name] = nil
	for i := range records {
		w.rows[records[i].Name] = append(w.rows[records[i].Name], &records[i])
	}
	soa, err := soaOf(&z, z.Serial)
	if err != nil {
		return nil, nil, err
	}
	faces := [2][]rr.Set{{soa}, {soa}}
	for owner, rows := range w.rows {
		f := s.scene(w).render(&name{owner: owner, rows: rows})
		faces[0] = append(faces[0], f.served...)
		faces[1] = append(faces[1], f.transfer...)
	}
	if served, err = zone.Build(z.Name, faces[0]); err != nil {
		return nil, nil, err
	}
	transfer, err = zone.Build(z.Name, faces[1])
	return served, transfer, err
}
