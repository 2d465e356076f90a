package zone

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
)

// signingBody is a PATCH of how a zone is signed; what is absent stays.
type signingBody struct {
	Policy api.Optional[struct {
		Algorithm api.Optional[int]    `json:"algorithm"`
		ZSKDays   api.Optional[int]    `json:"zsk_roll_days"`
		KSKRoll   api.Optional[string] `json:"ksk_roll"`
		CDS       api.Optional[bool]   `json:"cds"`
	}] `json:"policy"`
	Denial api.Optional[string] `json:"denial"`
}

// Bounds of a ZSK's life. A roll waits for secondaries and caches, up to some days: one must be over before the next begins.
const (
	zskDaysLeast = 7
	zskDaysMost  = 3650
	// kskDays is the life of a KSK that rolls by itself.
	kskDays = 365
)

func editSigning(_ *api.API, q *api.Request) error {
	var b signingBody
	if err := q.Decode(&b); err != nil {
		return err
	}
	if err := b.check(); err != nil {
		return err
	}
	// Another algorithm for a zone that is signed is a roll, to which the rules of rolls apply.
	algorithm := b.algorithm()
	rolls := algorithm != 0 && q.Zone.DNSSEC.Signed && algorithm != q.Zone.DNSSEC.KeyAlgorithm()
	edits := []model.Edit{model.EditZone{Action: "dnssec", Apply: func(z model.Zone) (model.Zone, error) {
		d := &z.DNSSEC
		switch {
		case algorithm == 0 || rolls:
		case d.Signed && d.KeyAlgorithm() != algorithm:
			return z, api.Invalid(model.CodeDNSSECState, "/policy/algorithm", "The zone has just been signed, with another algorithm: it changes by a roll.")
		default:
			d.Algorithm = algorithm
		}
		return z, b.merge(d)
	}}}
	var pointers map[int]string
	if rolls {
		edits = append(edits, model.RollKeys{Algorithm: algorithm})
		pointers = map[int]string{model.CodeDNSSECState: "/policy/algorithm"}
	}
	return changeSigning(q, http.StatusOK, pointers, edits...)
}

// changeSigning makes the change and answers with the zone as it is then.
func changeSigning(q *api.Request, status int, pointers map[int]string, edits ...model.Edit) error {
	res, err := q.Change(edits...)
	if err != nil {
		return api.PointAt(api.OrMissing(err, model.CodeDNSSECNoKey, textNoKey), pointers)
	}
	return okSigning(q, status, res.Outcomes[len(edits)-1].Zone)
}

func (b *signingBody) algorithm() dnssec.Algorithm {
	return dnssec.Algorithm(b.Policy.Value.Algorithm.Value) // check has bounded it
}

func (b *signingBody) check() error {
	p := &b.Policy.Value
	switch {
	case p.Algorithm.Set && !knownAlgorithm(p.Algorithm.Value):
		return badAlgorithm("/policy/algorithm")
	case p.ZSKDays.Set && p.ZSKDays.Value != 0 && (p.ZSKDays.Value < zskDaysLeast || p.ZSKDays.Value > zskDaysMost):
		return badSigning("/policy/zsk_roll_days", "zsk_roll_days must be 0, for a roll when it is asked for, or %d to %d.", zskDaysLeast, zskDaysMost)
	case p.KSKRoll.Set && p.KSKRoll.Value != kskByRequest && p.KSKRoll.Value != kskByCDS:
		return badSigning("/policy/ksk_roll", "ksk_roll must be request or cds.")
	case b.Denial.Set && b.Denial.Value != denialNSEC && b.Denial.Value != denialNSEC3:
		return badSigning("/denial", "denial must be nsec or nsec3.")
	}
	return nil
}

// merge lays the members over what there is. A KSK can roll by itself only where CDS records tell the parent of the next one.
func (b *signingBody) merge(d *model.DNSSEC) error {
	p := &b.Policy.Value
	if p.ZSKDays.Set {
		d.ZSKDays = p.ZSKDays.Value
	}
	if p.KSKRoll.Set {
		d.KSKDays = map[bool]int{true: kskDays}[p.KSKRoll.Value == kskByCDS]
	}
	if p.CDS.Given() {
		d.CDS = switchOf(p.CDS.Value)
	}
	if d.KSKDays > 0 && d.CDS == model.SwitchOff {
		return badSigning("/policy/ksk_roll", "KSKs roll by themselves only where CDS records tell the parent of the next one: cds must be true.")
	}
	if b.Denial.Set {
		d.NSEC3 = switchOf(b.Denial.Value == denialNSEC3)
	}
	return nil
}

func switchOf(on bool) model.Switch {
	if on {
		return model.SwitchOn
	}
	return model.SwitchOff
}

func knownAlgorithm(n int) bool { return n > 0 && n < 256 && dnssec.Algorithm(n).Known() }

func badAlgorithm(at string) error {
	return badSigning(at, "The algorithm must be 8, 13, 14 or 15.")
}

func badSigning(at, format string, args ...any) error {
	return api.Invalid(model.CodeDNSSECPolicy, at, fmt.Sprintf(format, args...))
}

