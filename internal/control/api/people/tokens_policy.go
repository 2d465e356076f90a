package people

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// Bounds of a token's policies and condition.
const (
	maxPolicies  = 100
	maxGroups    = 200
	maxResources = 1000
	maxRanges    = 1000
)

// policyJSON is one policy as sent. Its id is ours to give.
type policyJSON struct {
	Effect    string          `json:"effect"`
	Groups    []groupRef      `json:"permission_groups"`
	Resources json.RawMessage `json:"resources"`
}

type groupRef struct {
	ID string `json:"id"`
}

// parsePolicies reads a token's policies; an old policy with the same contents hands its id on, so that a token that is
// put back as it was reads back the same.
func parsePolicies(in []policyJSON, old []model.Policy) ([]model.Policy, error) {
	if len(in) == 0 || len(in) > maxPolicies {
		return nil, badToken("/policies", "A token needs 1 to %d policies.", maxPolicies)
	}
	out := make([]model.Policy, 0, len(in))
	for i := range in {
		p, err := parsePolicy(&in[i], fmt.Sprintf("/policies/%d", i))
		if err != nil {
			return nil, err
		}
		p.ID = auth.NewID()
		for k := range old {
			if samePolicy(&old[k], &p) {
				p.ID = old[k].ID
				old = slices.Delete(slices.Clone(old), k, k+1)
				break
			}
		}
		out = append(out, p)
	}
	return out, nil
}

func samePolicy(a, b *model.Policy) bool {
	return a.Effect == b.Effect && slices.Equal(a.Groups, b.Groups) && bytes.Equal(a.Resources, b.Resources)
}

func parsePolicy(in *policyJSON, at string) (model.Policy, error) {
	if in.Effect != auth.EffectAllow && in.Effect != auth.EffectDeny {
		return model.Policy{}, badToken(at+"/effect", "The effect must be allow or deny.")
	}
	if len(in.Groups) == 0 || len(in.Groups) > maxGroups {
		return model.Policy{}, badToken(at+"/permission_groups", "A policy needs 1 to %d permission groups.", maxGroups)
	}
	p := model.Policy{Effect: in.Effect}
	for i, g := range in.Groups {
		if _, ok := auth.GroupByID(model.ID(g.ID)); !ok {
			return model.Policy{}, badToken(fmt.Sprintf("%s/permission_groups/%d/id", at, i), "There is no permission group of this id.")
		}
		p.Groups = append(p.Groups, model.ID(g.ID))
	}
	var compact bytes.Buffer
	if json.Compact(&compact, in.Resources) != nil {
		return model.Policy{}, badToken(at+"/resources", "The resources must be an object.")
	}
	p.Resources = compact.Bytes()
	var err error
	p.Scopes, err = parseResources(p.Resources, at+"/resources")
	return p, err
}

// The prefixes of resource names; the longer one of an account's zones is looked for first.
const (
	resourceZone    = auth.ScopeZone + "."
	resourceAccount = auth.ScopeAccount + "."
	resourceUser    = auth.ScopeUser + "."
)

// parseResources tells what a policy's resources mean: each member is a resource with "*", or an account with an object
// of resources inside it.
func parseResources(raw []byte, at string) ([]model.Scope, error) {
	members, ok := membersOf(raw)
	if !ok || len(members) == 0 || len(members) > maxResources {
		return nil, badToken(at, "The resources must be an object of 1 to %d members.", maxResources)
	}
	var out []model.Scope
	for _, m := range members {
		s, ok := parseResource(m.name)
		if !ok {
			return nil, badToken(at+"/"+pointerToken(m.name), "This is not the name of a resource.")
		}
		if string(m.value) == `"*"` {
			out = append(out, s)
			continue
		}
		inner, ok := membersOf(m.value)
		if !ok || s.Kind != auth.KindAccount || len(inner) == 0 || len(out)+len(inner) > maxResources {
			return nil, badToken(at+"/"+pointerToken(m.name), "The value must be \"*\", or for an account an object of its zones.")
		}
		for _, n := range inner {
			z, ok := parseResource(n.name)
			if !ok || z.Kind != auth.KindZone || string(n.value) != `"*"` {
				return nil, badToken(at+"/"+pointerToken(m.name)+"/"+pointerToken(n.name), "Inside an account there are zones with \"*\".")
			}
			if s.ID != "*" {
				z.Account = model.ID(s.ID)
			}
			out = append(out, z)
		}
	}
	return out, nil
}

