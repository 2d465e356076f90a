package internal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// An error's code means one thing: clients decide by it.
func TestCodesMeanOneThing(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), "control/model/codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{} // by code
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, v := range spec.Values {
			lit, ok := v.(*ast.BasicLit)
			if !ok || !strings.HasPrefix(spec.Names[i].Name, "Code") {
				continue
			}
			if other, taken := names[lit.Value]; taken {
				t.Errorf("%s is %s and %s", lit.Value, other, spec.Names[i].Name)
			}
			names[lit.Value] = spec.Names[i].Name
		}
		return true
	})
	if len(names) < 50 {
		t.Errorf("%d codes found", len(names))
	}
}
