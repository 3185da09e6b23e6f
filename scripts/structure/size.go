package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// What is limited.
const (
	ofPackage   = "package"   // lines of its files, without tests and generated code
	ofFile      = "file"      // lines
	ofFunction  = "function"  // lines, from func to the closing brace
	ofInterface = "interface" // methods
	ofMethods   = "methods"   // methods that stand in another file than their type
)

// exception allows what is larger than the limit. One that is not needed is reported.
type exception struct {
	kind string
	// name is a pattern of path.Match for what is meant: harness/vm for a package,
	// harness/vm/qemu.go for a file, harness/vm.Start or harness/vm.Guest.Start for
	// a function, harness/trial.stage for an interface, harness/trial.side for a type whose
	// methods are spread over files.
	name   string
	reason string
}

func (e exception) covers(s size) bool {
	ok, err := path.Match(e.name, s.name)
	return ok && err == nil && e.kind == s.kind
}

// size is how large one thing is.
type size struct {
	kind string
	// name is as in an exception.
	name string
	n    int
}

func (s size) tooLarge() bool { return s.n > limits[s.kind] }

// String reads: harness/vm/qemu.go: 634 lines, at most 400 are allowed.
func (s size) String() string {
	unit := map[string]string{ofInterface: "methods", ofMethods: "methods in other files than the type's"}[s.kind]
	if unit == "" {
		unit = "lines"
	}
	return fmt.Sprintf("%s %s: %d %s, at most %d are allowed", s.kind, s.name, s.n, unit, limits[s.kind])
}

// checkSizes holds each package, file, function, interface and type of the module
// against its limit.
func checkSizes(t *tree, exceptions []exception) (broken []string) {
	needed := make([]bool, len(exceptions))
	for _, p := range t.packages {
		for _, s := range sizes(t, p) {
			if !s.tooLarge() {
				continue
			}
			excepted := false
			for i, e := range exceptions {
				if e.covers(s) {
					excepted, needed[i] = true, true
				}
			}
			if !excepted {
				broken = append(broken, s.String())
			}
		}
	}
	for i, e := range exceptions {
		if e.reason == "" {
			broken = append(broken, fmt.Sprintf("rules: the exception for %s %s has no reason", e.kind, e.name))
		}
		if !needed[i] {
			broken = append(broken, fmt.Sprintf("rules: the exception for %s %s is not needed", e.kind, e.name))
		}
	}
	return broken
}

// sizes returns how large everything in a package is that has a limit.
func sizes(t *tree, p *pkg) []size {
	all := []size{{kind: ofPackage, name: p.path}}
	for _, f := range p.files {
		all[0].n += f.lines
		all = append(all, size{kind: ofFile, name: path.Join(p.path, f.name), n: f.lines})
		if f.syntax == nil {
			continue
		}
		for _, decl := range f.syntax.Decls {
			all = append(all, functions(p, f, decl)...)
		}
		all = append(all, interfaces(t, p, f)...)
	}
	return append(all, spread(p)...)
}

// functions returns the functions of a declaration: the one it declares, or those
// that it assigns to variables of the package.
func functions(p *pkg, f file, decl ast.Decl) (all []size) {
	if decl, ok := decl.(*ast.FuncDecl); ok {
		name := decl.Name.Name
		if receiver := receiverType(decl); receiver != "" {
			name = receiver + "." + name
		}
		return []size{{ofFunction, p.path + "." + name, f.linesOf(decl)}}
	}
	name := ""
	ast.Inspect(decl, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.ValueSpec:
			name = node.Names[0].Name
		case *ast.FuncLit:
			all = append(all, size{ofFunction, p.path + "." + name, f.linesOf(node)})
			return false
		}
		return true
	})
	return all
}

// interfaces returns the interfaces of a file, also those without a name.
func interfaces(t *tree, p *pkg, f file) (all []size) {
	named := map[*ast.InterfaceType]string{}
	ast.Inspect(f.syntax, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.TypeSpec:
			if i, ok := node.Type.(*ast.InterfaceType); ok {
				named[i] = node.Name.Name
			}
		case *ast.InterfaceType:
			name := named[node]
			if name == "" {
				name = fmt.Sprintf("%s:%d", f.name, f.set.Position(node.Pos()).Line)
			}
			all = append(all, size{ofInterface, p.path + "." + name, methodCount(t, p, f, node)})
		}
		return true
	})
	return all
}