// rollKeys asks for other keys in place of those of a role, or of all.
func rollKeys(_ *api.API, q *api.Request) error {
	var in struct {
		Role      api.Optional[string] `json:"role"`
		Algorithm api.Optional[int]    `json:"algorithm"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	var e model.RollKeys
	at := "/role"
	switch {
	case in.Role.Set == in.Algorithm.Set:
		return badSigning("", "Either role or algorithm says what is to be rolled.")
	case in.Algorithm.Set && !knownAlgorithm(in.Algorithm.Value):
		return badAlgorithm("/algorithm")
	case in.Algorithm.Set:
		e.Algorithm, at = dnssec.Algorithm(in.Algorithm.Value), "/algorithm"
	default:
		role, ok := rolesByName[in.Role.Value]
		if !ok {
			return badSigning("/role", "role must be ksk, zsk or csk.")
		}
		e.Role = role
	}
	return changeSigning(q, http.StatusOK, map[int]string{model.CodeDNSSECState: at}, e)
}

//nolint:gochecknoglobals // table
var rolesByName = map[string]dnssec.Role{roleKSK: dnssec.KSK, roleZSK: dnssec.ZSK, roleCSK: dnssec.KSK | dnssec.ZSK}

// seeDS takes somebody's word for what the parent has.
func seeDS(_ *api.API, q *api.Request) error {
	var in struct {
		Key  model.ID           `json:"key_id"`
		Seen api.Optional[bool] `json:"seen"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	switch {
	case !api.ValidID(string(in.Key)):
		return badSigning("/key_id", "key_id must be the id of a key of the zone.")
	case !in.Seen.Given():
		return badSigning("/seen", "seen must be true or false.")
	}
	return changeSigning(q, http.StatusOK, map[int]string{model.CodeDNSSECNoKey: "/key_id", model.CodeDNSSECState: "/key_id"},
		model.SeenDS{Key: in.Key, There: in.Seen.Value})
}

// administers says whether who asks may have private keys come and go: they are as good as all that the account's zones say.
func administers(q *api.Request) error {
	if !q.Who.Can(api.AccSetWrite, q.Account, "") {
		return auth.Forbidden(false)
	}
	return nil
}

// importKey takes a key in BIND's form, which other signers export, too.
func importKey(_ *api.API, q *api.Request) error {
	var in struct {
		Public  string               `json:"public"`
		Private string               `json:"private"`
		Role    api.Optional[string] `json:"role"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	k, _, err := dnssec.ParseBIND(q.Zone.Name, in.Public, in.Private)
	if err != nil {
		return badKey(err)
	}
	role := dnssec.ZSK
	if k.SEP() {
		role = dnssec.KSK
	}
	if in.Role.Set {
		asked, ok := rolesByName[in.Role.Value]
		switch {
		case !ok:
			return badSigning("/role", "role must be ksk, zsk or csk.")
		case (asked&dnssec.KSK != 0) != k.SEP():
			return badSigning("/role", "A key of flags %d cannot be a %s.", k.Flags, in.Role.Value)
		}
		role = asked
	}
	if err := administers(q); err != nil {
		return err
	}
	return changeSigning(q, http.StatusCreated, map[int]string{model.CodeDNSSECKey: "/public", model.CodeDNSSECState: "/public"}, model.ImportKey{Key: k, Role: role})
}

// badKey says what is wrong with a key's files, and in which of them.
func badKey(err error) error {
	at, text := "/public", "The key files are not usable: "+err.Error()+"."
	switch {
	case errors.Is(err, dnssec.ErrPair):
		at = "/private"
	case errors.Is(err, dnssec.ErrAlgorithm):
		text = "The key cannot be used: " + err.Error() + "."
	}
	return api.Invalid(model.CodeDNSSECKey, at, text)
}

// dropKey removes a key of which nothing is left in the zone.
func dropKey(_ *api.API, q *api.Request) error {
	return changeSigning(q, http.StatusOK, nil, model.DropKey{ID: q.PathID("key_id")})
}

type exportedKeyJSON struct {
	Name    string `json:"name"`
	Key     string `json:"key"`
	Private string `json:"private"`
}

// exportKey shows a key whole. That it does is in the audit log before it is shown.
func exportKey(_ *api.API, q *api.Request) error {
	keys, err := zoneKeys(q, q.Zone.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(keys, func(k model.ZoneKey) bool { return k.ID == q.PathID("key_id") })
	if i < 0 {
		return noKey()
	}
	if err := administers(q); err != nil {
		return err
	}
	k := &keys[i]
	if len(k.Private) == 0 {
		return &model.Invalid{Code: model.CodeDNSSECKeys, Status: http.StatusInternalServerError, Message: lostKeys(keys)}
	}
	whole, err := dnssec.ParsePrivate(&k.Public, k.Private)
	if err != nil {
		return fmt.Errorf("key %s: %w", k.ID, err)
	}
	times := dnssec.Times{
		Created: k.Created, Publish: k.State.Marks[dnssec.Published].Since, Activate: k.State.Marks[signsBy(&k.State)].Since,
	}
	var out exportedKeyJSON
	if out.Name, out.Key, out.Private, err = whole.BIND(q.Zone.Name, times); err != nil {
		return fmt.Errorf("key %s: %w", k.ID, err)
	}
	if _, err := q.Change(model.ExportKey{ID: k.ID}); err != nil {
		return api.OrMissing(err, model.CodeDNSSECNoKey, textNoKey)
	}
	return q.OK(out)
}

// signsBy is the trace by which a key signs first.
func signsBy(k *dnssec.KeyState) dnssec.Trace {
	if k.Role == dnssec.ZSK {
		return dnssec.SignsZone
	}
	return dnssec.SignsKeys
}

func noKey() error { return api.OrMissing(model.ErrNotFound, model.CodeDNSSECNoKey, textNoKey) }

const textNoKey = "The zone has no such key."
