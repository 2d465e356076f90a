package zone

import (
	"fmt"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
)

type signingWaitJSON struct {
	For   string    `json:"for"`
	Since api.Stamp `json:"since"`
	Until api.Stamp `json:"until"`
	Who   []string  `json:"who"`
	Text  string    `json:"text"`
}

// renderWaits tells what a key waits for. Each text ends with who must act: that is what people ask of a state first.
func renderWaits(d *model.DNSSEC, k *model.ZoneKey) []signingWaitJSON {
	out := []signingWaitJSON{}
	if w := k.Wait; w != nil {
		name, text := waitText(d, k, w)
		out = append(out, signingWaitJSON{name, api.Stamp(w.Since), api.Stamp(w.Until), api.OrEmpty(w.Who), text})
	}
	if at := rollsOn(d, k); !at.IsZero() {
		text := "It will be rolled on " + at.UTC().Format(time.DateOnly) + ". Nobody has to act."
		out = append(out, signingWaitJSON{"clock", api.Stamp(at.Add(-days(lifetime(d, k)))), api.Stamp(at), []string{}, text})
	}
	return out
}

func waitText(d *model.DNSSEC, k *model.ZoneKey, w *dnssec.Wait) (name, text string) {
	const nobody = " Nobody has to act."
	switch w.For {
	case dnssec.Signatures:
		return "signatures", "The zone's signatures are being made." + nobody
	case dnssec.Servers:
		if len(w.Who) == 0 {
			return "secondaries", "Nobody has looked yet whether all servers have the version that this is about." + nobody
		}
		return "secondaries", "Not all servers have been seen with the version that this is about: " + listed(w.Who) + " lag behind. " +
			"If that lasts, whoever runs them has to act; the zone's secondaries are shown with the cause."
	case dnssec.Caches:
		return "caches", "Caches may hold what was before until " + minute(w.Until) + "." + nobody
	case dnssec.DSAdded:
		return "parent", fmt.Sprintf("The parent does not show the DS record of key %d at all of its servers. ", k.Public.Tag()) + registrar(d, "enter it")
	case dnssec.DSRemoved:
		return "parent", fmt.Sprintf("The parent still shows the DS record of key %d. ", k.Public.Tag()) + registrar(d, "remove it")
	default:
		return "keys", "It is the next one's turn first: see what the other keys wait for." + nobody
	}
}

// registrar says who changes what the parent has.
func registrar(d *model.DNSSEC, what string) string {
	const who = "whoever manages the domain at its registrar has to "
	if d.CDS == model.SwitchOff {
		return strings.ToUpper(who[:1]) + who[1:] + what + "."
	}
	return "Unless the parent follows CDS records, " + who + what + "."
}

// mostListed bounds how many servers a sentence names.
const mostListed = 5

func listed(who []string) string {
	if n := len(who); n > mostListed {
		return strings.Join(who[:mostListed], ", ") + fmt.Sprintf(" and %d more", n-mostListed)
	}
	return strings.Join(who, ", ")
}

// rollsOn is when a key is rolled by the clock; zero for never.
func rollsOn(d *model.DNSSEC, k *model.ZoneKey) time.Time {
	n := lifetime(d, k)
	if n == 0 || k.State.Leaving || d.Status != model.DNSSECActive {
		return time.Time{}
	}
	t := dnssec.SignsZone
	if k.State.Role != dnssec.ZSK {
		t = dnssec.SignsKeys
	}
	if m := k.State.Marks[t]; m.On {
		return m.Since.Add(days(n))
	}
	return time.Time{}
}

// lifetime is for how many days a key signs; 0 for as long as nobody asks for another.
func lifetime(d *model.DNSSEC, k *model.ZoneKey) int {
	if k.State.Role == dnssec.ZSK {
		return d.ZSKDays
	}
	return d.KSKDays
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }
