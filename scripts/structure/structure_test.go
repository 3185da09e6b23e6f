package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestModule holds this module against its rules.
func TestModule(t *testing.T) {
	const root = "../.."
	tree, err := read(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range check(root, tree) {
		t.Error(line)
	}
}

// small is a module of three packages, one above the other.
func small() *tree {
	return &tree{module: "m", packages: []*pkg{
		{path: "low", about: "Package low counts."},
		{path: "middle", about: "Package middle adds.", imports: []string{"fmt", "m/low", "x.org/y/z"}},
		{path: "top", about: "Command top runs.", imports: []string{"m/middle"}, testImports: []string{"m/low", "x.org/yes"}},
	}}
}

var smallRules = []rule{{"top", "middle"}, {"middle", "l*"}, {"low", ""}}

func TestImports(t *testing.T) {
	tests := []struct {
		name string
		// change makes the module or its rules wrong.
		change func(t *tree, rules []rule)
		want   []string
	}{
		{name: "right", change: func(*tree, []rule) {}},
		{
			name:   "an import that no rule names",
			change: func(t *tree, _ []rule) { t.named("top").imports = []string{"m/low", "m/middle"} },
			want:   []string{"top imports low: not allowed"},
		},
		{
			name:   "an import upwards",
			change: func(t *tree, _ []rule) { t.named("low").imports = []string{"m/top"} },
			want:   []string{"low imports top: not allowed"},
		},
		{
			name: "an import upwards that a rule allows",
			change: func(t *tree, rules []rule) {
				t.named("low").imports = []string{"m/top"}
				rules[2].imports = "top"
			},
			want: []string{"rules: low may import top, which is not below it", "low imports top, which is above it"},
		},
		{
			name:   "a pattern that matches only packages above",
			change: func(_ *tree, rules []rule) { rules[2].imports = "m*" },
			want:   []string{"rules: low may import m*, which is not below it"},
		},
		{
			name: "a pattern that matches packages above and below means those below",
			change: func(t *tree, rules []rule) {
				t.named("middle").imports = []string{"m/low", "m/top"}
				rules[1].imports = "*"
			},
			want: []string{"middle imports top, which is above it"},
		},
		{
			name:   "a package without a rule",
			change: func(t *tree, _ []rule) { t.packages = append(t.packages, &pkg{path: "new"}) },
			want:   []string{"rules: no rule for new"},
		},
		{
			name: "a rule without a package",
			change: func(t *tree, rules []rule) {
				t.packages = t.packages[:2]
			},
			want: []string{"rules: a rule for top, which does not exist"},
		},
		{
			name:   "a rule that allows what does not exist",
			change: func(_ *tree, rules []rule) { rules[0].imports = "middle gone" },
			want:   []string{"rules: top may import gone, which does not exist"},
		},
		{
			name:   "a rule that allows what is not imported",
			change: func(t *tree, rules []rule) { rules[0].imports = "middle low" },
			want:   []string{"rules: top may import low, and does not"},
		},
		{
			name:   "a test may import what its package may not",
			change: func(t *tree, _ []rule) { t.named("low").testImports = []string{"m/top"} },
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tree, rules := small(), append([]rule(nil), smallRules...)
			test.change(tree, rules)
			got := append(checkRules(tree, rules), checkImports(tree, rules)...)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error("-want +got:\n", diff)
			}
		})
	}
	twice := append([]rule{{"low", ""}}, smallRules...)
	if diff := cmp.Diff([]string{"rules: two rules for low"}, checkRules(small(), twice)); diff != "" {
		t.Error("-want +got:\n", diff)
	}
}

func TestUsers(t *testing.T) {
	tests := []struct {
		user user
		want []string
	}{
		{user{"x.org/y", "middle"}, nil},
		{user{"x.org/y/z", "middle"}, nil},
		{user{"x.org", "middle top"}, nil},
		{user{"x.org/yes", "low"}, []string{"top imports x.org/yes: only low may", "rules: low may import x.org/yes, and does not"}},
		{user{"x.org/y", "low top"}, []string{
			"middle imports x.org/y/z: only low and top may",
			"rules: low may import x.org/y, and does not", "rules: top may import x.org/y, and does not",
		}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, checkUsers(small(), []user{test.user})); diff != "" {
			t.Errorf("%v: -want +got:\n%s", test.user, diff)
		}
	}
}

