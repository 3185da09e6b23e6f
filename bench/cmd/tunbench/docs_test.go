package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"tunbench/bench/suite"
)

// A document shows commands to people who type them in. Each of them is read as
// a shell and tunbench read it: what cannot be understood is an error, so that no
// command goes unchecked because it looks unusual.

// snippet is a command, or a part of one, that a document shows.
type snippet struct {
	where string // file:line
	text  string
	// typed is a line of a shell, all of which must be a command. What stands in
	// the middle of a sentence may be anything.
	typed bool
	// yaml is the body of a fence of YAML.
	yaml bool
}

var (
	codeSpan = regexp.MustCompile("`([^`]+)`")
	// typedIndented is a line of an indented block that begins with a program.
	typedIndented = regexp.MustCompile(`^ {4}((?:sudo |make |scripts/|\.ci/|tunbench ).*?)(?: {2,}.*)?$`)
)

// markdownSnippets finds the commands of a page.
func markdownSnippets(name, text string) ([]snippet, error) {
	var found []snippet
	var prose strings.Builder // with a newline for each line of the page
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		where := fmt.Sprintf("%s:%d", name, i+1)
		prose.WriteByte('\n')
		if m := typedIndented.FindStringSubmatch(lines[i]); m != nil {
			found = append(found, snippet{where: where, text: m[1], typed: true})
			continue
		}
		language, fence := strings.CutPrefix(strings.TrimSpace(lines[i]), "```")
		if !fence {
			prose.WriteString(lines[i])
			continue
		}
		begin := i + 1
		for i++; i < len(lines) && strings.TrimSpace(lines[i]) != "```"; i++ {
			prose.WriteByte('\n')
		}
		if i == len(lines) {
			return nil, fmt.Errorf("%s: the fence has no end", where)
		}
		prose.WriteByte('\n')
		body := lines[begin:i]
		switch language {
		case "yaml":
			found = append(found, snippet{where: where, text: strings.Join(body, "\n"), yaml: true})
		case "sh":
			for j := 0; j < len(body); j++ {
				line := snippet{where: fmt.Sprintf("%s:%d", name, begin+j+1), text: body[j], typed: true}
				for strings.HasSuffix(line.text, `\`) && j+1 < len(body) {
					j++
					line.text = strings.TrimSuffix(line.text, `\`) + body[j]
				}
				found = append(found, line)
			}
		case "text": // what a command printed
		default:
			return nil, fmt.Errorf("%s: a fence of %q: choose sh, yaml or text, so that it is known what it holds", where, language)
		}
	}
	return append(found, spans(name, prose.String(), 0)...), nil
}

// spans finds what stands between backticks in text, whose lines count from
// first. A span may go on in the next line.
func spans(name, text string, first int) (found []snippet) {
	for _, m := range codeSpan.FindAllStringSubmatchIndex(text, -1) {
		line := first + strings.Count(text[:m[0]], "\n")
		span := strings.Join(strings.Fields(text[m[2]:m[3]]), " ")
		// A table cannot hold a bar otherwise.
		found = append(found, snippet{where: fmt.Sprintf("%s:%d", name, line), text: strings.ReplaceAll(span, `\|`, "|")})
	}
	return found
}

// commentSnippets finds the commands in the comments of a YAML file.
func commentSnippets(name, text string) []snippet {
	var comments strings.Builder
	for line := range strings.Lines(text) {
		_, comment, _ := strings.Cut(line, "#")
		comments.WriteString("\n" + strings.TrimSpace(comment))
	}
	return spans(name, comments.String(), 0)
}

// makefileSnippets finds the values of ARGS that the list of targets suggests.
func makefileSnippets(name, text string) (found []snippet) {
	line := regexp.MustCompile(`^([a-z-]+):.*## .*(ARGS='[^']*')`)
	for i, l := range strings.Split(text, "\n") {
		if m := line.FindStringSubmatch(l); m != nil {
			found = append(found, snippet{where: fmt.Sprintf("%s:%d", name, i+1), text: "make " + m[1] + " " + m[2], typed: true})
		}
	}
	return found
}

// exampleSnippets finds the examples of cmd and of its subcommands.
func exampleSnippets(cmd *cobra.Command) (found []snippet) {
	if cmd.Hidden {
		return nil
	}
	for _, line := range strings.Split(cmd.Example, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			found = append(found, snippet{where: cmd.CommandPath() + " --help", text: line, typed: true})
		}
	}
	for _, sub := range cmd.Commands() {
		found = append(found, exampleSnippets(sub)...)
	}
	return found
}

// pages are all pages of the project but reports that it made.
func pages(root string) (found []string, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", ".build", "testdata", "samples", "runs"}, d.Name()):
			return fs.SkipDir
		case filepath.Ext(path) == ".md":
			found = append(found, path)
		}
		return nil
	})
	return found, err
}

