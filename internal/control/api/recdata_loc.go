package api

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// location is a LOC record in the units of RFC 1876: thousandths of a second of arc, and centimetres.
type location struct {
	lat, long           int64 // south and west are negative
	altitude            int64
	size, horiz, vert   int64
	south, west         bool  // kept apart, for a place at zero degrees keeps its letter
	latParts, longParts parts // as they are answered
}

// parts is an angle as degrees, minutes and thousandths of seconds.
type parts struct{ degrees, minutes, millis int64 }

func (p parts) total() int64 { return (p.degrees*60+p.minutes)*60_000 + p.millis }

// Bounds of contract and RFC: metres for the last two.
const (
	minAltitude = -100_000
	maxAltitude = 42_849_672.95
	maxSize     = 90_000_000
)

// locContent reads LOC content in the form of RFC 1876 section 3, with or without the m of metres. What is left out has
// that section's presets.
func locContent(content string) (recdata, error) {
	f := strings.Fields(content)
	var l location
	var err error
	if l.latParts, l.south, f, err = takeAngle(f, "N", "S", "lat", 90); err != nil {
		return recdata{}, err
	}
	if l.longParts, l.west, f, err = takeAngle(f, "E", "W", "long", 180); err != nil {
		return recdata{}, err
	}
	if len(f) < 1 || len(f) > 4 {
		return recdata{}, faulty("", "an altitude and up to three sizes are wanted after the directions")
	}
	metres := []string{"0", "1", "10000", "10"}
	for i, s := range f {
		metres[i] = strings.TrimRight(s, "mM")
	}
	if err := l.setMetres(metres); err != nil {
		return recdata{}, err
	}
	return l.recdata(), nil
}

// takeAngle reads degrees, minutes and seconds, the latter two optional, up to the letter of a direction.
func takeAngle(f []string, plus, minus, what string, most int64) (p parts, negative bool, rest []string, err error) {
	for i, s := range f {
		letter := strings.ToUpper(s)
		if letter != plus && letter != minus {
			continue
		}
		v := []string{"0", "0", "0"}
		if i == 0 || i > 3 {
			break
		}
		copy(v, f[:i])
		p, err = newParts(v, what, most)
		return p, letter == minus, f[i+1:], err
	}
	return p, false, nil, faulty("", "degrees and %s or %s are wanted", plus, minus)
}

// newParts checks an angle's three numbers.
func newParts(v []string, what string, most int64) (p parts, err error) {
	bounds := []struct {
		member string
		max    float64
		to     *int64
		scale  float64
	}{
		{what + "_degrees", float64(most), &p.degrees, 1},
		{what + "_minutes", 59, &p.minutes, 1},
		{what + "_seconds", 59.999, &p.millis, 1000},
	}
	for i, b := range bounds {
		x, err := parseDecimal(v[i])
		if err != nil || x < 0 || x > b.max || b.scale == 1 && x != math.Trunc(x) {
			return p, faulty(b.member, "%s must be from 0 to %v", b.member, b.max)
		}
		*b.to = int64(math.Round(x * b.scale))
	}
	if p.total() > most*3600_000 {
		return p, faulty(what+"_degrees", "the %situde is beyond %d degrees", what, most)
	}
	return p, nil
}

// setMetres takes altitude, size and the two precisions.
func (l *location) setMetres(v []string) error {
	bounds := []struct {
		member   string
		min, max float64
		to       *int64
	}{
		{"altitude", minAltitude, maxAltitude, &l.altitude},
		{"size", 0, maxSize, &l.size},
		{"precision_horz", 0, maxSize, &l.horiz},
		{"precision_vert", 0, maxSize, &l.vert},
	}
	for i, b := range bounds {
		x, err := parseDecimal(v[i])
		if err != nil || x < b.min || x > b.max {
			return faulty(b.member, "%s must be from %v to %v metres", b.member, b.min, b.max)
		}
		*b.to = int64(math.Round(x * 100))
	}
	return nil
}

