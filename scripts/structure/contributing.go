package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// contributing holds the table of packages between two comments.
const (
	contributing = ".github/CONTRIBUTING.md"
	tableBegin   = "<!-- packages: written by go run ./scripts/structure -write -->\n"
	tableEnd     = "<!-- end of packages -->\n"
)

// packageTable is the table of packages in Markdown: each with the first sentence
// of its doc comment, in the order of the rules.
func packageTable(t *tree) string {
	var b strings.Builder
	b.WriteString("| package | what it does |\n|---|---|\n")
	for _, p := range inOrder(t, rules) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", p.path, strings.ReplaceAll(about(p), "|", `\|`))
	}
	return b.String()
}

// about is what a package says of itself, without its name: reads packets from
// the queues of a device.
func about(p *pkg) string {
	words := strings.SplitN(p.about, " ", 3)
	if len(words) == 3 && (words[0] == "Package" || words[0] == "Command") {
		return words[2]
	}
	return ""
}

// splitContributing returns what is before, in and after the table of packages.
func splitContributing(text string) (before, table, after string, err error) {
	before, rest, ok := strings.Cut(text, tableBegin)
	table, after, ended := strings.Cut(rest, tableEnd)
	if !ok || !ended {
		return "", "", "", errors.New(contributing + " has no table of packages: " + strings.TrimSpace(tableBegin))
	}
	return before + tableBegin, table, tableEnd + after, nil
}

// checkContributing holds the packages against the table, in both directions.
func checkContributing(root string, t *tree) (broken []string) {
	text, err := os.ReadFile(filepath.Join(root, contributing))
	if err != nil {
		return []string{err.Error()}
	}
	return compareContributing(string(text), t)
}

func compareContributing(text string, t *tree) (broken []string) {
	for _, p := range t.packages {
		if about(p) == "" {
			broken = append(broken, fmt.Sprintf("%s has no doc comment that begins with Package or Command and its name", p.path))
		}
	}
	_, table, _, err := splitContributing(text)
	if err != nil {
		return append(broken, err.Error())
	}
	want := packageTable(t)
	rows := map[string]bool{}
	for row := range strings.Lines(table) {
		rows[row] = true
		if !strings.Contains(want, row) {
			broken = append(broken, fmt.Sprintf("%s: no package says of itself: %s", contributing, strings.TrimSpace(row)))
		}
	}
	for row := range strings.Lines(want) {
		if !rows[row] {
			broken = append(broken, fmt.Sprintf("%s lacks: %s", contributing, strings.TrimSpace(row)))
		}
	}
	if len(broken) == 0 && table != want {
		broken = append(broken, contributing+": the table of packages is not in the order of the rules")
	}
	if len(broken) > 0 {
		broken = append(broken, contributing+": go run ./scripts/structure -write writes its table")
	}
	return broken
}

func writeContributing(root string, t *tree) error {
	name := filepath.Join(root, contributing)
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before, _, after, err := splitContributing(string(text))
	if err != nil {
		return err
	}
	return os.WriteFile(name, []byte(before+packageTable(t)+after), 0o644)
}