func parseResource(name string) (model.Scope, bool) {
	for _, k := range []struct{ prefix, kind string }{
		{resourceZone, auth.KindZone}, {resourceAccount, auth.KindAccount}, {resourceUser, auth.KindUser},
	} {
		if id, ok := strings.CutPrefix(name, k.prefix); ok {
			return model.Scope{Kind: k.kind, ID: id}, id == "*" || isID(id)
		}
	}
	return model.Scope{}, false
}

func isID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// pointerToken escapes a member name for a JSON pointer (RFC 6901 section 3).
func pointerToken(s string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(s)
}

type member struct {
	name  string
	value json.RawMessage
}

// membersOf reads the members of a JSON object in their order.
func membersOf(raw []byte) ([]member, bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	var out []member
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, false
		}
		var v json.RawMessage
		if d.Decode(&v) != nil {
			return nil, false
		}
		out = append(out, member{name, v})
	}
	return out, true
}

// addressJSON is what a condition says of the client's address.
type addressJSON struct {
	In    *[]string `json:"in"`
	NotIn *[]string `json:"not_in"`
}

// parseCondition reads a token's condition under either spelling of its member; raw is what to answer, nil for none. What
// is misspelt or says nothing is refused: it must never be taken for no restriction.
func parseCondition(raw json.RawMessage) (kept []byte, in, notIn []netip.Prefix, err error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil, nil, nil
	}
	fail := func() ([]byte, []netip.Prefix, []netip.Prefix, error) {
		return nil, nil, nil, badToken("/condition", "The condition must be an object with request_ip alone, in it lists in or not_in that are not empty.")
	}
	members, ok := membersOf(raw)
	if !ok || len(members) != 1 || members[0].name != "request.ip" && members[0].name != "request_ip" {
		return fail()
	}
	var a addressJSON
	d := json.NewDecoder(bytes.NewReader(members[0].value))
	d.DisallowUnknownFields()
	if d.Decode(&a) != nil || a.In == nil && a.NotIn == nil {
		return fail()
	}
	at := "/condition/" + members[0].name
	if in, err = parseRanges(a.In, at+"/in"); err != nil {
		return nil, nil, nil, err
	}
	if notIn, err = parseRanges(a.NotIn, at+"/not_in"); err != nil {
		return nil, nil, nil, err
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return fail()
	}
	return compact.Bytes(), in, notIn, nil
}

// parseRanges reads a list of ranges, which must not be empty where it is there.
func parseRanges(list *[]string, at string) ([]netip.Prefix, error) {
	if list == nil {
		return nil, nil
	}
	if len(*list) == 0 || len(*list) > maxRanges {
		return nil, badToken(at, "There must be 1 to %d ranges.", maxRanges)
	}
	out := make([]netip.Prefix, 0, len(*list))
	for i, s := range *list {
		p, ok := api.ParseRange(s)
		// Clients' addresses are compared as IPv4: a range of IPv4 written as IPv6 would match nobody.
		if !ok || p.Addr().Is4In6() {
			return nil, badToken(fmt.Sprintf("%s/%d", at, i), "This is not an address range in CIDR form.")
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func badToken(pointer, format string, args ...any) error {
	return &model.Invalid{Code: model.CodeTokenInvalid, Message: fmt.Sprintf(format, args...), Pointer: pointer}
}
