package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Package is what one directory holds.
type Package struct {
	Dir      string // relative to the root
	Doc      string // the package's comment
	Files    int
	Lines    int // without blank ones
	Comments int // lines that hold nothing but a comment
	Funcs    []Func
}

// Func is a function or method, its length in lines.
type Func struct {
	Name  string // with its directory
	Lines int
}

// CommentShare is the share of comment lines among all that are not blank.
func (p *Package) CommentShare() float64 {
	if p.Lines == 0 {
		return 0
	}
	return float64(p.Comments) / float64(p.Lines)
}

// Quantile is the length that so many per cent of the functions do not exceed.
func (p *Package) Quantile(percent int) int {
	if len(p.Funcs) == 0 {
		return 0
	}
	sorted := slices.SortedFunc(slices.Values(p.Funcs), func(a, b Func) int { return cmp.Compare(a.Lines, b.Lines) })
	return sorted[(len(sorted)-1)*percent/100].Lines
}

// Longest sorts functions, the longest first.
func Longest(all []Func) []Func {
	return slices.SortedFunc(slices.Values(all), func(a, b Func) int { return cmp.Compare(b.Lines, a.Lines) })
}

// Read reads all packages below root.
func Read(root string) ([]*Package, error) {
	byDir := map[string]*Package{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if name == "node_modules" || name == "testdata" || (strings.HasPrefix(name, ".") && path != root) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		p := byDir[dir]
		if p == nil {
			p = &Package{Dir: filepath.ToSlash(dir)}
			byDir[dir] = p
		}
		return p.add(path)
	})
	out := []*Package{}
	for _, p := range byDir {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *Package) int { return strings.Compare(a.Dir, b.Dir) })
	return out, err
}

// add counts one file.
func (p *Package) add(path string) error {
	src, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("parse: %w", err)
	}
	if ast.IsGenerated(f) {
		return nil
	}
	p.Files++
	if f.Doc != nil {
		p.Doc += f.Doc.Text()
	}
	for line := range strings.SplitSeq(string(src), "\n") {
		switch line = strings.TrimSpace(line); {
		case line == "":
		case strings.HasPrefix(line, "//"):
			p.Comments++
			p.Lines++
		default:
			p.Lines++
		}
	}
	for _, decl := range f.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		lines := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1
		p.Funcs = append(p.Funcs, Func{Name: p.Dir + "." + receiver(fn) + fn.Name.Name, Lines: lines})
	}
	return nil
}

// receiver is the receiver's type with a dot behind it, or nothing.
func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return ""
	}
	t := fn.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if generic, ok := t.(*ast.IndexExpr); ok {
		t = generic.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name + "."
	}
	return ""
}
