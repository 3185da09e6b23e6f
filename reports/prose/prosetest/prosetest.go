// Package prosetest checks a book of sentences against the code that says them.
package prosetest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tunbench/reports/prose"
)

// Check reads the code of the package in the working directory, whose book is in
// a variable named book. It fails if
//
//   - a call of book.Say or book.Text names no sentence,
//   - its values are not a literal with exactly the values that the sentence uses,
//   - a sentence is neither said nor included in another one,
//   - a sentence does not render, with values or with empty ones.
//
// A name that is computed, such as "flag "+name+" means", stands for all
// sentences that match it.
func Check(t *testing.T, book *prose.Book) {
	t.Helper()
	for _, fault := range faults(t, ".", book) {
		t.Error(fault)
	}
}

func faults(t *testing.T, dir string, book *prose.Book) (list []string) {
	t.Helper()
	said := map[string]bool{}
	for _, c := range calls(t, dir) {
		names := matching(book.Names(), c.name)
		if len(names) == 0 {
			list = append(list, fmt.Sprintf("%s: the book has no sentence %q", c.where, c.name))
		}
		for _, name := range names {
			said[name] = true
			switch needed, _ := book.Needs(name); {
			case !c.literal:
				list = append(list, fmt.Sprintf("%s: the values of %q are not a literal", c.where, name))
			case !slices.Equal(needed, c.values):
				list = append(list, fmt.Sprintf("%s: %q uses the values %q, given are %q", c.where, name, needed, c.values))
			}
		}
	}
	for _, name := range book.Names() {
		_, included := book.Needs(name)
		for _, other := range included {
			said[other] = true
		}
	}
	for _, name := range book.Names() {
		if !said[name] {
			list = append(list, fmt.Sprintf("no code says %q", name))
		}
		for _, kinds := range [][]any{{2, "x", []string{"x", "y"}}, {0, "", []string(nil)}} {
			if err := render(book, name, kinds); err != nil {
				list = append(list, fmt.Sprintf("%q: %v", name, err))
			}
		}
	}
	return list
}

// call is one of book.Say or book.Text.
type call struct {
	where   string
	name    string // a pattern of path.Match
	literal bool   // the names of the values are known
	values  []string
}

func calls(t *testing.T, dir string) (list []call) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if c, ok := n.(*ast.CallExpr); ok && ofBook(c.Fun) && len(c.Args) == 2 {
				values, literal := keys(c.Args[1])
				list = append(list, call{fset.Position(c.Pos()).String(), pattern(c.Args[0]), literal, values})
			}
			return true
		})
	}
	return list
}

func ofBook(fun ast.Expr) bool {
	s, ok := fun.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != "Say" && s.Sel.Name != "Text" {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == "book"
}

// pattern is the name that an expression gives, with a star for what is not a
// literal.
func pattern(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil {
			return strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`, `\`, `\\`).Replace(s)
		}
	case *ast.BinaryExpr:
		return pattern(e.X) + pattern(e.Y)
	case *ast.ParenExpr:
		return pattern(e.X)
	}
	return "*"
}

// matching gives the names that match a pattern, in which a star matches a slash
// too.
func matching(names []string, pattern string) (list []string) {
	flat := strings.NewReplacer("/", "\x00")
	for _, name := range names {
		if ok, err := path.Match(flat.Replace(pattern), flat.Replace(name)); err == nil && ok {
			list = append(list, name)
		}
	}
	return list
}

// keys gives the names in a literal of prose.Values, sorted; nil has none.
func keys(e ast.Expr) (list []string, literal bool) {
	switch e := e.(type) {
	case *ast.Ident:
		return nil, e.Name == "nil"
	case *ast.CompositeLit:
		for _, element := range e.Elts {
			pair, ok := element.(*ast.KeyValueExpr)
			if !ok {
				return nil, false
			}
			key, ok := pair.Key.(*ast.BasicLit)
			if !ok {
				return nil, false
			}
			name, err := strconv.Unquote(key.Value)
			if err != nil {
				return nil, false
			}
			list = append(list, name)
		}
		slices.Sort(list)
		return list, true
	}
	return nil, false
}

// render says a sentence. Which kind each value has is not known: it is enough if
// one choice of kinds renders.
func render(book *prose.Book, name string, kinds []any) error {
	needed, _ := book.Needs(name)
	values := prose.Values{}
	var choose func(i int) error
	choose = func(i int) (err error) {
		if i == len(needed) {
			return try(book, name, values)
		}
		for _, v := range kinds {
			values[needed[i]] = v
			if err = choose(i + 1); err == nil {
				return nil
			}
		}
		return err
	}
	return choose(0)
}

func try(book *prose.Book, name string, values prose.Values) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	book.Say(name, values)
	return nil
}
