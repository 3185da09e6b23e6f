// Package prosetest checks that the sentences of a book and the code that says them
// name each other.
package prosetest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tunbench/reports/prose"
)

// Check reports the sentences of b that no code in the folders dirs names, and the
// names in calls of words.Say and words.Text there that b does not have. A name may
// stand anywhere in the code as a string, so that code can choose among sentences;
// a sentence that another one includes is said by that one.
func Check(t *testing.T, b *prose.Book, dirs ...string) {
	t.Helper()
	named, called := map[string]bool{}, map[string]string{}
	for _, dir := range dirs {
		if err := read(dir, named, called); err != nil {
			t.Fatal(err)
		}
	}
	if len(called) == 0 {
		t.Errorf("no call of words.Say or words.Text in %s", strings.Join(dirs, ", "))
	}
	have := b.Names()
	for _, name := range have {
		if !named[name] {
			t.Errorf("sentence %q is never said", name)
		}
	}
	for name, where := range called {
		if !slices.Contains(have, name) {
			t.Errorf("%s: there is no sentence %q", where, name)
		}
	}
}

var included = regexp.MustCompile(`\{\{-? *template "([^"]+)"`)

// read collects the strings in the Go files of a folder, those of them that are the
// first argument of words.Say or words.Text with where that is, and the names that
// its text files include.
func read(dir string, named map[string]bool, called map[string]string) error {
	files := token.NewFileSet()
	return fs.WalkDir(os.DirFS(dir), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			if err == nil && path != "." {
				return fs.SkipDir
			}
			return err
		}
		switch path = filepath.Join(dir, path); {
		case strings.HasSuffix(path, ".txt"):
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range included.FindAllStringSubmatch(string(text), -1) {
				named[m[1]] = true
			}
		case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
			f, err := parser.ParseFile(files, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BasicLit:
					if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
						named[s] = true
					}
				case *ast.CallExpr:
					if name, ok := saidBy(n); ok {
						called[name] = files.Position(n.Pos()).String()
					}
				}
				return true
			})
		}
		return nil
	})
}

// saidBy gives the name in a call of words.Say or words.Text; false if that is no
// string, or another call.
func saidBy(call *ast.CallExpr) (string, bool) {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) == 0 || method.Sel.Name != "Say" && method.Sel.Name != "Text" {
		return "", false
	}
	if book, ok := method.X.(*ast.Ident); !ok || book.Name != "words" {
		return "", false
	}
	name, ok := call.Args[0].(*ast.BasicLit)
	if !ok || name.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(name.Value)
	return s, err == nil
}
