package history

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// told lists the resources that the source of a folder has entries told of: what stands in "resource" or "Resource" of a literal, and the
// actions of edits of zones.
func told(t *testing.T, dir string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			kv, ok := n.(*ast.KeyValueExpr)
			if !ok {
				return true
			}
			k, ok := kv.Key.(*ast.Ident)
			if !ok || k.Name != "resource" && k.Name != "Resource" {
				return true
			}
			switch v := kv.Value.(type) {
			case *ast.BasicLit:
				s, _ := strconv.Unquote(v.Value)
				out[s] = true
			case *ast.CallExpr: // zoneResource("update_policy")
				if lit, ok := v.Args[0].(*ast.BasicLit); ok {
					s, _ := strconv.Unquote(lit.Value)
					out["zone."+s] = true
				}
			}
			return true
		})
	}
	return out
}

// TestNoChangeIsOther: whatever is told of a zone has a kind of its own.
func TestNoChangeIsOther(t *testing.T) {
	t.Parallel()
	all := told(t, "../commit")
	for r := range told(t, "../draft") {
		all[r] = true
	}
	zone, other := model.Zone{}, model.Zone{Paused: true}
	settled := 0
	for r := range all {
		if r != "zone" && !strings.HasPrefix(r, "zone.") && r != "dns.record" {
			continue // an account's
		}
		settled++
		for _, p := range []model.AuditPart{
			{Action: "create", Resource: r, After: model.AuditFacts{{Name: "n", Number: 1}}},
			{Action: "update", Resource: r},
			{Action: "view", Resource: r},
			{Action: "delete", Resource: r, Before: model.AuditFacts{{Name: "n", Text: "x"}}},
		} {
			if r == "zone" || r == "dns.record" { // these tell of zones and records themselves
				p.Before, p.After = zone, other
			}
			if c := describe(&model.Audit{Parts: []model.AuditPart{p}}); c.Kind == KindOther {
				t.Errorf("%s of %s is told as %q", p.Action, r, c.Kind)
			}
		}
	}
	if settled < 9 {
		t.Errorf("%d resources found: %v", settled, all)
	}
	for r := range kinds {
		if !all[r] {
			t.Errorf("nobody tells of %s", r)
		}
	}
	// Members of a zone that nobody is told of.
	if c := describe(&model.Audit{Parts: []model.AuditPart{{Action: "update", Resource: "zone.entitlements", Before: zone, After: zone}}}); c.Kind != KindSettings {
		t.Errorf("members that nobody is told of are %q", c.Kind)
	}
}

// TestPolicyOutOfFacts: what the audit log tells of a policy makes that policy again.
func TestPolicyOutOfFacts(t *testing.T) {
	t.Parallel()
	for _, p := range []model.UpdatePolicy{
		{ID: "i", TSIG: "t", Names: []model.UpdateName{{Match: model.MatchSelf}}},
		{ID: "i", TSIG: "t", Names: []model.UpdateName{{Match: model.MatchExact, Name: `a,b\032c.example`}, {Match: model.MatchSelf}, {Match: model.MatchWildcard, Name: "_a.*"}}, Comment: "a, b; c"},
		{ID: "i", TSIG: "t", Names: []model.UpdateName{{Match: model.MatchSubtree, Name: "example"}}, Types: []wire.Type{1, 16, 65280}},
		{ID: "i", TSIG: "t", Names: []model.UpdateName{{Match: model.MatchSubtree, Name: "example"}}, Except: []wire.Type{15}},
	} {
		got, ok := model.UpdatePolicyOf("i", p.Facts())
		if !ok || got.Facts().Words() != p.Facts().Words() || len(got.Names) != len(p.Names) || len(got.Types) != len(p.Types) {
			t.Errorf("%+v: %v, %+v", p, ok, got)
		}
	}
	for _, facts := range []model.AuditFacts{nil, {{Name: "tsig_id", Text: "t"}}, {{Name: "tsig_id", Text: "t"}, {Name: "names", Text: "self"}, {Name: "types", Text: "what?"}}} {
		if p, ok := model.UpdatePolicyOf("i", facts); ok {
			t.Errorf("%v: %+v", facts, p)
		}
	}
}
