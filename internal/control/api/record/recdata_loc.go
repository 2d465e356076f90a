package record

import (
	"encoding/json"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/dns/rr"
)

// locContent reads LOC content in presentation format, with or without the m of metres, and gives it with every field and
// without the m.
func locContent(content string) (recdata, error) {
	l, err := rr.ParseLocation(content)
	if err != nil {
		return recdata{}, err
	}
	return recdata{content: l.Text(""), rdata: l.Data()}, nil
}

// locMembers are the members of LOC data in the order of their names, as answers have them. The presets of the schema
// stand in for absent ones.
//
//nolint:gochecknoglobals // a table
var locMembers = []field{
	{member: "altitude", optional: true, preset: "0"},
	{member: "lat_degrees"},
	{member: "lat_direction"},
	{member: "lat_minutes", optional: true, preset: "0"},
	{member: "lat_seconds", optional: true, preset: "0"},
	{member: "long_degrees"},
	{member: "long_direction"},
	{member: "long_minutes", optional: true, preset: "0"},
	{member: "long_seconds", optional: true, preset: "0"},
	{member: "precision_horz", optional: true, preset: "0"},
	{member: "precision_vert", optional: true, preset: "0"},
	{member: "size", optional: true, preset: "0"},
}

// locData reads the data object.
func locData(data map[string]json.RawMessage) (recdata, error) {
	v := make(map[string]string, len(locMembers))
	for i := range locMembers {
		s, err := locMembers[i].value(data)
		if err != nil {
			return recdata{}, err
		}
		v[locMembers[i].member] = s
	}
	var l rr.Location
	var err error
	if l.Latitude, err = locAngle(v, "lat", "N", "S", rr.MaxLatitude); err != nil {
		return recdata{}, err
	}
	if l.Longitude, err = locAngle(v, "long", "E", "W", rr.MaxLongitude); err != nil {
		return recdata{}, err
	}
	for _, f := range []struct {
		member   string
		min, max int64
		to       *int64
	}{
		{"altitude", rr.MinAltitude, rr.MaxAltitude, &l.Altitude},
		{"size", 0, rr.MaxSize, &l.Size},
		{"precision_horz", 0, rr.MaxSize, &l.Horizontal},
		{"precision_vert", 0, rr.MaxSize, &l.Vertical},
	} {
		if *f.to, err = locNumber(v, f.member, 100, f.min, f.max); err != nil {
			return recdata{}, err
		}
	}
	return recdata{content: l.Text(""), rdata: l.Data()}, nil
}

// locAngle puts an angle together, in thousandths of a second.
func locAngle(v map[string]string, what, plus, minus string, most int64) (int64, error) {
	degrees, err := locNumber(v, what+"_degrees", 1, 0, most/3600_000)
	if err != nil {
		return 0, err
	}
	minutes, err := locNumber(v, what+"_minutes", 1, 0, 59)
	if err != nil {
		return 0, err
	}
	millis, err := locNumber(v, what+"_seconds", 1000, 0, 59_999)
	if err != nil {
		return 0, err
	}
	angle := (degrees*60+minutes)*60_000 + millis
	if angle > most {
		return 0, api.Faulty(what+"_degrees", "%s_degrees is beyond %d with its minutes and seconds", what, most/3600_000)
	}
	switch direction := what + "_direction"; strings.ToUpper(v[direction]) {
	case plus:
		return angle, nil
	case minus:
		return -angle, nil
	default:
		return 0, api.Faulty(direction, "%s must be %s or %s", direction, plus, minus)
	}
}

// locNumber reads a member in units that are so many to one of the member's.
func locNumber(v map[string]string, member string, unit, least, most int64) (int64, error) {
	n, ok := rr.Scaled(v[member], unit)
	if !ok || n < least || n > most {
		return 0, api.Faulty(member, "%s must be a number from %v to %v", member, float64(least)/float64(unit), float64(most)/float64(unit))
	}
	return n, nil
}

// locObject gives the members' JSON for content in the form that recdata writes.
func locObject(content string) map[string]string {
	f := strings.Fields(content)
	if len(f) != 12 {
		return nil
	}
	return map[string]string{
		"lat_degrees": shortNumber(f[0]), "lat_minutes": shortNumber(f[1]), "lat_seconds": shortNumber(f[2]), "lat_direction": `"` + f[3] + `"`,
		"long_degrees": shortNumber(f[4]), "long_minutes": shortNumber(f[5]), "long_seconds": shortNumber(f[6]), "long_direction": `"` + f[7] + `"`,
		"altitude": shortNumber(f[8]), "size": shortNumber(f[9]), "precision_horz": shortNumber(f[10]), "precision_vert": shortNumber(f[11]),
	}
}

// shortNumber writes a decimal as short as it goes: whole ones as integers, for libdns decodes nothing else.
func shortNumber(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}