// TestCommandsOfDocuments checks each command of each page, of each --help, of
// the comments of suites, of action.yml and of the workflows that use it.
func TestCommandsOfDocuments(t *testing.T) {
	c := newChecker(t)
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	relative := func(path string) string { return strings.TrimPrefix(path, c.root+"/") }
	checked := map[string]int{}
	check := func(of string, list []snippet) {
		t.Helper()
		for _, s := range list {
			isCommand, err := c.check(s)
			if err != nil {
				t.Errorf("%s: `%s`: %v", s.where, s.text, err)
			}
			if isCommand {
				checked[of]++
			}
		}
	}

	found, err := pages(c.root)
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range found {
		list, err := markdownSnippets(relative(page), read(page))
		if err != nil {
			t.Error(err)
		}
		check(relative(page), list)
	}
	check("--help", exampleSnippets(rootCommand(&app{})))
	suites, err := filepath.Glob(filepath.Join(c.root, "bench/suite/suites/*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, suite := range suites {
		check("suites", commentSnippets(relative(suite), read(suite)))
	}
	check("Makefile", makefileSnippets("Makefile", read(filepath.Join(c.root, "Makefile"))))
	check("action.yml", commentSnippets("action.yml", read(filepath.Join(c.root, "action.yml"))))
	workflows, err := filepath.Glob(filepath.Join(c.root, ".github/workflows/*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range workflows {
		check("workflows", []snippet{{where: relative(w), text: read(w), yaml: true}})
	}

	// A page that is not found, or whose commands are not, would pass.
	least := map[string]int{
		"README.md": 35, ".github/CONTRIBUTING.md": 20, "bench/cmd/tunbench/README.md": 30, "bench/suite/README.md": 20, "bench/watch/README.md": 12, "bench/advise/README.md": 12, "harness/vm/README.md": 10,
		"reports/README.md": 20, "reports/METHOD.md": 20, "reports/CLAIMS.md": 4, "reports/LIMITS.md": 8, "reports/HISTORY.md": 8, "reports/FORMATS.md": 10,
		"scripts/CI.md": 6, "scripts/fleet/README.md": 5,
		"--help": 40, "suites": 4, "Makefile": 3, "workflows": 1,
	}
	for of, n := range least {
		if checked[of] < n {
			t.Errorf("%s: %d commands are checked, fewer than %d: are they found?", of, checked[of], n)
		}
	}
	for _, page := range found {
		if _, ok := least[relative(page)]; !ok {
			t.Errorf("%s is a new page: say how many commands it has at least", relative(page))
		}
	}
	t.Logf("checked: %v", checked)
}

// TestDocumentsAreChecked plants what must be found, and what must not.
func TestDocumentsAreChecked(t *testing.T) {
	c := newChecker(t)
	const fence = "```"
	for _, test := range []struct {
		page string
		want string // in the error; "" is none
	}{
		{"`tunbench run --suite smoke`", ""},
		{"see `tunbench run\n   --suite stall` for more", ""},
		{"`tunbench report RUN --format json \\| jq '.scenarios[]'`", ""},
		{"`tunbench report RUN --plot x=size,y=residency_p99.9,by=vnet+offload,io=read,poll`", ""},
		{"| a | `make bench`, `make`, `--json`, `vnet=10 offload=uso`, `queues=1,4` | `DIR/run.jsonl` |", ""},
		{fence + "sh\nsudo tunbench run --filter 'queues=4' \\\n  --set flows=64 # four\n\n# only a word\n" + fence, ""},
		{fence + "sh\nPATH=/x:$PATH make bench ARGS='--seed 7' && tunbench doctor >doctor.txt\n" + fence, ""},
		{fence + "yaml\n- uses: OWNER/tunbench@main\n  with: {a: 'vnet=off', b: 'vnet=10 offload=uso', set: 'gen=udp-gso'}\n" + fence, ""},
		{"`tunbench vm --kernel 6.12 -- run --suite smoke`", ""},
		{"    make build          .build/tunbench", ""},
		{"`tunbench history add RUN`, `source <(tunbench completion bash)`", ""},
		{"`SOURCE_DATE_EPOCH=0 tunbench man man1`", ""},
		{"`CGO_ENABLED=0 go test ./bench/cmd/tunbench -run TestDocumentsAreChecked -v`, `go run ./bench/cmd/tunbench`", ""},
		{fence + "text\ntunbench: no such thing\n" + fence + "\n`make`", ""},

		// Selections.
		{"`tunbench run --filter 'path=vpn,veth gen=tcp io=spin'`", "the filter matches none"},
		{"`tunbench run --suite nosuch`", "no suite"},
		{"`tunbench list --filter 'gen=udp' --set offload=uso`", "impossible combination"},
		{"`tunbench ab --a offload=tso`", "impossible combination"},
		{"`tunbench ab --a size=64 --b quues=2`", "did you mean queues?"},
		{"`--filter 'path=vpm'`", "no such value"},
		{"`--filter 'path=bridge gen=tcp'`", "the filter matches none"},
		{"`--set qdisc=fq_codel --set txqlen=0`", "no such value"},
		{"`vnet=10 ofload=uso`", "no axis"},
		{"`vnet=11`", "no such value"},
		{"`tunbench vm --kernel 6.12 -- run --suite nosuch`", "no suite"},
		{"`make bench ARGS='--sed 7'`", "unknown flag: --sed"},
		{"`make bench ARGS='--filter path=vpm'`", "no such value"},
		// Commands, flags, values, arguments.
		{"`tunbench rum`", "unknown command"},
		{"`tunbench history forget ID`", "unknown command"},
		{"`tunbench run --colour`", "unknown flag"},
		{"`tunbench compare A B C`", "accepts"},
		{"`tunbench history show --filter quues=1`", "did you mean queues?"},
		{"`tunbench merge --out merged`", "at least 1 arg"},
		{"`tunbench ab --set flows=64`", "at least one of the flags"},
		{"`tunbench report RUN --format xml`", "xml"},
		{"`tunbench report RUN --plot x=sizes,y=pps`", "no axis"},
		{"`tunbench report RUN --plot x=size,y=speed`", "no metric speed"},
		{"`tunbench compare A B --format benchfmt`", "benchfmt"},
		{"`tunbench compare A B --allow everything`", "everything"},
		{"`tunbench compare A B --threshold speed=5%`", "speed"},
		{"`tunbench run --search slow`", "slow"},
		{"`--jsonl`", "no command has"},
		// Makefile and scripts.
		{"`make benhc`", "benhc"},
		{"`make bench SEED=7`", "SEED"},
		{"`scripts/nosuch.sh`", "nosuch.sh"},
		{"`scripts/kernels.sh --prune 6.1`", "--prune"},
		{"`scripts/setup.sh tset`", "tset"},
		{"    make nosuch         text", "nosuch"},
		{"`go test ./bench/cmd/tunbenhc -run TestDocumentsAreChecked`", "no package"},
		{"`go test ./bench/cmd/tunbench -run TestNosuch`", "no test"},
		{"`go test ./bench/cmd/tunbench -nosuch-flag`", "no flag"},
		{"`go run ./nosuch`", "no package"},
		{fence + "sh\ngo tool pprof -tpo profile.pb.gz\n" + fence, "no flag -tpo"},
		{fence + "sh\ngo tool pprof -top run.jsonl\n" + fence, "no profile"},
		// What is no command, and YAML.
		{fence + "sh\nfrobnicate --now\n" + fence, "frobnicate"},
		{fence + "sh\ntunbench run 'smoke\n" + fence, "quote"},
		{fence + "sh\ntunbench doctor\n", "no end"},
		{fence + "\ntunbench doctor\n" + fence, `a fence of ""`},
		{fence + "yaml\n- uses: OWNER/tunbench@main\n  with: {c: 'vnet=10'}\n" + fence, "no input c"},
		{fence + "yaml\n- uses: OWNER/tunbench@main\n  with: {b: 'vnet=10 offload=nso'}\n" + fence, "no such value"},
		{fence + "yaml\n- uses: ./\n  with: {suite: smoke, filter: 'queues=3'}\n" + fence, "the filter matches none"},
		{fence + "yaml\na: [\n" + fence, "yaml"},
	} {
		list, err := markdownSnippets("page.md", test.page)
		commands := 0
		for _, s := range list {
			isCommand, checkErr := c.check(s)
			if isCommand {
				commands++
			}
			if err == nil {
				err = checkErr
			}
		}
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.page, err)
		case test.want == "" && commands == 0:
			t.Errorf("%s: no command is found", test.page)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: error %v does not contain %q", test.page, err, test.want)
		}
	}
	if list := commentSnippets("x.yaml", "# see `tunbench\n# run --suite nosuch`\nname: x\n"); len(list) != 1 || list[0].where != "x.yaml:1" {
		t.Errorf("of a comment: %+v", list)
	} else if _, err := c.check(list[0]); err == nil {
		t.Error("a wrong command in a comment passes")
	}
	if list := makefileSnippets("Makefile", "bench: build ## run; ARGS='--sed 7' adds flags\n"); len(list) != 1 {
		t.Errorf("of a Makefile: %+v", list)
	} else if _, err := c.check(list[0]); err == nil {
		t.Error("a wrong ARGS passes")
	}
}

