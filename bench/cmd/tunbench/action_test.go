package main

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"tunbench/harness"
	"tunbench/reports/record"
)

// action is what is needed of action.yml.
type action struct {
	Inputs map[string]struct {
		Default string
	}
	Outputs map[string]struct {
		Value string
	}
	Runs struct {
		Using string
		Steps []struct {
			ID, Name, Uses, Shell, Run string
			Env                        map[string]string
		}
	}
}

func readAction(t *testing.T) (a action, root string) {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	return a, root
}

// expression is one of GitHub's, in ${{ }}.
var expression = regexp.MustCompile(`\$\{\{\s*([a-z_.-]+)\s*\}\}`)

// perform runs the steps of the action as GitHub would, in a workspace of their
// own; all but the last are left out where tunbench is built. It gives the exit code of the last, its summary, what was printed and the
// outputs of the action.
func perform(t *testing.T, workspace string, built bool, with map[string]string) (code int, summary, printed string, outputs map[string]string) {
	t.Helper()
	a, root := readAction(t)
	known := map[string]string{"github.action_path": root, "github.token": "secret"}
	for name, in := range a.Inputs {
		known["inputs."+name] = expression.ReplaceAllStringFunc(in.Default, func(e string) string { return known[expression.FindStringSubmatch(e)[1]] })
	}
	for name, value := range with {
		if _, ok := a.Inputs[name]; !ok {
			t.Fatalf("the action has no input %s", name)
		}
		known["inputs."+name] = value
	}
	expand := func(s string) string {
		return expression.ReplaceAllStringFunc(s, func(e string) string {
			value, ok := known[expression.FindStringSubmatch(e)[1]]
			if !ok && !strings.Contains(e, ".outputs.") {
				t.Errorf("%s is not known", e)
			}
			return value
		})
	}
	var log bytes.Buffer
	for i, step := range a.Runs.Steps {
		if built && i < len(a.Runs.Steps)-1 {
			continue
		}
		if step.Run == "" {
			if !strings.HasPrefix(step.Uses, "actions/setup-go@v") {
				t.Errorf("step %s is not run here", step.Uses)
			}
			continue
		}
		if expression.MatchString(step.Run) {
			t.Errorf("step %s: an input would be a piece of shell: %s", step.Name, step.Run)
		}
		dir := t.TempDir()
		summaryFile, outputFile := filepath.Join(dir, "summary"), filepath.Join(dir, "output")
		for _, f := range []string{summaryFile, outputFile} {
			if err := os.WriteFile(f, nil, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
		defer cancel()
		// What `shell: bash` means.
		cmd := exec.CommandContext(ctx, "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.Run)
		cmd.Dir, cmd.Stdout, cmd.Stderr = workspace, &log, &log
		cmd.Env = append(os.Environ(), "GITHUB_STEP_SUMMARY="+summaryFile, "GITHUB_OUTPUT="+outputFile, "CI=true")
		for name, value := range step.Env {
			cmd.Env = append(cmd.Env, name+"="+expand(value))
		}
		err := cmd.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		text, err := os.ReadFile(outputFile)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			known["steps."+step.ID+".outputs."+name] = value
		}
		if text, err = os.ReadFile(summaryFile); err != nil {
			t.Fatal(err)
		}
		summary += string(text)
		if code = cmd.ProcessState.ExitCode(); code != 0 {
			break
		}
	}
	outputs = map[string]string{}
	for name, out := range a.Outputs {
		outputs[name] = expand(out.Value)
	}
	return code, summary, log.String(), outputs
}

// The steps of action.yml are run as a job would: a reader that is slower by a
// known amount fails it, and the first run of a suite is the baseline of the
// next.
func TestAction(t *testing.T) {
	if testing.Short() {
		t.Skip("builds tunbench and measures with it, which -short leaves out; make test does")
	}
	if err := harness.CheckPrivileges(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v, and CI must have them", err)
		}
		t.Skip(err)
	}
	_, root := readAction(t)
	work := t.TempDir()
	t.Setenv("GOCACHE", goCache(t)) // where it is now
	t.Setenv("XDG_CACHE_HOME", filepath.Join(work, "cache"))
	pr := newPullRequest(t)

	code, summary, printed, outputs := perform(t, work, false, map[string]string{
		"base-binary": filepath.Join(root, ".build/tunbench"), "b": "filter=5000ns", "set": "qdisc=noqueue\n\ntxqlen=400\n",
		"trials": "8", "measure": "120ms", "threshold": "loss=99%", "out": "it's out",
	})
	if code != 1 || outputs["regressions"] == "0" || !strings.Contains(summary, "## Regressed") || !strings.Contains(printed, "::error title=tunbench%3A worse::Worse: ") || outputs["out"] != "it's out" {
		t.Fatalf("exit %d, outputs %v: %s", code, outputs, printed)
	}
	if c := pr.comments(); len(c) != 1 || !strings.HasPrefix(c[0], "**Worse: ") || outputs["comment"] != "it's out/comment.md" || strings.Count(printed, "\n::") != 1 {
		t.Errorf("comments %.200q, output %q: %s", c, outputs["comment"], printed)
	}
	f := readRun(t, filepath.Join(work, "it's out"))
	if f.Run.Builds["a"].SHA256 == "" || f.Run.Builds["a"].SHA256 != f.Run.Builds["b"].SHA256 || f.Run.Builds["a"].Path == "" {
		t.Errorf("builds: %+v", f.Run.Builds)
	}
	for _, trial := range f.Trials {
		if trial.Accounting.Unexplained != 0 || trial.Metrics[record.PPS] <= 0 || len(trial.Windows) < 6 || trial.Device.TxQLen != 400 {
			t.Errorf("trial %d: %d windows, txqlen %d, %+v", trial.Trial, len(trial.Windows), trial.Device.TxQLen, trial.Accounting)
		}
	}

	suite := map[string]string{"filter": "mode=tun gen=udp queues=1 load=max", "measure": "100ms"}
	code, summary, printed, outputs = perform(t, work, true, suite)
	if code != 0 || !strings.Contains(summary, "No baseline:") || !strings.Contains(printed, "::notice title=tunbench%3A no baseline::") {
		t.Fatalf("the first run: exit %d, outputs %v: %s\n%.500s", code, outputs, printed, summary)
	}
	if c := pr.comments(); len(c) != 1 || !strings.HasPrefix(c[0], "**No baseline:** ") || outputs["comment"] != "tunbench-out/comparison/comment.md" {
		t.Errorf("comments %.200q, output %q", c, outputs["comment"])
	}
	suite["baseline"], suite["out"], suite["fail-on"] = "tunbench-out", "second", "inconclusive"
	suite["comment"] = "false"
	code, summary, printed, outputs = perform(t, work, true, suite)
	// One pair cannot show anything.
	if code != 3 || outputs["inconclusive"] == "0" || !strings.Contains(summary, "cannot show a change") {
		t.Errorf("the second run: exit %d, outputs %v: %s\n%.500s", code, outputs, printed, summary)
	}
	if _, err := os.Stat(filepath.Join(work, "second", "comparison", "report.md")); err != nil {
		t.Error(err)
	}
	if c := pr.comments(); len(c) != 1 || !strings.HasPrefix(c[0], "**No baseline:** ") || outputs["comment"] != "second/comparison/comment.md" {
		t.Errorf("comment is false: comments %.200q, output %q", c, outputs["comment"])
	}
	// A baseline of another tunbench: nothing can be judged, which is no success, and
	// the first line says why. Allowed, it is compared.
	aged := filepath.Join(work, "tunbench-out", record.FileName)
	text, err := os.ReadFile(aged)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(aged, regexp.MustCompile(`"commit":"[^"]*"`).ReplaceAll(text, []byte(`"commit":"0123abc"`)), 0o666); err != nil {
		t.Fatal(err)
	}
	delete(suite, "fail-on")
	suite["out"] = "aged"
	code, summary, printed, outputs = perform(t, work, true, suite)
	_, below, _ := strings.Cut(strings.TrimSpace(summary), "\n")
	if code != 3 || outputs["not-comparable"] == "0" || !strings.Contains(printed, "::error title=tunbench%3A nothing could be judged::Nothing could be judged: tunbench differs: ") ||
		!strings.HasPrefix(strings.TrimSpace(below), "> [!WARNING]\n> **Nothing could be judged:** tunbench differs: ") {
		t.Errorf("a baseline of another tunbench: exit %d, outputs %v: %s\n%.500s", code, outputs, printed, summary)
	}
	suite["out"], suite["allow"] = "allowed", "tool\nmissing\n"
	code, summary, printed, outputs = perform(t, work, true, suite)
	if code != 0 || outputs["not-comparable"] != "0" || !strings.Contains(summary, "allowed by --allow") {
		t.Errorf("allowed: exit %d, outputs %v: %s\n%.500s", code, outputs, printed, summary)
	}
	suite["out"], suite["strict"] = "third", "maybe"
	if code, _, printed, _ = perform(t, work, true, suite); code != 2 || !strings.Contains(printed, "strict: maybe: choose true or false") {
		t.Errorf("a wrong input: exit %d: %s", code, printed)
	}
}

// goCache is where go keeps what it has built, which hangs on the home folder.
func goCache(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// Each input reaches the script, and the script reads no other variable.
func TestActionInputs(t *testing.T) {
	a, root := readAction(t)
	script, err := os.ReadFile(filepath.Join(root, "scripts/action.sh"))
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]bool{}
	for _, name := range regexp.MustCompile(`\bTUNBENCH_[A-Z_]+\b`).FindAllString(string(script), -1) {
		read[name] = true
	}
	delete(read, "TUNBENCH_")
	given := map[string]bool{"TUNBENCH_BINARY": true}
	measure := a.Runs.Steps[len(a.Runs.Steps)-1]
	for name := range a.Inputs {
		variable := "TUNBENCH_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		given[variable] = true
		if measure.Env[variable] != "${{ inputs."+name+" }}" {
			t.Errorf("%s is %q", variable, measure.Env[variable])
		}
	}
	if got, want := slices.Sorted(maps.Keys(read)), slices.Sorted(maps.Keys(given)); !slices.Equal(got, want) {
		t.Errorf("the script reads %v, the action gives %v", got, want)
	}
}
