package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// tree is the module's packages, sorted by path.
type tree struct {
	module   string
	packages []*pkg
}

// pkg is one package of the module. Its files count whatever their build
// constraints, which `go list` would apply: a wrong import in a file for arm64,
// or in one with a build tag, is a wrong import.
type pkg struct {
	// path is relative to the module: harness/vm.
	path string
	// about is the first sentence of the package's doc comment.
	about string
	// imports are those of the code, testImports those of the tests; sorted import paths.
	imports, testImports []string
	files                []file
}

// file is a source file that is neither a test nor generated: Go, or C or assembly.
type file struct {
	name  string
	lines int
	// syntax is nil but for Go.
	syntax *ast.File
	set    *token.FileSet
}

// linesOf counts the lines from the first of a node to its last.
func (f file) linesOf(node ast.Node) int {
	return f.set.Position(node.End()).Line - f.set.Position(node.Pos()).Line + 1
}

// named returns the package with that path, or nil.
func (t *tree) named(path string) *pkg {
	for _, p := range t.packages {
		if p.path == path {
			return p
		}
	}
	return nil
}

// uses reports whether the code of p imports a package that a pattern of a rule matches.
func (t *tree) uses(p *pkg, pattern string) bool {
	return slices.ContainsFunc(p.imports, func(importPath string) bool {
		imported, ok := t.inside(importPath)
		return ok && rule{imports: pattern}.allows(imported)
	})
}

// inside returns a package's path relative to the module, if it is part of it.
func (t *tree) inside(importPath string) (string, bool) {
	return strings.CutPrefix(importPath, t.module+"/")
}

// read parses the module in the folder root.
func read(root string) (*tree, error) {
	module, err := moduleName(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	t := &tree{module: module}
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.IsDir() || name == root {
			return nil
		}
		// The folders that the go command passes over.
		if base := entry.Name(); strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" {
			return fs.SkipDir
		}
		p, err := readPackage(root, name)
		if p != nil {
			t.packages = append(t.packages, p)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(t.packages, func(a, b *pkg) int { return strings.Compare(a.path, b.path) })
	return t, nil
}

func moduleName(name string) (string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if module, ok := strings.CutPrefix(line, "module "); ok {
			return strings.TrimSpace(module), nil
		}
	}
	return "", fmt.Errorf("read %s: no module line", name)
}

// readPackage returns the package in a folder, or nil if the folder has no Go file.
func readPackage(root, folder string) (*pkg, error) {
	relative, err := filepath.Rel(root, folder)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	p := &pkg{path: filepath.ToSlash(relative)}
	isGo := false
	for _, entry := range entries {
		extension := path.Ext(entry.Name())
		if entry.IsDir() || !slices.Contains([]string{".go", ".c", ".h", ".s"}, extension) {
			continue
		}
		source, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		if extension == ".go" {
			isGo = true
			err = p.addGo(entry.Name(), source)
		} else {
			p.files = append(p.files, file{name: entry.Name(), lines: lineCount(source)})
		}
		if err != nil {
			return nil, err
		}
	}
	if !isGo {
		return nil, nil
	}
	for _, imports := range []*[]string{&p.imports, &p.testImports} {
		slices.Sort(*imports)
		*imports = slices.Compact(*imports)
	}
	return p, nil
}

// addGo adds a Go file of that name to the package.
func (p *pkg) addGo(name string, source []byte) error {
	set := token.NewFileSet()
	syntax, err := parser.ParseFile(set, path.Join(p.path, name), source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	isTest := strings.HasSuffix(name, "_test.go")
	imports := &p.imports
	if isTest {
		imports = &p.testImports
	}
	for _, spec := range syntax.Imports {
		importPath, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		*imports = append(*imports, importPath)
	}
	if isTest {
		return nil
	}
	if p.about == "" && syntax.Doc != nil {
		p.about = new(doc.Package).Synopsis(syntax.Doc.Text())
	}
	if !ast.IsGenerated(syntax) {
		p.files = append(p.files, file{name: name, lines: lineCount(source), syntax: syntax, set: set})
	}
	return nil
}

func lineCount(source []byte) int {
	return bytes.Count(source, []byte("\n"))
}
