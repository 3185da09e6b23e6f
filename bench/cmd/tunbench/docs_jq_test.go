package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tunbench/bpf/hist"
	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// The commands that take --format are in the table of formats, each with the formats that
// it takes.
func TestFormatsOfCommands(t *testing.T) {
	c := newChecker(t)
	documented := map[string][]string{}
	var above []string
	for _, row := range tablesOf(c.page(t, formatsPage))[0].rows {
		if row[1] != "the same" {
			above = namesIn(row[1])
		}
		for _, command := range namesIn(row[0]) {
			documented[command] = above
		}
	}
	checked := 0
	for _, cmd := range allCommands(rootCommand(&app{})) {
		flag := cmd.LocalFlags().Lookup("format")
		if flag == nil || cmd.Hidden {
			continue
		}
		var want []string
		if complete, ok := cmd.GetFlagCompletionFunc("format"); ok {
			offers, _ := complete(cmd, nil, "")
			want = offers
		} else { // as its help has them
			_, list, _ := strings.Cut(flag.Usage, ": ")
			want = strings.Split(list, ", ")
		}
		name := strings.TrimPrefix(cmd.CommandPath(), "tunbench ")
		if !slices.Equal(documented[name], want) {
			t.Errorf("%s has %q as formats of %s, want %q", formatsPage, documented[name], name, want)
		}
		delete(documented, name)
		checked++
	}
	if checked < 8 || len(documented) > 0 {
		t.Errorf("%d commands have formats; documented are also %q", checked, documented)
	}
}

// jq runs a command of a page in a folder, and gives the lines that it prints.
func jq(t *testing.T, dir, command string) (lines []string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// validTrials are the valid trials of an arm by scenario.
func validTrials(f *record.File, arm record.Arm) map[string][]record.Trial {
	valid := map[string][]record.Trial{}
	for _, t := range f.Trials {
		if t.Arm == arm && !t.Invalid() {
			valid[t.Scenario] = append(valid[t.Scenario], t)
		}
	}
	return valid
}

// The examples with jq give what reports have: medians and drops of valid trials, and
// quantiles of the histograms of several trials.
func TestExamplesWithJQ(t *testing.T) {
	if _, err := exec.LookPath("jq"); err != nil {
		lacking(t, "jq is not installed: scripts/setup.sh ci")
	}
	c := newChecker(t)
	page := c.page(t, formatsPage)
	_, fence, found := strings.Cut(sectionOf(page, "### Examples with jq"), "```sh\n")
	fence, _, ends := strings.Cut(fence, "```")
	if !found || !ends {
		t.Fatal("no examples")
	}
	commands := regexp.MustCompile(`(?:.*\\\n)*.*\n`).FindAllString(fence, -1)
	if len(commands) != 4 {
		t.Fatalf("%d commands: %q", len(commands), commands)
	}
	f := fixture.Synthetic()
	// Trials that the examples must leave out: the first is bare, the second observed.
	for i := range 2 {
		trial := &f.Trials[i]
		trial.Flags = append(trial.Flags, record.FlagSteal)
		trial.Metrics[record.PPS] *= 9
		latency := record.Latency{Count: 100_000, MinNs: 1 << 30, MaxNs: 1 << 30, Buckets: record.Buckets{{1 << 30, 100_000}}}
		trial.Latency[record.E2E] = latency
		trial.Accounting.Dropped = map[string]uint64{record.TxDropped: 1}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, record.FileName)
	w, err := record.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Write(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	bare, observed := validTrials(f, record.Bare), validTrials(f, record.Observed)
	// wrong compares lines of a value and a name with what they must be.
	wrong := func(definitions, command string, want map[string]float64) (faults []string) {
		lines := jq(t, dir, definitions+command)
		if len(lines) != len(want) || len(want) < 2 {
			faults = append(faults, fmt.Sprintf("%d lines, want %d", len(lines), len(want)))
		}
		for _, line := range lines {
			value, name, _ := strings.Cut(line, " ")
			v, err := strconv.ParseFloat(value, 64)
			if w, ok := want[name]; err != nil || !ok || math.Abs(v-w) > 1e-9*math.Abs(w) {
				faults = append(faults, fmt.Sprintf("%q, want %v", line, w))
			}
		}
		return faults
	}
	medians, bounds, drops := map[string]float64{}, map[string]float64{}, map[string]float64{}
	for scenario, trials := range bare {
		var rates []float64
		var pool figure.Latency
		for _, trial := range trials {
			rates = append(rates, trial.Metrics[record.PPS])
			pool.Add(trial.Latency[record.E2E])
		}
		sum, err := stat.Summarize(rates)
		if err != nil {
			t.Fatal(err)
		}
		medians[scenario] = sum.Median
		p99, ok := pool.Quantile(0.99)
		if !ok {
			t.Fatalf("%s has no p99", scenario)
		}
		bounds[scenario] = float64(hist.Lower(hist.Index(p99)))
	}
	for _, trials := range observed {
		for _, trial := range trials {
			for reason, n := range trial.Accounting.Dropped {
				drops[reason] += float64(n)
			}
		}
	}
	anyTrial := strings.Replace(commands[0], " and .valid;", ";", 1)
	for i, want := range []map[string]float64{medians, drops, bounds} {
		if faults := wrong(commands[0], commands[i+1], want); len(faults) > 0 {
			t.Errorf("%s: %q", commands[i+1], faults)
		}
		if faults := wrong(anyTrial, commands[i+1], want); len(faults) == 0 {
			t.Errorf("%s: invalid trials make no difference", commands[i+1])
		}
	}

	// A last line that is torn.
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, `{"kind":"trial","scen`...), 0o666); err != nil {
		t.Fatal(err)
	}
	mend := slices.DeleteFunc(namesIn(sectionOf(page, "## run.jsonl")), func(s string) bool { return !strings.HasPrefix(s, "jq -cR ") })
	if len(mend) != 1 {
		t.Fatalf("commands for a torn line: %q", mend)
	}
	if lines := jq(t, dir, mend[0]); len(lines) != strings.Count(string(text), "\n") {
		t.Errorf("%d lines are left of %d", len(lines), strings.Count(string(text), "\n"))
	}
}