// module is a module as files, with one of everything that has a limit.
func module(t *testing.T) *tree {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":              "module m\n\ngo 1.26\n",
		"a/doc.go":            "// Package a does one thing. And another.\npackage a\n",
		"a/a.go":              "package a\n\nimport \"m/b\"\n\ntype T[X any] struct{}\n\nfunc (*T[X]) Here() {\n}\n\ntype I interface {\n\tA()\n\tB()\n\tb.J\n\tlocal\n}\n\ntype local interface{ L() }\n",
		"a/other.go":          "//go:build never\n\npackage a\n\nimport _ \"m/c\"\n\nfunc (t T[X]) Away(v interface{ V() }) {\n\t_ = t\n}\n\nvar f = func() {\n\t_ = 1\n\t_ = 2\n}\n",
		"a/asm.s":             "// one\n// two\n",
		"a/gen.go":            "// Code generated by hand. DO NOT EDIT.\n\npackage a\n\nimport _ \"m/d\"\n\nfunc generated() {\n\n\n\n\n}\n",
		"a/a_test.go":         "package a\n\nimport _ \"m/e\"\n\nfunc long() {\n\n\n\n\n}\n",
		"a/testdata/x.go":     "not Go",
		"b/b.go":              "package b\n\ntype J interface{ C(); D() }\n",
		".hidden/x.go":        "not Go",
		"nothing/readme.text": "no Go\n",
	} {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := read(root)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestRead(t *testing.T) {
	tree := module(t)
	var paths []string
	for _, p := range tree.packages {
		paths = append(paths, p.path)
	}
	if diff := cmp.Diff([]string{"a", "b"}, paths); diff != "" {
		t.Fatal("packages: -want +got:\n", diff)
	}
	a := tree.named("a")
	if diff := cmp.Diff([]string{"m/b", "m/c", "m/d"}, a.imports); diff != "" {
		t.Error("imports, with those behind build tags and of generated code: -want +got:\n", diff)
	}
	if diff := cmp.Diff([]string{"m/e"}, a.testImports); diff != "" {
		t.Error("imports of tests: -want +got:\n", diff)
	}
	if want := "Package a does one thing."; a.about != want {
		t.Errorf("the package says of itself %q, want %q", a.about, want)
	}
}

func TestSizes(t *testing.T) {
	tree := module(t)
	want := []size{
		{ofPackage, "a", 2 + 17 + 14 + 2},
		{ofFile, "a/a.go", 17},
		{ofFunction, "a.T.Here", 2},
		{ofInterface, "a.I", 5},
		{ofInterface, "a.local", 1},
		{ofFile, "a/asm.s", 2},
		{ofFile, "a/doc.go", 2},
		{ofFile, "a/other.go", 14},
		{ofFunction, "a.T.Away", 3},
		{ofFunction, "a.f", 4},
		{ofInterface, "a.other.go:7", 1},
		{ofMethods, "a.T", 1},
	}
	if diff := cmp.Diff(want, sizes(tree, tree.named("a")), cmp.AllowUnexported(size{})); diff != "" {
		t.Error("-want +got:\n", diff)
	}
}

func TestLimits(t *testing.T) {
	function := func(lines int) *tree {
		p := &pkg{path: "p"}
		source := "package p\n\nfunc Long() {\n" + strings.Repeat("\n", lines-2) + "}\n"
		if err := p.addGo("p.go", []byte(source)); err != nil {
			t.Fatal(err)
		}
		return &tree{module: "m", packages: []*pkg{p}}
	}
	const long = "function p.Long: 81 lines, at most 80 are allowed"
	tests := []struct {
		name       string
		lines      int
		exceptions []exception
		want       []string
	}{
		{"as long as a function may be", 80, nil, nil},
		{"longer", 81, nil, []string{long}},
		{"longer, with a reason", 81, []exception{{ofFunction, "p.Long", "one table"}}, nil},
		{"longer, by a pattern", 81, []exception{{ofFunction, "p.*", "one table"}}, nil},
		{"longer, without a reason", 81, []exception{{ofFunction, "p.Long", ""}}, []string{"rules: the exception for function p.Long has no reason"}},
		{"an exception for something else", 81, []exception{{ofFile, "p.Long", "one table"}},
			[]string{long, "rules: the exception for file p.Long is not needed"}},
		{"an exception that is no longer needed", 80, []exception{{ofFunction, "p.Long", "one table"}},
			[]string{"rules: the exception for function p.Long is not needed"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, checkSizes(function(test.lines), test.exceptions)); diff != "" {
				t.Error("-want +got:\n", diff)
			}
		})
	}
}