// methodCount counts an interface's methods, with those of the interfaces of this
// module that it embeds. One of another module counts as one method.
func methodCount(t *tree, p *pkg, f file, i *ast.InterfaceType) (n int) {
	for _, field := range i.Methods.List {
		switch embedded := field.Type.(type) {
		case *ast.FuncType:
			n += len(field.Names)
		case *ast.Ident:
			if in, of := declared(p, embedded.Name); of != nil {
				n += methodCount(t, p, in, of)
			} else {
				n++ // error, or a constraint
			}
		case *ast.SelectorExpr:
			n++
			if from := importedPackage(t, f, embedded); from != nil {
				if in, of := declared(from, embedded.Sel.Name); of != nil {
					n += methodCount(t, from, in, of) - 1
				}
			}
		}
	}
	return n
}

// declared returns the interface of that name in a package, and its file; nil if
// the name is of another type.
func declared(p *pkg, name string) (file, *ast.InterfaceType) {
	for _, f := range p.files {
		for spec := range typeSpecs(f) {
			if i, ok := spec.Type.(*ast.InterfaceType); ok && spec.Name.Name == name {
				return f, i
			}
		}
	}
	return file{}, nil
}

// importedPackage returns the package of this module to which a selector in a file
// refers, or nil.
func importedPackage(t *tree, f file, selector *ast.SelectorExpr) *pkg {
	name, ok := selector.X.(*ast.Ident)
	if !ok {
		return nil
	}
	for _, spec := range f.syntax.Imports {
		inside, ok := t.inside(strings.Trim(spec.Path.Value, `"`))
		if ok && (spec.Name == nil && path.Base(inside) == name.Name || spec.Name != nil && spec.Name.Name == name.Name) {
			return t.named(inside)
		}
	}
	return nil
}

// spread returns for each type how many of its methods stand in other files.
func spread(p *pkg) []size {
	home := map[string][]string{}
	for _, f := range p.files {
		for spec := range typeSpecs(f) {
			home[spec.Name.Name] = append(home[spec.Name.Name], f.name)
		}
	}
	away := map[string]int{}
	for _, f := range p.files {
		if f.syntax == nil {
			continue
		}
		for _, decl := range f.syntax.Decls {
			decl, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			// A type of generated code has no file here.
			receiver := receiverType(decl)
			if files := home[receiver]; len(files) > 0 && !slices.Contains(files, f.name) {
				away[receiver]++
			}
		}
	}
	var all []size
	for name, n := range away {
		all = append(all, size{ofMethods, p.path + "." + name, n})
	}
	slices.SortFunc(all, func(a, b size) int { return strings.Compare(a.name, b.name) })
	return all
}

// typeSpecs yields the types that a file declares outside of functions.
func typeSpecs(f file) func(yield func(*ast.TypeSpec) bool) {
	return func(yield func(*ast.TypeSpec) bool) {
		if f.syntax == nil {
			return
		}
		for _, decl := range f.syntax.Decls {
			decl, ok := decl.(*ast.GenDecl)
			if !ok || decl.Tok != token.TYPE {
				continue
			}
			for _, spec := range decl.Specs {
				if !yield(spec.(*ast.TypeSpec)) {
					return
				}
			}
		}
	}
}

// receiverType returns the name of the type whose method this is, or "".
func receiverType(decl *ast.FuncDecl) string {
	if decl.Recv == nil || len(decl.Recv.List) == 0 {
		return ""
	}
	receiver := decl.Recv.List[0].Type
	for {
		switch of := receiver.(type) {
		case *ast.StarExpr:
			receiver = of.X
		case *ast.ParenExpr:
			receiver = of.X
		case *ast.IndexExpr:
			receiver = of.X
		case *ast.IndexListExpr:
			receiver = of.X
		case *ast.Ident:
			return of.Name
		default:
			return ""
		}
	}
}
