package main

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// rule says which packages of the module the code of one package may import.
type rule struct {
	pkg string
	// imports are separated by spaces. One may be a pattern of path.Match, which
	// stands for the packages of rules below this one: harness/* is every package
	// in that folder, but not harness itself.
	imports string
}

// user says which packages, tests included, may import a dependency.
type user struct {
	// dependency is an import path, and stands for the packages below it too.
	dependency string
	// packages are separated by spaces.
	packages string
}

// allows reports whether the rule names the package, whatever the order of the rules.
func (r rule) allows(imported string) bool {
	return slices.ContainsFunc(strings.Fields(r.imports), func(pattern string) bool {
		ok, err := path.Match(pattern, imported)
		return ok && err == nil
	})
}

// place returns the index of a package's rule, or -1.
func place(rules []rule, pkg string) int {
	return slices.IndexFunc(rules, func(r rule) bool { return r.pkg == pkg })
}

// checkRules holds the rules against the packages there are: one rule for each
// package and no other, and none that allows what is not below it or not needed. So
// the rules are a drawing of the module as it is.
func checkRules(t *tree, rules []rule) (broken []string) {
	for i, r := range rules {
		if t.named(r.pkg) == nil {
			broken = append(broken, fmt.Sprintf("rules: a rule for %s, which does not exist", r.pkg))
		}
		if place(rules, r.pkg) != i {
			broken = append(broken, fmt.Sprintf("rules: two rules for %s", r.pkg))
		}
		for pattern := range strings.FieldsSeq(r.imports) {
			matches := func(other rule) bool { return rule{imports: pattern}.allows(other.pkg) }
			switch {
			case slices.ContainsFunc(rules[i+1:], matches):
				if p := t.named(r.pkg); p != nil && !t.uses(p, pattern) {
					broken = append(broken, fmt.Sprintf("rules: %s may import %s, and does not", r.pkg, pattern))
				}
			case slices.ContainsFunc(rules[:i+1], matches):
				broken = append(broken, fmt.Sprintf("rules: %s may import %s, which is not below it", r.pkg, pattern))
			default:
				broken = append(broken, fmt.Sprintf("rules: %s may import %s, which does not exist", r.pkg, pattern))
			}
		}
	}
	for _, p := range t.packages {
		if place(rules, p.path) < 0 {
			broken = append(broken, fmt.Sprintf("rules: no rule for %s", p.path))
		}
	}
	return broken
}

// checkImports holds the imports of the code against the rules. Tests may reach
// for fakes and for any package below or above: Go itself refuses their circles.
func checkImports(t *tree, rules []rule) (broken []string) {
	for _, p := range t.packages {
		from := place(rules, p.path)
		if from < 0 {
			continue // checkRules reports it
		}
		for _, importPath := range p.imports {
			imported, ok := t.inside(importPath)
			if !ok {
				continue
			}
			switch to := place(rules, imported); {
			case !rules[from].allows(imported):
				broken = append(broken, fmt.Sprintf("%s imports %s: not allowed", p.path, imported))
			case to >= 0 && to <= from:
				broken = append(broken, fmt.Sprintf("%s imports %s, which is above it", p.path, imported))
			}
		}
	}
	return broken
}

// checkUsers holds the imports of code and tests against the dependencies' users.
func checkUsers(t *tree, users []user) (broken []string) {
	for _, u := range users {
		allowed := strings.Fields(u.packages)
		unused := slices.Clone(allowed)
		for _, p := range t.packages {
			for _, importPath := range slices.Concat(p.imports, p.testImports) {
				if importPath != u.dependency && !strings.HasPrefix(importPath, u.dependency+"/") {
					continue
				}
				unused = slices.DeleteFunc(unused, func(name string) bool { return name == p.path })
				if !slices.Contains(allowed, p.path) {
					broken = append(broken, fmt.Sprintf("%s imports %s: only %s may", p.path, importPath, strings.Join(allowed, " and ")))
				}
			}
		}
		for _, name := range unused {
			broken = append(broken, fmt.Sprintf("rules: %s may import %s, and does not", name, u.dependency))
		}
	}
	return slices.Compact(broken)
}
