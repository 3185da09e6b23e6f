package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tunbench/bench/suite"
)

// page reads a page of the checkout.
func (c *checker) page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// withoutFences gives a page without its code blocks, in which nothing is a
// link or a heading.
func withoutFences(text string) string {
	return regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(text, "")
}

// links are the targets of a page's links and pictures.
func links(text string) (found []string) {
	for _, m := range link.FindAllStringSubmatch(codeSpan.ReplaceAllString(withoutFences(text), ""), -1) {
		found = append(found, m[1])
	}
	return found
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

// anchors are the fragments by which GitHub links to the headings of a page.
func anchors(text string) (found []string) {
	for _, m := range heading.FindAllStringSubmatch(withoutFences(text), -1) {
		kept := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		found = append(found, strings.ReplaceAll(kept, " ", "-"))
	}
	return found
}

// brokenLinks are those links of a page, of this name, that lead to no file of
// the checkout, or to no heading of a page.
func (c *checker) brokenLinks(name, text string) (broken []string) {
	for _, l := range links(text) {
		if strings.Contains(l, "://") {
			continue
		}
		file, anchor, hasAnchor := strings.Cut(l, "#")
		target := text
		if file != "" {
			content, err := os.ReadFile(filepath.Join(c.root, path.Join(path.Dir(name), file)))
			if err != nil {
				broken = append(broken, fmt.Sprintf("%s: %v", l, err))
				continue
			}
			target = string(content)
		}
		if hasAnchor && !slices.Contains(anchors(target), anchor) {
			broken = append(broken, l+": no such heading")
		}
	}
	return broken
}

func TestLinksOfDocuments(t *testing.T) {
	c := newChecker(t)
	files, err := pages(c.root)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimPrefix(file, c.root+"/")
		for _, broken := range c.brokenLinks(name, c.page(t, name)) {
			t.Errorf("%s: %s", name, broken)
		}
	}
	for _, test := range []struct {
		text string
		want int
	}{
		{"[a](README.md) [b](reports/METHOD.md#a-trial) [c](https://example.com/x) [d](#one-two)\n\n## One, two\n", 0},
		{"[a](READ.md)", 1},
		{"[a](README.md#nothing) [b](#three)\n\n## One\n", 2},
		{"`[a](nowhere)`", 0},
	} {
		if broken := c.brokenLinks("x.md", test.text); len(broken) != test.want {
			t.Errorf("%q: broken links %q, want %d", test.text, broken, test.want)
		}
	}
}

// Each page but the README itself can be reached from the README by links.
func TestPagesAreLinked(t *testing.T) {
	c := newChecker(t)
	reached := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if reached[name] || path.Ext(name) != ".md" {
			return
		}
		reached[name] = true
		for _, l := range links(c.page(t, name)) {
			if file, _, _ := strings.Cut(l, "#"); file != "" && !strings.Contains(l, "://") {
				visit(path.Join(path.Dir(name), file))
			}
		}
	}
	visit("README.md")
	files, err := pages(c.root)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := strings.TrimPrefix(file, c.root+"/"); !reached[name] {
			t.Errorf("no link of README.md, nor of the pages behind it, leads to %s", name)
		}
	}
}

// sample is the folder of the run that the README shows.
const sample = "reports/samples/first-run"

