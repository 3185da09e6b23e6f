package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tunbench/reports/record"
)

// What another program reads goes to stdout alone, or into a folder whole.
func TestExports(t *testing.T) {
	base, next := storedRun(t, scenario, steps(1e6, 10), nil), storedRun(t, scenario, steps(0.9e6, 10), nil)
	out := t.TempDir()
	held := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(held, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string // that they hold; no stderr where it is ""
		files          []string
	}{
		{"bmf", []string{"report", base, "--format", "bmf"}, 0, `"pps": {`, "", nil},
		{"two files on stdout", []string{"report", base, "--format", "gha"}, 2, "", "--format gha makes 2 files: name a folder with --out", nil},
		{"gha", []string{"report", base, "--format", "gha", "--out", out}, 0, "", "", []string{"bigger-is-better.json", "smaller-is-better.json"}},
		{"openmetrics", []string{"report", base, next, "--format", "openmetrics"}, 0, `tunbench_run_complete{run="` + next + `"} 1`, "", nil},
		{"one run twice", []string{"report", base, base, "--format", "openmetrics"}, 2, "", base + " is named twice", nil},
		{"junit", []string{"report", base, next, "--format", "junit", "--out", out}, 0, "", "", []string{"junit.xml"}},
		{"no room", []string{"report", base, "--format", "junit", "--out", held}, 2, "", held, nil},
		{"no verdicts", []string{"compare", base, next, "--format", "bmf"}, 2, "", "--format bmf carries no verdicts", nil},
		{"indicative", []string{"compare", base, next, "--format", "junit"}, 0, `failures="0"`, "", nil},
		{"strict", []string{"compare", base, next, "--format", "junit", "--strict"}, 1, `<failure type="indicative-regression"`, "", nil},
		{"verdicts", []string{"compare", base, next, "--format", "openmetrics"}, 0, `tunbench_verdicts{verdict="indicative-regression"} 1`, "", nil},
	} {
		code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, test.args...)
		if code != test.code || !strings.Contains(stdout, test.stdout) || !strings.Contains(stderr, test.stderr) || (test.stderr == "") != (stderr == "") {
			t.Errorf("%s: exit %d, want %d; stdout %q; stderr %q", test.name, code, test.code, stdout, stderr)
		}
		if test.code == 2 && stdout != "" {
			t.Errorf("%s: half a result: %q", test.name, stdout)
		}
		for _, file := range test.files {
			if content, err := os.ReadFile(filepath.Join(out, file)); err != nil || len(content) == 0 {
				t.Errorf("%s: %s: %v", test.name, file, err)
			}
		}
	}
}

// A file of tunbench ab keeps its variants apart in the formats that carry no
// verdicts, and is judged in the others.
func TestExportsOfVariants(t *testing.T) {
	i := 0
	run := storedRun(t, scenario, steps(1e6, 20), onTrials(func(trial *record.Trial) {
		trial.Variant, trial.Pair, trial.Block = []string{"a", "b"}[i%2], i/2+1, 1
		i++
	}))
	for format, want := range map[string]string{
		"bmf":         scenario + "/variant=b",
		"openmetrics": `variant="b"`,
		"junit":       `name="b against a"`,
	} {
		code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, "report", run, "--format", format)
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", format, code, stdout, stderr)
		}
	}
}