// recdata writes content without units, and RDATA (RFC 1876 section 2).
func (l *location) recdata() recdata {
	lat, long := "N", "E"
	l.lat, l.long = l.latParts.total(), l.longParts.total()
	if l.south {
		lat, l.lat = "S", -l.lat
	}
	if l.west {
		long, l.long = "W", -l.long
	}
	content := fmt.Sprintf("%s %s %s %s %s %s %s %s", l.latParts, lat, l.longParts, long,
		metres(l.altitude), metres(l.size), metres(l.horiz), metres(l.vert))
	b := []byte{0, precision(l.size), precision(l.horiz), precision(l.vert)}
	b = binary.BigEndian.AppendUint32(b, uint32(1<<31+l.lat))
	b = binary.BigEndian.AppendUint32(b, uint32(1<<31+l.long))
	b = binary.BigEndian.AppendUint32(b, uint32(-minAltitude*100+l.altitude))
	return recdata{content: content, rdata: b}
}

func (p parts) String() string {
	return fmt.Sprintf("%d %d %d.%03d", p.degrees, p.minutes, p.millis/1000, p.millis%1000)
}

// metres writes centimetres with two decimals.
func metres(cm int64) string { return strconv.FormatFloat(float64(cm)/100, 'f', 2, 64) }

// precision is centimetres as a digit and a power of ten, one nibble each; further digits are dropped, as BIND does.
func precision(cm int64) byte {
	exp := byte(0)
	for cm > 9 {
		cm /= 10
		exp++
	}
	return byte(cm)<<4 | exp
}

// locMembers are the members of LOC data in the order of their names, as answers have them. The presets of the schema
// stand in for absent ones.
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
	var l location
	var err error
	if l.latParts, err = newParts([]string{v["lat_degrees"], v["lat_minutes"], v["lat_seconds"]}, "lat", 90); err != nil {
		return recdata{}, err
	}
	if l.longParts, err = newParts([]string{v["long_degrees"], v["long_minutes"], v["long_seconds"]}, "long", 180); err != nil {
		return recdata{}, err
	}
	if l.south, err = direction(v["lat_direction"], "lat_direction", "N", "S"); err != nil {
		return recdata{}, err
	}
	if l.west, err = direction(v["long_direction"], "long_direction", "E", "W"); err != nil {
		return recdata{}, err
	}
	if err := l.setMetres([]string{v["altitude"], v["size"], v["precision_horz"], v["precision_vert"]}); err != nil {
		return recdata{}, err
	}
	return l.recdata(), nil
}

func direction(s, member, plus, minus string) (negative bool, err error) {
	switch strings.ToUpper(s) {
	case plus:
		return false, nil
	case minus:
		return true, nil
	}
	return false, faulty(member, "%s must be %s or %s", member, plus, minus)
}

// locObject gives the members' JSON for content in the form that recdata writes.
func locObject(content string) map[string]string {
	f := strings.Fields(content)
	if len(f) != 12 {
		return nil
	}
	return map[string]string{
		"lat_degrees": number(f[0]), "lat_minutes": number(f[1]), "lat_seconds": number(f[2]), "lat_direction": `"` + f[3] + `"`,
		"long_degrees": number(f[4]), "long_minutes": number(f[5]), "long_seconds": number(f[6]), "long_direction": `"` + f[7] + `"`,
		"altitude": number(f[8]), "size": number(f[9]), "precision_horz": number(f[10]), "precision_vert": number(f[11]),
	}
}

// number writes a decimal as short as it goes: whole ones as integers, for libdns decodes nothing else.
func number(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}

// parseDecimal reads a finite decimal; the words and the hexadecimal that ParseFloat takes are refused.
func parseDecimal(s string) (float64, error) {
	if s == "" || strings.Trim(s, "0123456789.eE+-") != "" {
		return 0, faulty("", "%s is not a number", strconv.Quote(s))
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, faulty("", "%s is not a number", strconv.Quote(s))
	}
	return x, nil
}
