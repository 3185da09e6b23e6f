package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tunbench/bench/suite"
	"tunbench/harness/module"
	"tunbench/harness/module/moduletest"
	"tunbench/reports/curve"
	"tunbench/reports/export"
	"tunbench/reports/metric"
)

// checker checks commands without running them, but for those of tunbench that
// only select.
type checker struct {
	root     string // of the checkout
	work     string // a folder to write to
	action   action
	makefile string
}

func newChecker(t *testing.T) *checker {
	t.Helper()
	c := &checker{work: t.TempDir()}
	c.action, c.root = readAction(t)
	text, err := os.ReadFile(filepath.Join(c.root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	c.makefile = string(text)
	// An A/A run among the examples is remembered.
	t.Setenv("XDG_CACHE_HOME", c.work)
	return c
}

// check reports whether s is a command, and what is wrong with it.
func (c *checker) check(s snippet) (isCommand bool, err error) {
	if s.yaml {
		n, err := c.checkSteps(s.text)
		return n > 0, err
	}
	if !s.typed {
		if is, err := axisWords(s.text); is {
			return true, err
		}
		if strings.HasPrefix(s.text, "--") {
			return c.flags(s.text)
		}
		if !looksLikeCommand(s.text) {
			return false, nil
		}
	}
	commands, err := shell(s.text)
	if err != nil {
		return true, err
	}
	for _, words := range commands {
		if err := c.command(words); err != nil {
			return true, err
		}
	}
	return len(commands) > 0, nil
}

// looksLikeCommand tells a command in a sentence from a name, a file or a word
// of a record.
func looksLikeCommand(text string) bool {
	return regexp.MustCompile(`^(sudo|tunbench|make|\.ci/run|(\./)?scripts/[a-z-]+\.sh|source)( |$)|(^|[ (/])tunbench [a-z-]|^([A-Z_]+=\S+ )*go (test|run) `).MatchString(text)
}

// others are programs that commands of ours stand beside. What is told of them is
// not checked.
var others = []string{"bencher", "benchstat", "cp", "git", "id", "jq", "sbatch", "source"}

// command checks one command: words with what is set before it.
func (c *checker) command(words []string) error {
	for len(words) > 0 && regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`).MatchString(words[0]) {
		words = words[1:]
	}
	for len(words) > 0 && slices.Contains([]string{"sudo", "-n", "exec"}, words[0]) {
		words = words[1:]
	}
	if len(words) == 0 {
		return nil
	}
	program, args := words[0], words[1:]
	switch {
	case program == "tunbench" || strings.HasSuffix(program, ".build/tunbench"):
		return c.tunbench(args)
	case program == "make":
		return c.make(args)
	case program == "go":
		return c.goTool(args)
	case strings.HasPrefix(program, "scripts/") || strings.HasPrefix(program, ".ci/"):
		return c.script(program, args)
	case slices.Contains(others, program):
		return nil
	}
	return fmt.Errorf("%s: no program that this test knows: write the command another way, or teach it", program)
}

// make checks targets and variables, and what the recipe makes of them for
// tunbench and scripts.
func (c *checker) make(args []string) error {
	for _, arg := range args {
		if name, _, ok := strings.Cut(arg, "="); ok && !regexp.MustCompile(`\$[({]`+regexp.QuoteMeta(name)+`[)}]`).MatchString(c.makefile) &&
			!regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(name)+` *[?:]?=`).MatchString(c.makefile) {
			return fmt.Errorf("the Makefile has no variable %s", name)
		}
	}
	cmd := exec.Command("make", append([]string{"--no-print-directory", "-n", "-C", c.root}, args...)...)
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	recipe, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("make -n: %w: %s", err, strings.TrimSpace(errs.String()))
	}
	// Only what follows from ARGS: the rest is the Makefile's own.
	if !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "ARGS=") }) {
		return nil
	}
	for line := range strings.Lines(string(recipe)) {
		for _, program := range []string{"/.build/tunbench ", " .build/tunbench "} {
			if _, after, ok := strings.Cut(" "+line, program); ok && !strings.Contains(line, "go build") {
				words, err := shell(after)
				if err != nil {
					return err
				}
				if err := c.tunbench(words[0]); err != nil {
					return err
				}
				break
			}
		}
		if words, err := shell(line); err == nil && len(words) == 1 && strings.HasPrefix(words[0][0], "scripts/") {
			if err := c.script(words[0][0], words[0][1:]); err != nil {
				return err
			}
		}
	}
	return nil
}

// goTool checks go test and go run: that the package is there, and of a test that
// there is one of that name, and each flag that it is given.
func (c *checker) goTool(args []string) error {
	if len(args) > 2 && args[0] == "tool" && args[1] == "pprof" {
		return pprof(args[2:])
	}
	if len(args) == 4 && args[0] == "build" && args[1] == "-o" {
		args = []string{"run", args[3]}
	}
	if len(args) < 2 || args[0] != "test" && args[0] != "run" {
		return fmt.Errorf("go %s: this test knows go test PACKAGE, go run PACKAGE, go build -o FILE PACKAGE and go tool pprof", strings.Join(args, " "))
	}
	if strings.HasPrefix(args[1], "-") {
		return nil // named without a package, as in go test -fuzz
	}
	files, err := filepath.Glob(filepath.Join(c.root, args[1], "*.go"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("there is no package %s", args[1])
	}
	var source strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		source.Write(text)
	}
	for i := 2; i < len(args); i++ {
		switch {
		case args[i] == "-v":
		case args[i] == "-run" && i+1 < len(args):
			i++
			if !strings.Contains(source.String(), "func "+args[i]) {
				return fmt.Errorf("%s has no test %s", args[1], args[i])
			}
		case strings.HasPrefix(args[i], "-"):
			if name := strings.TrimLeft(args[i], "-"); !strings.Contains(source.String(), `"`+name+`"`) {
				return fmt.Errorf("%s has no flag -%s", args[1], name)
			}
		}
	}
	return nil
}

// pprof checks the flags of go tool pprof, and that it reads what --profile writes.
func pprof(args []string) error {
	read := false
	for _, arg := range args {
		switch {
		case strings.HasPrefix(arg, "-") && !slices.Contains([]string{"-top", "-diff_base", "-http"}, arg):
			return fmt.Errorf("go tool pprof: this test knows no flag %s", arg)
		case strings.HasPrefix(filepath.Base(arg), "profile") && strings.HasSuffix(arg, ".pb.gz"):
			read = true
		}
	}
	if !read {
		return errors.New("go tool pprof: it names no profile")
	}
	return nil
}

// script checks that a script is there and that it knows each flag, and each
// word for a target of setup.sh.
func (c *checker) script(program string, args []string) error {
	path := filepath.Join(c.root, program)
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if st.Mode()&0o111 == 0 {
		return fmt.Errorf("%s cannot be executed", program)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	// What it sources reads some of its flags.
	for _, m := range regexp.MustCompile(`(?m)^\. (scripts/\S+)$`).FindAllSubmatch(text, -1) {
		sourced, err := os.ReadFile(filepath.Join(c.root, string(m[1])))
		if err != nil {
			return err
		}
		text = append(text, sourced...)
	}
	for i, arg := range args {
		if arg == "--" {
			return c.command(args[i+1:])
		}
		flag, _, _ := strings.Cut(arg, "=")
		if strings.HasPrefix(arg, "-") && !regexp.MustCompile(`(?m)^\s*(\S+ \| )*`+regexp.QuoteMeta(flag)+`( \| \S+)*\)`).Match(text) {
			return fmt.Errorf("%s has no flag %s", program, flag)
		}
		if strings.HasSuffix(program, "setup.sh") && !strings.HasPrefix(arg, "-") && !regexp.MustCompile(`(?m)^\s*(\S+ \| )*`+regexp.QuoteMeta(arg)+`( \| \S+)*\)`).Match(text) {
			return fmt.Errorf("%s has no target %s", program, arg)
		}
	}
	return nil
}

// flags checks flags that stand by themselves: some command takes them all, and
// what they select from the default suite is something.
func (c *checker) flags(text string) (isCommand bool, err error) {
	commands, err := shell(text)
	if err != nil {
		return true, err
	}
	args := commands[0]
	if len(commands) > 1 {
		return true, errors.New("flags are no list of commands")
	}
	list := allCommands(rootCommand(&app{}))
	// Those that are a selection and no more come first: they know what is wrong.
	rank := func(cmd *cobra.Command) int { return slices.Index([]string{"run", "list"}, cmd.Name()) }
	slices.SortStableFunc(list, func(x, y *cobra.Command) int { return rank(y) - rank(x) })
	for _, cmd := range list {
		cmd.InitDefaultHelpFlag()
		if len(args) == 1 && cmd.Flag(strings.TrimPrefix(args[0], "--")) != nil {
			return true, nil // named without its value
		}
		if err = c.parse(cmd, args); err == nil || !strings.Contains(err.Error(), "unknown flag") {
			return true, err
		}
	}
	return true, fmt.Errorf("no command has these flags: %w", err)
}

// programFiles replaces the files that --program names by those of this repository, or by
// files of the same names, and those that --module names by builds of TUN.
func (c *checker) programFiles(args []string) ([]string, error) {
	args = slices.Clone(args)
	module.Forget()
	for i := 1; i < len(args); i++ {
		if name, file, ok := strings.Cut(args[i], "="); ok && args[i-1] == "--module" {
			file, parameters, _ := strings.Cut(file, " ")
			path := filepath.Join(c.work, filepath.Base(file))
			if err := os.WriteFile(path, moduletest.TUN("6.12.0", file), 0o600); err != nil {
				return nil, err
			}
			args[i] = name + "=" + path + " " + parameters
		}
		if args[i-1] != "--program" {
			continue
		}
		if strings.Contains(args[i], "/") {
			args[i] = filepath.Join(c.root, args[i])
			continue
		}
		name := strings.TrimSuffix(args[i], ".yaml")
		args[i] = filepath.Join(c.work, args[i])
		text := "name: " + name + "\nends: [{command: [x], device: {kind: tun, name: x}}]\n"
		if err := os.WriteFile(args[i], []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	return args, nil
}

func allCommands(cmd *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		list = append(list, allCommands(sub)...)
	}
	return list
}

// tunbench checks a command line of tunbench. A command that is only named, as in
// `tunbench vm`, needs no arguments.
func (c *checker) tunbench(args []string) error {
	args, err := c.programFiles(args)
	if err != nil {
		return err
	}
	root := rootCommand(&app{})
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return nil
	}
	if cmd.HasSubCommands() && !strings.HasPrefix(rest[0], "-") {
		return fmt.Errorf("unknown command %q for %q", rest[0], cmd.CommandPath())
	}
	cmd.InitDefaultHelpFlag()
	if err := c.parse(cmd, rest); err != nil {
		return err
	}
	if help := cmd.Flag("help"); help != nil && help.Changed {
		return nil
	}
	for _, check := range []func() error{
		func() error { return cmd.ValidateArgs(cmd.Flags().Args()) },
		cmd.ValidateRequiredFlags, cmd.ValidateFlagGroups,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	switch cmd.Name() {
	case "ab":
		return c.pair(cmd)
	case "vm":
		return c.tunbench(cmd.Flags().Args()[cmd.ArgsLenAtDash():])
	}
	return nil
}

// parse checks the flags of cmd and their values, and that what they select is
// something.
func (c *checker) parse(cmd *cobra.Command, args []string) error {
	if err := cmd.ParseFlags(args); err != nil {
		return err
	}
	var errs []error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err := checkValue(cmd, f); err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", f.Name, err))
		}
	})
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if cmd.Flag("filter") == nil {
		return nil
	}
	if cmd.Flag("suite") == nil {
		_, err := suite.ParseSelection(cmd.Flag("filter").Value.(pflag.SliceValue).GetSlice(), nil)
		return err
	}
	if cmd.Name() == "ab" || cmd.Flag("resume") != nil && cmd.Flag("resume").Changed {
		return nil
	}
	code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, append([]string{"list", "--json"}, c.selected(cmd)...)...)
	if code != 0 {
		return errors.New(strings.TrimSpace(stderr))
	}
	return nil
}

// selected gives the flags of cmd that select, as list takes them.
func (c *checker) selected(cmd *cobra.Command) (args []string) {
	list := listCommand(&app{})
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if list.Flag(f.Name) == nil || f.Name == "json" || f.Name == "yaml" || f.Name == "arm" && cmd.Name() == "ab" {
			return
		}
		values := []string{f.Value.String()}
		if several, ok := f.Value.(pflag.SliceValue); ok {
			values = several.GetSlice()
		}
		for _, value := range values {
			if f.Name == "suite" {
				value = c.suite(value)
			}
			args = append(args, "--"+f.Name+"="+value)
		}
	})
	return args
}

// suite gives a file in place of one that a document only thinks of.
func (c *checker) suite(name string) string {
	if filepath.Ext(name) != ".yaml" {
		return name
	}
	if path := filepath.Join(c.root, name); exists(path) {
		return path
	}
	text, err := os.ReadFile(filepath.Join(c.root, "bench/suite/suites/smoke.yaml"))
	if err != nil {
		panic(err) // it is compiled in, too
	}
	path := filepath.Join(c.work, filepath.Base(name))
	if err := os.WriteFile(path, text, 0o666); err != nil {
		panic(err)
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// pair runs ab in a lab that measures nothing.
func (c *checker) pair(cmd *cobra.Command) error {
	args := append([]string{"ab", "--quiet", "--seed=1", "--out=" + filepath.Join(c.work, "ab")}, c.selected(cmd)...)
	for _, name := range []string{"a", "b"} {
		args = append(args, "--"+name+"="+cmd.Flag(name).Value.String())
	}
	if err := os.RemoveAll(filepath.Join(c.work, "ab")); err != nil {
		return err
	}
	if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, args...); code == exitFailure {
		return errors.New(strings.TrimSpace(stderr))
	}
	return nil
}

// checkValue holds the value of a flag against what its completion offers, where
// that is all there is.
func checkValue(cmd *cobra.Command, f *pflag.Flag) error {
	switch f.Name {
	case "filter", "set", "suite", "a", "b":
		return nil // by what they select
	case "format":
		if cmd.Name() == "ab" || cmd.Name() == "compare" || cmd.Name() == "report" || cmd.Name() == "run" {
			_, err := export.FindFormat(f.Value.String(), cmd.Name() == "ab" || cmd.Name() == "compare")
			return err
		}
	case "threshold":
		for _, value := range f.Value.(pflag.SliceValue).GetSlice() {
			if _, _, err := metric.ParseThreshold(value); err != nil {
				return err
			}
		}
		return nil
	case "plot":
		for _, value := range f.Value.(pflag.SliceValue).GetSlice() {
			if a, err := curve.ParseAsk(value); err != nil {
				return err
			} else if !curve.Known(a.Y) {
				return fmt.Errorf("%q: no metric %s", value, a.Y)
			}
		}
		return nil
	}
	complete, ok := cmd.GetFlagCompletionFunc(f.Name)
	if !ok {
		return nil
	}
	offers, directive := complete(cmd, nil, "")
	if len(offers) == 0 || directive&cobra.ShellCompDirectiveNoFileComp == 0 {
		return nil
	}
	values := []string{f.Value.String()}
	if several, ok := f.Value.(pflag.SliceValue); ok {
		values = several.GetSlice()
	}
	for _, value := range values {
		if !slices.ContainsFunc(offers, func(o string) bool { o, _, _ = strings.Cut(o, "\t"); return o == value }) {
			return fmt.Errorf("%q: choose %s", value, strings.Join(offers, ", "))
		}
	}
	return nil
}

// shell reads a line of a shell: commands between pipes, && and ;, each with its
// words. Redirections are left out. What a command is replaced by, as in
// <(command), is a command of its own before it.
func shell(line string) (commands [][]string, err error) {
	var words []string
	var word strings.Builder
	begun := false // word may be empty, and there
	skip := false  // the next word is where something is redirected to
	endWord := func() {
		if begun && !skip {
			words = append(words, word.String())
		}
		if begun {
			skip = false
		}
		word.Reset()
		begun = false
	}
	endCommand := func() {
		endWord()
		if len(words) > 0 {
			commands = append(commands, words)
		}
		words = nil
	}
	for i := 0; i < len(line); i++ {
		ch := line[i]
		switch {
		case ch == '\'' || ch == '"':
			end := strings.IndexByte(line[i+1:], ch)
			if end < 0 {
				return nil, fmt.Errorf("a quote %c without its end", ch)
			}
			word.WriteString(line[i+1 : i+1+end])
			begun = true
			i += end + 1
		case (ch == '<' || ch == '$') && i+1 < len(line) && line[i+1] == '(':
			end := strings.IndexByte(line[i:], ')')
			if end < 0 {
				return nil, errors.New("a parenthesis without its end")
			}
			inner, err := shell(line[i+2 : i+end])
			if err != nil {
				return nil, err
			}
			commands = append(commands, inner...)
			word.WriteString("x") // whatever it is
			begun = true
			i += end
		case ch == '#' && !begun:
			endCommand()
			return commands, nil
		case ch == '|' || ch == ';' || ch == '&':
			endCommand()
		case ch == '>' || ch == '<':
			endWord()
			if i+1 < len(line) && line[i+1] == ch {
				i++
			}
			skip = true
		case ch == ' ' || ch == '\t' || ch == '\n':
			endWord()
		default:
			word.WriteByte(ch)
			begun = true
		}
	}
	endCommand()
	return commands, nil
}
