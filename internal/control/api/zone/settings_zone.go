package zone

import (
	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

func getSettings(a *api.API, q *api.Request) error { return okSettings(q, &q.Zone) }

func okSettings(q *api.Request, z *model.Zone) error {
	s := z.Settings
	if s.NSType == nsRandom { // what an account may ask for; a zone has got a set by then
		s.NSType = nsStandard
	}
	return q.OK(RenderSettings(&s, Hostmaster(z)))
}

func editSettings(a *api.API, q *api.Request) error {
	var b dnsSettingsBody
	if err := q.Decode(&b); err != nil {
		return err
	}
	z, err := editZoneSettings(q, func(s *model.Settings) error {
		fallback := s.SOA.RName == ""
		err := b.merge(s, "", false)
		if fallback && s.SOA.RName == Hostmaster(&q.Zone) {
			s.SOA.RName = "" // our own answer sent back is no change
		}
		return err
	})
	if err != nil {
		return err
	}
	return okSettings(q, z)
}

// editZoneSettings commits a change of the zone's settings.
func editZoneSettings(q *api.Request, edit func(*model.Settings) error) (*model.Zone, error) {
	res, err := q.Change(model.EditZone{Action: "dns_settings", Apply: func(z model.Zone) (model.Zone, error) {
		err := edit(&z.Settings)
		return z, err
	}})
	if err != nil {
		return nil, api.OrMissing(err, model.CodeZoneInvalid, "Invalid zone identifier")
	}
	return res.Outcomes[0].Zone, nil
}