// uses are the steps of a workflow that use an action, wherever they stand in it.
func uses(node *yaml.Node) (found []*yaml.Node) {
	for _, n := range node.Content {
		found = append(found, uses(n)...)
	}
	if node.Kind == yaml.MappingNode {
		for i := 0; i < len(node.Content); i += 2 {
			if node.Content[i].Value == "uses" {
				found = append(found, node)
			}
		}
	}
	return found
}

// checkSteps checks the inputs of each use of the action. It gives how many there are.
func (c *checker) checkSteps(text string) (n int, err error) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return 0, err
	}
	for _, node := range uses(&doc) {
		var step struct {
			Uses string
			With map[string]string
		}
		if err := node.Decode(&step); err != nil {
			return n, err
		}
		if step.Uses != "./" && !strings.HasPrefix(step.Uses, "OWNER/tunbench@") {
			continue
		}
		n++
		// As scripts/action.sh makes them.
		command := []string{"run", "--suite", "smoke"}
		for _, of := range []string{"a", "b", "base-binary", "new-binary"} {
			if step.With[of] != "" {
				command = []string{"ab"}
			}
		}
		for name, value := range step.With {
			if _, ok := c.action.Inputs[name]; !ok {
				return n, fmt.Errorf("the action has no input %s", name)
			}
			switch name {
			case "a", "b", "suite", "trials", "measure", "base-binary", "new-binary", "out":
				command = append(command, "--"+name, value)
			case "filter", "set":
				for line := range strings.Lines(value) {
					command = append(command, "--"+name, strings.TrimSpace(line))
				}
			}
		}
		if err := c.tunbench(command); err != nil {
			return n, err
		}
	}
	return n, nil
}

// axisWords reports whether text is a list of axis=value, and what is wrong with it.
func axisWords(text string) (is bool, err error) {
	words := strings.Fields(text)
	names := map[string]bool{}
	for _, a := range suite.Axes() {
		names[a.Name] = true
	}
	known := 0
	for _, word := range words {
		name, value, found := strings.Cut(word, "=")
		// A placeholder stands for a value: <n>pps, bytes.
		if !found || value == "" || strings.ContainsAny(value, "<>") {
			return false, nil
		}
		if names[name] || name == "hook" {
			known++
		}
	}
	if known == 0 {
		return false, nil
	}
	filter := strings.Join(slices.DeleteFunc(words, func(w string) bool { return strings.HasPrefix(w, "hook=") }), " ")
	if filter == "" {
		return true, nil
	}
	_, err = suite.ParseSelection([]string{filter}, nil)
	return true, err
}
