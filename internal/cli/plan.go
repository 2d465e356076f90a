package cli

import (
	"fmt"
	"io"
	"strings"
)

// Headers by which a call is tried out, or goes into a draft.
const (
	dryRun    = "Headwater-Dry-Run"
	intoDraft = "Headwater-Draft"
)

// plan is what a server says that a call, or a draft, would do.
type plan struct {
	Counts struct{ Added, Changed, Removed int } `json:"counts"`
	Zones  []struct {
		Name   string `json:"name"`
		Serial struct {
			Before uint32 `json:"before"`
			After  uint32 `json:"after"`
		} `json:"serial"`
		Agree       bool     `json:"faces_agree"`
		Served      planFace `json:"served"`
		Transferred planFace `json:"transferred"`
		Notified    []string `json:"notified"`
		Review      struct {
			New  []planFinding `json:"new"`
			Gone []planFinding `json:"gone"`
		} `json:"review"`
		RefusedBy []string `json:"refused_by"`
	} `json:"zones"`
	Total   int `json:"zones_total"`
	Clashes []struct {
		Reason string `json:"reason"`
	} `json:"clashes"`
}

type planFace struct {
	Count int `json:"count"`
	Sets  []struct {
		Name   string   `json:"name"`
		Type   string   `json:"type"`
		Before *planSet `json:"before"`
		After  *planSet `json:"after"`
	} `json:"rrsets"`
}

type planSet struct {
	TTL  uint32   `json:"ttl"`
	Data []string `json:"data"`
}

type planFinding struct {
	Severity string `json:"severity"`
	Name     string `json:"name"`
	Type     string `json:"type"`
	Message  string `json:"message"`
}

// write shows a plan as a difference.
func (p *plan) write(w io.Writer) error {
	for _, c := range p.Clashes {
		fmt.Fprintln(w, "clash:", c.Reason)
	}
	for i := range p.Zones {
		z := &p.Zones[i]
		fmt.Fprintf(w, "%s: serial %d -> %d\n", z.Name, z.Serial.Before, z.Serial.After)
		if !z.Agree {
			fmt.Fprintln(w, "answered:")
		}
		z.Served.write(w)
		if !z.Agree {
			fmt.Fprintln(w, "transferred:")
			z.Transferred.write(w)
		}
		for _, f := range z.Review.New {
			fmt.Fprintf(w, "new %s: %s %s: %s\n", f.Severity, f.Name, f.Type, f.Message)
		}
		for _, f := range z.Review.Gone {
			fmt.Fprintf(w, "no more %s: %s %s: %s\n", f.Severity, f.Name, f.Type, f.Message)
		}
		if len(z.RefusedBy) > 0 {
			fmt.Fprintln(w, "refused by:", strings.Join(z.RefusedBy, ", "))
		}
		if len(z.Notified) > 0 {
			fmt.Fprintln(w, "notified:", strings.Join(z.Notified, ", "))
		}
	}
	if more := p.Total - len(p.Zones); more > 0 {
		fmt.Fprintf(w, "and %d more zones\n", more)
	}
	_, err := fmt.Fprintf(w, "%d added, %d changed, %d removed\n", p.Counts.Added, p.Counts.Changed, p.Counts.Removed)
	return err
}

func (f *planFace) write(w io.Writer) {
	for i := range f.Sets {
		s := &f.Sets[i]
		s.Before.write(w, "-", s.Name, s.Type, s.After)
		s.After.write(w, "+", s.Name, s.Type, s.Before)
	}
	if more := f.Count - len(f.Sets); more > 0 {
		fmt.Fprintf(w, "  and %d more RRsets\n", more)
	}
}

// write shows the records that the other state of the RRset lacks.
func (s *planSet) write(w io.Writer, sign, name, kind string, other *planSet) {
	if s == nil {
		return
	}
	there := map[string]bool{}
	if other != nil && other.TTL == s.TTL {
		for _, d := range other.Data {
			there[d] = true
		}
	}
	for _, d := range s.Data {
		if !there[d] {
			fmt.Fprintf(w, "  %s %s %d %s %s\n", sign, name, s.TTL, kind, d)
		}
	}
}
