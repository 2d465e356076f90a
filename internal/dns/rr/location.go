package rr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Location is the meaning of LOC data (RFC 1876). Angles are in thousandths of a second of arc, north and east positive;
// lengths are in centimetres. Sizes may have more digits than the wire keeps.
type Location struct {
	Latitude, Longitude        int64
	Altitude                   int64
	Size, Horizontal, Vertical int64
}

// Bounds of a location, in its units.
const (
	MaxLatitude  = 90 * 3600_000
	MaxLongitude = 180 * 3600_000
	MinAltitude  = -100_000_00
	MaxAltitude  = math.MaxUint32 + MinAltitude
	MaxSize      = 90_000_000_00
)

// valid says whether the location is within all bounds.
func (l Location) valid() bool {
	size := func(cm int64) bool { return cm >= 0 && cm <= MaxSize }
	return max(l.Latitude, -l.Latitude) <= MaxLatitude && max(l.Longitude, -l.Longitude) <= MaxLongitude &&
		l.Altitude >= MinAltitude && l.Altitude <= MaxAltitude && size(l.Size) && size(l.Horizontal) && size(l.Vertical)
}

// ErrLocation is the error of LOC data that is not in the form of RFC 1876 section 3, or out of bounds.
var ErrLocation = errors.New("it is not a location as in RFC 1876")

// ParseLocation reads the presentation format: minutes, seconds, sizes and the m of metres may be absent.
func ParseLocation(text string) (Location, error) {
	f := strings.Fields(text)
	l := Location{Size: 1_00, Horizontal: 10_000_00, Vertical: 10_00}
	var ok bool
	if l.Latitude, f, ok = takeAngle(f, "N", "S"); !ok {
		return l, ErrLocation
	}
	if l.Longitude, f, ok = takeAngle(f, "E", "W"); !ok || len(f) < 1 || len(f) > 4 {
		return l, ErrLocation
	}
	for i, to := range []*int64{&l.Altitude, &l.Size, &l.Horizontal, &l.Vertical}[:len(f)] {
		if *to, ok = Scaled(strings.TrimSuffix(strings.ToLower(f[i]), "m"), 100); !ok {
			return l, ErrLocation
		}
	}
	if !l.valid() {
		return l, ErrLocation
	}
	return l, nil
}

// takeAngle reads up to three numbers and the letter of a direction.
func takeAngle(f []string, plus, minus string) (angle int64, rest []string, ok bool) {
	scale := []int64{3600_000, 60_000, 1000}
	for i, s := range f {
		negative := strings.EqualFold(s, minus)
		if negative || strings.EqualFold(s, plus) {
			if negative {
				angle = -angle
			}
			return angle, f[i+1:], i > 0
		}
		if i == 3 {
			break
		}
		unit := int64(1)
		if i == 2 {
			unit = 1000
		}
		n, ok := Scaled(s, unit)
		if !ok || n < 0 || i > 0 && n >= 60*unit {
			break
		}
		angle += n * (scale[i] / unit)
	}
	return 0, nil, false
}

// Scaled reads a decimal and multiplies it by unit, rounded to the nearest; for a unit of 1 it must be whole. The words
// and the hexadecimal of ParseFloat are refused.
func Scaled(s string, unit int64) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789.eE+-") != "" {
		return 0, false
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || math.Abs(x) > 1<<40 || unit == 1 && x != math.Trunc(x) {
		return 0, false
	}
	return int64(math.Round(x * float64(unit))), true
}

// readLocation reads a location (RFC 1876 section 3) whose numbers have no more digits than it can hold.
func readLocation(dst []byte, s *scanner) ([]byte, error) {
	text := s.text
	s.text = ""
	l, err := ParseLocation(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	angles, at := 2, 0 // still to come, and the number's place in the one at hand
	for s := range strings.FieldsSeq(text) {
		if strings.ContainsAny(s, "NSEWnsew") {
			angles, at = angles-1, 0
			continue
		}
		places := 2
		switch {
		case angles > 0 && at == 2:
			places = 3
		case angles > 0:
			places = 0
		case at == 0:
			s = strings.TrimPrefix(s, "-")
		}
		whole, fraction, dot := strings.Cut(strings.TrimRight(s, "mM"), ".")
		if whole == "" || strings.Trim(whole+fraction, "0123456789") != "" || dot && (fraction == "" || len(fraction) > places) {
			return nil, fmt.Errorf("%w: %q is not a number of %d decimal places", ErrSyntax, s, places)
		}
		at++
	}
	return append(dst, l.Data()...), nil
}

func writeLocation(dst, _, part []byte) []byte { return append(dst, locationOf(part).Text("m")...) }

// Data is the location as RDATA (RFC 1876 section 2). Of a size the first digit is kept, as BIND does.
func (l Location) Data() []byte {
	b := []byte{0, precision(l.Size), precision(l.Horizontal), precision(l.Vertical)}
	b = binary.BigEndian.AppendUint32(b, uint32(1<<31+l.Latitude))
	b = binary.BigEndian.AppendUint32(b, uint32(1<<31+l.Longitude))
	return binary.BigEndian.AppendUint32(b, uint32(l.Altitude-MinAltitude))
}

func precision(cm int64) byte {
	exp := byte(0)
	for cm > 9 {
		cm /= 10
		exp++
	}
	return byte(cm)<<4 | exp
}

// locationOf reads RDATA that checkLocation has passed.
func locationOf(data []byte) Location {
	size := func(p byte) int64 {
		n := int64(p >> 4)
		for range p & 15 {
			n *= 10
		}
		return n
	}
	return Location{
		Size: size(data[1]), Horizontal: size(data[2]), Vertical: size(data[3]),
		Latitude:  int64(binary.BigEndian.Uint32(data[4:])) - 1<<31,
		Longitude: int64(binary.BigEndian.Uint32(data[8:])) - 1<<31,
		Altitude:  int64(binary.BigEndian.Uint32(data[12:])) + MinAltitude,
	}
}

// Text is the presentation format with all its fields; unit follows every length, "m" or nothing.
func (l Location) Text(unit string) string {
	var b strings.Builder
	writeAngle(&b, l.Latitude, "N ", "S ")
	writeAngle(&b, l.Longitude, "E ", "W ")
	for i, cm := range []int64{l.Altitude, l.Size, l.Horizontal, l.Vertical} {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.FormatFloat(float64(cm)/100, 'f', 2, 64))
		b.WriteString(unit)
	}
	return b.String()
}

func writeAngle(b *strings.Builder, a int64, plus, minus string) {
	letter := plus
	if a < 0 {
		a, letter = -a, minus
	}
	fmt.Fprintf(b, "%d %d %d.%03d %s", a/3600_000, a/60_000%60, a/1000%60, a%1000, letter)
}
