package review

import "fmt"

// RefusingTexts are the texts that this package has for what a server does not load, and who refuses the zone as it is transferred.
func RefusingTexts() map[string][]string {
	return map[string][]string{
		apexText: {"BIND", "Knot"}, besideText: {"BIND", "Knot"}, fmt.Sprintf(manyText, 101): {"BIND"}, fmt.Sprintf(signedText, 65000): nil,
		"A rule. " + forbiddenText: nil, fmt.Sprintf(addressText, "ns"): nil, wildcardText: {"BIND"}, aliasText: {"PowerDNS"}, keylessText: {"BIND"},
		noKeyText: nil, alpnText: nil, algorithmText: {"PowerDNS"}, cdsText: nil,
	}
}
