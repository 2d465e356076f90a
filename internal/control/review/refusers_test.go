package review_test

import (
	"slices"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/review"
)

// TestRefusedBy reads off the texts who refuses; each text of a critical finding is here.
func TestRefusedBy(t *testing.T) {
	t.Parallel()
	for text, want := range review.RefusingTexts() {
		f := model.Finding{Severity: model.SeverityCritical, Message: text}
		if got := review.RefusedBy(&f); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		f.Severity = model.SeverityWarning
		if got := review.RefusedBy(&f); got != nil {
			t.Errorf("a warning: %q", got)
		}
	}
}
