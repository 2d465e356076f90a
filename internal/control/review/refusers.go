package review

import (
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// servers are those whose ways this package knows.
func servers() [4]string { return [4]string{"BIND", "NSD", "Knot", "PowerDNS"} }

// RefusedBy names the servers that refuse a zone, as it is transferred, for a finding; nil where none does. The texts of this package say so in
// one form: in a sentence of its own, their names, and then "refuse" or "refuses". What is refused as a file alone is not.
func RefusedBy(f *model.Finding) (out []string) {
	if f.Severity != model.SeverityCritical {
		return nil
	}
	for sentence := range strings.SplitSeq(f.Message, ". ") {
		who, what, found := strings.Cut(sentence, "refuse")
		if !found || strings.Contains(what, "as a file") {
			continue
		}
		for _, name := range servers() {
			if strings.Contains(who, name) && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}
