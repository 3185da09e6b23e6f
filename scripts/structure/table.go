package main

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
)

// printSizes writes a row for each package, in the order of the rules, and then
// the exceptions. A figure above its limit is marked with a *.
func printSizes(out io.Writer, t *tree, rules []rule, exceptions []exception) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "package\tfiles\tlines\tlargest file\tlongest function\tlargest interface\tmethods elsewhere\n")
	fmt.Fprintf(table, "at most\t\t%d\t%d\t%d\t%d\t%d\n",
		limits[ofPackage], limits[ofFile], limits[ofFunction], limits[ofInterface], limits[ofMethods])
	files, lines := 0, 0
	for _, p := range inOrder(t, rules) {
		largest := map[string]size{}
		elsewhere := size{kind: ofMethods}
		for _, s := range sizes(t, p) {
			if s.kind == ofMethods {
				elsewhere.n += s.n
			} else if s.n > largest[s.kind].n {
				largest[s.kind] = s
			}
		}
		files += len(p.files)
		lines += largest[ofPackage].n
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", p.path, len(p.files), cell(p, largest[ofPackage]),
			cell(p, largest[ofFile]), cell(p, largest[ofFunction]), cell(p, largest[ofInterface]), cell(p, elsewhere))
	}
	fmt.Fprintf(table, "%d packages\t%d\t%d\n", len(t.packages), files, lines)
	table.Flush()
	for _, e := range exceptions {
		fmt.Fprintf(out, "* %s %s: %s\n", e.kind, e.name, e.reason)
	}
}

// inOrder returns the packages in the order of their rules, those without one last.
func inOrder(t *tree, rules []rule) []*pkg {
	at := func(p *pkg) int {
		if i := place(rules, p.path); i >= 0 {
			return i
		}
		return len(rules)
	}
	packages := slices.Clone(t.packages)
	slices.SortStableFunc(packages, func(a, b *pkg) int { return at(a) - at(b) })
	return packages
}

// cell shows a size: its number, and what it belongs to within the package.
func cell(p *pkg, s size) string {
	if s.n == 0 {
		return ""
	}
	text := fmt.Sprint(s.n)
	if s.tooLarge() {
		text += "*"
	}
	switch s.kind {
	case ofFile:
		text += " " + path.Base(s.name)
	case ofFunction, ofInterface:
		text += " " + strings.TrimPrefix(s.name, p.path+".")
	}
	return text
}
