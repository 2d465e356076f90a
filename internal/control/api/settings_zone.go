package api

import (
	"github.com/headwaterdns/headwater/internal/control/model"
)

func (a *api) getSettings(q *request) error { return q.okSettings(&q.zone) }

func (q *request) okSettings(z *model.Zone) error {
	s := z.Settings
	if s.NSType == nsRandom { // what an account may ask for; a zone has got a set by then
		s.NSType = nsStandard
	}
	return q.ok(renderSettings(&s, hostmaster(z)))
}

func (a *api) editSettings(q *request) error {
	var b dnsSettingsBody
	if err := q.decode(&b); err != nil {
		return err
	}
	z, err := q.editZoneSettings(func(s *model.Settings) error {
		fallback := s.SOA.RName == ""
		err := b.merge(s, "", false)
		if fallback && s.SOA.RName == hostmaster(&q.zone) {
			s.SOA.RName = "" // our own answer sent back is no change
		}
		return err
	})
	if err != nil {
		return err
	}
	return q.okSettings(z)
}

// editZoneSettings commits a change of the zone's settings.
func (q *request) editZoneSettings(edit func(*model.Settings) error) (*model.Zone, error) {
	res, err := q.change(model.EditZone{Action: "dns_settings", Apply: func(z model.Zone) (model.Zone, error) {
		err := edit(&z.Settings)
		return z, err
	}})
	if err != nil {
		return nil, orMissing(err, model.CodeZoneInvalid, "Invalid zone identifier")
	}
	return res.Outcomes[0].Zone, nil
}