func TestPrintSizes(t *testing.T) {
	tree := module(t)
	var out bytes.Buffer
	printSizes(&out, tree, []rule{{"b", ""}, {"a", "b"}}, []exception{{ofMethods, "a.T", "says why"}})
	want := strings.TrimLeft(`
package     files  lines  largest file  longest function  largest interface  methods elsewhere
at most            2500   400           80                5                  0
b           1      3      3 b.go                          2 J                
a           4      35     17 a.go       4 f               5 I                1*
2 packages  5      38
* methods a.T: says why
`, "\n")
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error("-want +got:\n", diff)
	}
}

func TestContributing(t *testing.T) {
	const (
		head = "# Contributing\n" + tableBegin + "| package | what it does |\n|---|---|\n"
		low  = "| `low` | counts. |\n"
		mid  = "| `middle` | adds. |\n"
		top  = "| `top` | runs. |\n"
	)
	const advice = contributing + ": go run ./scripts/structure -write writes its table"
	tests := []struct {
		name, text string
		want       []string
	}{
		{"right", head + low + mid + top + tableEnd, nil},
		{"a package is missing", head + low + top + tableEnd, []string{contributing + " lacks: | `middle` | adds. |", advice}},
		{"a package is gone", head + low + mid + "| `old` | was. |\n" + top + tableEnd, []string{contributing + ": no package says of itself: | `old` | was. |", advice}},
		{"a package says something else", head + low + mid + "| `top` | ran. |\n" + tableEnd,
			[]string{contributing + ": no package says of itself: | `top` | ran. |", contributing + " lacks: | `top` | runs. |", advice}},
		{"another order", head + mid + low + top + tableEnd,
			[]string{contributing + ": the table of packages is not in the order of the rules", advice}},
		{"no table", "# Contributing\n", []string{contributing + " has no table of packages: " + strings.TrimSpace(tableBegin)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			// The rules of this module name none of these packages: they stay sorted.
			if diff := cmp.Diff(test.want, compareContributing(test.text, small())); diff != "" {
				t.Error("-want +got:\n", diff)
			}
		})
	}
	silent := small()
	silent.packages[0].about = "Counts."
	if got := compareContributing(head+"| `low` |  |\n"+mid+top+tableEnd, silent); len(got) != 2 || !strings.Contains(got[0], "low has no doc comment") {
		t.Errorf("a package without a doc comment: %q", got)
	}
}

func TestWriteContributing(t *testing.T) {
	root := t.TempDir()
	name := filepath.Join(root, contributing)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("before\n"+tableBegin+"old\n"+tableEnd+"after\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeContributing(root, small()); err != nil {
		t.Fatal(err)
	}
	if broken := checkContributing(root, small()); broken != nil {
		t.Errorf("what was written is wrong: %q", broken)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(text); !strings.HasPrefix(s, "before\n") || !strings.HasSuffix(s, "after\n") {
		t.Errorf("the text around the table was changed: %s", s)
	}
}
