package audit

import (
	"encoding/binary"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Tags of a user. No password, no key and no value of sessions is told: only that there is a key.
const (
	userEmail = iota + 1
	userFirst
	userLast
	userFlags
	userCreated
	userModified
)

// hasKey stands where the digest of a key was; it is none.
const hasKey = "set"

func (w *writer) user(out *told, u *model.User) {
	w.own(out, u.ID)
	out.text(userEmail, u.Email)
	out.text(userFirst, u.FirstName)
	out.text(userLast, u.LastName)
	out.number(userFlags, bits(u.Admin, u.Suspended, len(u.KeyHash) > 0))
	w.moment(out, userCreated, u.Created)
	w.moment(out, userModified, u.Modified)
}

func (r *reader) user(v *values) model.User {
	flags := v.getNumber(userFlags)
	u := model.User{
		ID: r.own(v), Email: string(v[userEmail]), FirstName: string(v[userFirst]), LastName: string(v[userLast]),
		Admin: flags&1 != 0, Suspended: flags&2 != 0, Created: r.moment(v, userCreated), Modified: r.moment(v, userModified),
	}
	if flags&4 != 0 {
		u.KeyHash = []byte(hasKey)
	}
	return u
}

// Tags of a token. Its value is told by nobody, nor is the digest of it.
const (
	tokName = iota + 1
	tokStatus
	tokIssued
	tokModified
	tokUsed
	tokNotBefore
	tokExpires
	tokCondition
	tokMakerUser
	tokMakerToken
	tokPolicies
)

func (w *writer) token(out *told, t *model.Token) {
	w.own(out, t.ID)
	out.text(tokName, t.Name)
	out.text(tokStatus, t.Status)
	w.moment(out, tokIssued, t.Issued)
	w.moment(out, tokModified, t.Modified)
	w.moment(out, tokUsed, t.LastUsed)
	w.moment(out, tokNotBefore, t.NotBefore)
	w.moment(out, tokExpires, t.Expires)
	out.octets(tokCondition, t.Condition)
	out.id(tokMakerUser, t.Maker.User)
	out.id(tokMakerToken, t.Maker.Token)
	if t.Policies == nil {
		return
	}
	var b []byte
	for i := range t.Policies {
		p := &t.Policies[i]
		b = appendOctets(appendID(b, p.ID), []byte(p.Effect))
		b = binary.AppendUvarint(b, uint64(len(p.Groups)))
		for _, g := range p.Groups {
			b = appendID(b, g)
		}
		b = appendOctets(b, p.Resources)
	}
	out.put(tokPolicies, append([]byte{}, b...))
}

func (r *reader) token(v *values) model.Token {
	t := model.Token{
		ID: r.own(v), Name: string(v[tokName]), Status: string(v[tokStatus]), Issued: r.moment(v, tokIssued), Modified: r.moment(v, tokModified),
		LastUsed: r.moment(v, tokUsed), NotBefore: r.moment(v, tokNotBefore), Expires: r.moment(v, tokExpires), Condition: v[tokCondition],
		Maker: model.Maker{User: v.getID(tokMakerUser), Token: v.getID(tokMakerToken)},
	}
	in := reader{b: v[tokPolicies]}
	for len(in.b) > 0 {
		p := model.Policy{ID: in.id(), Effect: string(in.octets())}
		for range in.uvarint() {
			p.Groups = append(p.Groups, in.id())
			if in.bad {
				r.fail()
				return t
			}
		}
		p.Resources = in.octets()
		if in.bad {
			r.fail()
			return t
		}
		t.Policies = append(t.Policies, p)
	}
	return t
}