func TestReadmeIsShort(t *testing.T) {
	c := newChecker(t)
	text := c.page(t, "README.md")
	if n := strings.Count(text, "\n"); n > 200 {
		t.Errorf("README.md has %d lines, more than 200: move some to a page of their own", n)
	}
	pictures := regexp.MustCompile(`!\[[^\]]+\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1)
	if len(pictures) != 1 {
		t.Fatalf("README.md has %d pictures, want one", len(pictures))
	}
	dir, name := path.Split(pictures[0][1])
	if path.Clean(dir) != sample {
		t.Errorf("the picture is %s, which is not in %s", pictures[0][1], sample)
	}
	if report := c.page(t, sample+"/report.md"); !strings.Contains(report, "]("+name+")") {
		t.Errorf("the report of %s does not show %s", sample, name)
	}
}

// What the README shows of a run is what the stored run printed and wrote, byte
// for byte, and the command above it is the one that was run.
func TestExcerptsOfTheSample(t *testing.T) {
	c := newChecker(t)
	text := c.page(t, "README.md")
	report := c.page(t, sample+"/report.md")

	outputs := regexp.MustCompile("(?ms)^```text\n(.*?)^```$").FindAllStringSubmatch(text, -1)
	if len(outputs) != 1 || outputs[0][1] != c.page(t, sample+"/summary.txt") {
		t.Errorf("README.md shows %d outputs, want one, equal to %s/summary.txt", len(outputs), sample)
	}

	_, excerpt, found := strings.Cut(text, "\n## What a report looks like\n")
	excerpt, _, ends := strings.Cut(excerpt, "\n## ")
	if !found || !ends {
		t.Fatal("README.md has no section with an excerpt of a report")
	}
	tables := regexp.MustCompile(`(?m)(^\|.*\n)+`).FindAllString(excerpt, -1)
	if len(tables) == 0 {
		t.Error("README.md shows no table of a report")
	}
	for _, table := range tables {
		if !strings.Contains(report, table) {
			t.Errorf("this table is not in %s/report.md:\n%s", sample, table)
		}
	}

	first := regexp.MustCompile(`(?m)^sudo \.build/tunbench (run .*)$`).FindStringSubmatch(text)
	if first == nil {
		t.Fatal("README.md has no command for a first result")
	}
	words, err := shell(first[1])
	if err != nil {
		t.Fatal(err)
	}
	cmd, rest, err := rootCommand(&app{}).Find(words[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Fatal(err)
	}
	_, listed, _ := tunbench(t.Context(), fakeLab{}, nil, append([]string{"list"}, c.selected(cmd)...)...)
	if want := fmt.Sprintf("**%d TUN scenarios**", strings.Count(listed, "\n")); !strings.Contains(report, want) {
		t.Errorf("the report in %s does not have the scenarios of `%s`: no %q", sample, first[0], want)
	}
}

// glossary gives the terms of the README, each with its meaning.
func glossary(t *testing.T, text string) [][]string {
	t.Helper()
	rows := tableBelow(text, "## Glossary")
	if len(rows) < 10 || len(rows) > 14 {
		t.Errorf("the glossary has %d terms, want about twelve", len(rows))
	}
	return rows
}

// Each term of the glossary is used, in the README and on other pages.
func TestGlossaryIsUsed(t *testing.T) {
	c := newChecker(t)
	files, err := pages(c.root)
	if err != nil {
		t.Fatal(err)
	}
	readme := c.page(t, "README.md")
	uses := func(text, term string) int {
		word := regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(term) + `s?\b`)
		return len(word.FindAllString(strings.Join(strings.Fields(text), " "), -1))
	}
	for _, row := range glossary(t, readme) {
		inOthers := 0
		for _, file := range files {
			if name := strings.TrimPrefix(file, c.root+"/"); name != "README.md" {
				inOthers += uses(c.page(t, name), row[0])
			}
		}
		if inOthers < 3 {
			t.Errorf("the glossary explains %q, which other pages use %d times", row[0], inOthers)
		}
	}
	if uses("two\nGSO packets, a GSO\npacket; trials", "GSO packet") != 2 || uses("trials of an entrial", "trial") != 1 {
		t.Error("uses of a term are not counted")
	}
}

// The table of axes has all axes in their order, each with its default and its values.
func TestAxesPage(t *testing.T) {
	c := newChecker(t)
	rows := tableBelow(c.page(t, "bench/suite/README.md"), "## Axes")
	axes := suite.Axes()
	if len(rows) != len(axes) {
		t.Fatalf("%d rows for %d axes", len(rows), len(axes))
	}
	for i, axis := range axes {
		if name := strings.Trim(rows[i][0], "`"); name != axis.Name {
			t.Errorf("row %d is of axis %s, want %s", i+1, name, axis.Name)
			continue
		}
		values := strings.Split(rows[i][1], ", ")
		for _, value := range axis.Values() {
			// 1 of "1 to 256".
			if !slices.Contains(values, "`"+value+"`") && !strings.HasPrefix(rows[i][1], value+" to ") {
				t.Errorf("%s: the row does not have the value %s", axis.Name, value)
			}
		}
		if strings.Trim(values[0], "`") != axis.Default && !strings.HasPrefix(values[0], axis.Default+" to ") {
			t.Errorf("%s: the row begins with %s, not with the default %s", axis.Name, values[0], axis.Default)
		}
	}
}

// The table of suites has all that ship, and the table of commands has all commands.
func TestTablesAreComplete(t *testing.T) {
	c := newChecker(t)
	names := func(rows [][]string) (found []string) {
		for _, row := range rows {
			for _, s := range spans("row", row[0], 0) {
				found = append(found, strings.Fields(strings.TrimPrefix(s.text, "tunbench "))[0])
			}
		}
		slices.Sort(found)
		return found
	}
	suites, err := filepath.Glob(filepath.Join(c.root, "bench/suite/suites/*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for i, suite := range suites {
		suites[i] = strings.TrimSuffix(filepath.Base(suite), ".yaml")
	}
	slices.Sort(suites)
	if got := names(tableBelow(c.page(t, "bench/suite/README.md"), "## Suites")); !slices.Equal(got, suites) {
		t.Errorf("the suites of bench/suite/README.md are %q, want %q", got, suites)
	}
	root := rootCommand(&app{})
	root.InitDefaultCompletionCmd()
	var commands []string
	for _, cmd := range root.Commands() {
		if !cmd.Hidden && cmd.Name() != "help" {
			commands = append(commands, cmd.Name())
		}
	}
	slices.Sort(commands)
	if got := names(tableBelow(c.page(t, "README.md"), "## Commands")); !slices.Equal(got, commands) {
		t.Errorf("the commands of README.md are %q, want %q", got, commands)
	}
}

// Each section of a report that reports/README.md explains has a heading of that
// name in what the reports are made of.
func TestSectionsOfReports(t *testing.T) {
	c := newChecker(t)
	var words strings.Builder
	err := filepath.WalkDir(filepath.Join(c.root, "reports"), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"testdata", "samples", "runs"}, d.Name()):
			return fs.SkipDir
		case d.IsDir() || strings.HasSuffix(path, "_test.go") || filepath.Ext(path) == ".md" && filepath.Dir(path) == filepath.Join(c.root, "reports"):
			return nil
		}
		text, err := os.ReadFile(path)
		words.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text := c.page(t, "reports/README.md")
	checked := 0
	for _, m := range heading.FindAllStringSubmatch(withoutFences(text), -1) {
		for _, name := range strings.Split(m[1], ", ") {
			if slices.Contains([]string{"How to read a report", "Read these first", "Comparisons"}, name) {
				continue
			}
			checked++
			if !strings.Contains(words.String(), name) {
				t.Errorf("reports/README.md explains a section %q, which no report has", name)
			}
		}
	}
	if checked < 15 {
		t.Errorf("%d sections are checked: are they found?", checked)
	}
}
