package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tunbench/reports/record"
)

// githubJob sets the files of a step of GitHub Actions, and gives what is in them.
func githubJob(t *testing.T) (summary, outputs func() string) {
	t.Helper()
	dir := t.TempDir()
	read := func(name string) func() string {
		return func() string {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
	}
	for variable, name := range map[string]string{"GITHUB_STEP_SUMMARY": "summary", "GITHUB_OUTPUT": "outputs"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
		t.Setenv(variable, filepath.Join(dir, name))
	}
	return read("summary"), read("outputs")
}

func TestGitHub(t *testing.T) {
	base, slower := storedRun(t, scenario, steps(1e6, 10), nil), storedRun(t, scenario, steps(0.9e6, 10), nil)
	few := storedRun(t, scenario, steps(0.9e6, 2), nil)
	for _, test := range []struct {
		name       string
		args       []string
		code       int
		annotation string
		output     string
	}{
		{"equal", []string{base, base}, 0, "::notice title=tunbench%3A no change::No change beyond 3 %25 (pps), 0.10 points (loss) in 1 of 1 scenario.", "equivalent=2\n"},
		{"slower", []string{base, slower}, 0, "::warning title=tunbench%3A worse::Perhaps worse: −10 %25", "indicative-regression=1\n"},
		{"slower, strict", []string{base, slower, "--strict"}, 1, "::error title=tunbench%3A worse::Perhaps worse: −10 %25", "indicative-regression=1\n"},
		{"few", []string{base, few}, 0, "::warning title=tunbench%3A cannot tell::Cannot tell: ", "inconclusive="},
		{"few, fail on regression", []string{base, few, "--fail-on", "regression"}, 0, "::warning ", "inconclusive="},
		{"few, fail on inconclusive", []string{base, few, "--fail-on", "inconclusive"}, 3, "::error title=tunbench%3A cannot tell::Cannot tell: ", "inconclusive="},
		{"slower, fail on inconclusive", []string{base, slower, "--fail-on", "inconclusive"}, 0, "::warning ", "inconclusive=0\n"},
		{"no baseline", []string{filepath.Join(base, "nothing"), slower}, 0, "::notice title=tunbench%3A no baseline::there is no baseline at ", "verdicts=0\n"},
		{"an empty folder", []string{t.TempDir(), slower, "--strict"}, 0, "::notice title=tunbench%3A no baseline::", "verdicts=0\n"},
		{"no baseline and no run", []string{filepath.Join(base, "nothing"), filepath.Join(base, "neither")}, 2, "::error title=tunbench failed::", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			summary, outputs := githubJob(t)
			code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, append([]string{"compare", "--github"}, test.args...)...)
			if code != test.code || !strings.Contains(stdout, test.annotation) || !strings.Contains(outputs(), test.output) {
				t.Errorf("exit %d, want %d: %s%s%s", code, test.code, stdout, stderr, outputs())
			}
			if loud := strings.Contains(stdout, "::error "); loud != (code != 0) {
				t.Errorf("exit %d: %s", code, stdout)
			}
			if text := summary(); (text == "") != (code == 2) || strings.Contains(text, "No baseline:") != (test.output == "verdicts=0\n") {
				t.Errorf("summary: %.500s", text)
			}
		})
	}
	// Without --github a baseline that does not exist is an error.
	if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, "compare", filepath.Join(base, "nothing"), slower); code != 2 || !strings.Contains(stderr, "no such file") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// A summary goes behind what is there, and leaves stdout to --json.
func TestGitHubAppends(t *testing.T) {
	base := storedRun(t, scenario, steps(1e6, 10), nil)
	summary, _ := githubJob(t)
	for range 2 {
		code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, "compare", base, base, "--github", "--json")
		if code != 0 || strings.Contains(stdout, "::notice") || !strings.Contains(stderr, "::notice") {
			t.Errorf("exit %d: %s%s", code, stdout, stderr)
		}
	}
	if n := strings.Count(summary(), "\n\n# tunbench: ") + strings.Count(summary(), "# tunbench: "); n != 3 {
		t.Errorf("%.300s", summary())
	}
}

// What the job's files lack is a warning; the verdicts give the exit code.
func TestGitHubCannotWrite(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	base, slower := storedRun(t, scenario, steps(1e6, 10), nil), storedRun(t, scenario, steps(0.9e6, 10), nil)
	full := filepath.Join(t.TempDir(), "full")
	if err := os.WriteFile(full, make([]byte, 900<<10), 0o666); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"":                          "GITHUB_STEP_SUMMARY is not set",
		filepath.Join(base, "a/b"):  "no such file",
		base:                        "is a directory",
		"/proc/version":             "write $GITHUB_STEP_SUMMARY: ",
		full:                        "there is room for 0 bytes only",
		"/proc/self/nothing/at/all": "no such file",
	} {
		t.Setenv("GITHUB_STEP_SUMMARY", path)
		t.Setenv("GITHUB_OUTPUT", "")
		for _, strict := range []bool{false, true} {
			args, code := []string{"compare", base, slower, "--github"}, 0
			if strict {
				args, code = append(args, "--strict"), 1
			}
			got, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, args...)
			if got != code || !strings.Contains(stderr, "warning: --github: ") || !strings.Contains(stderr, want) || !strings.Contains(stdout, "1 regression, indicative.") {
				t.Errorf("%q: exit %d, want %d: %s%s; want %q", path, got, code, stdout, stderr, want)
			}
		}
	}
	t.Setenv("GITHUB_STEP_SUMMARY", filepath.Join(t.TempDir(), "new"))
	t.Setenv("GITHUB_OUTPUT", base)
	if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, "compare", base, base, "--github"); code != 0 || !strings.Contains(stderr, "write $GITHUB_OUTPUT") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

func TestFailOn(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for _, test := range []struct {
		lab    fakeLab
		failOn string
		code   int
	}{
		{variantLab(0.9), "regression", 1},
		{variantLab(0.9), "inconclusive", 1},
		{variantLab(0.9, record.FlagSteal), "regression", 3}, // nothing could be judged
		{variantLab(0.9, record.FlagSteal), "inconclusive", 3},
		{variantLab(1), "inconclusive", 0},
	} {
		summary, _ := githubJob(t)
		code, stdout, stderr := tunbench(context.Background(), test.lab, nil, "ab", "--a", "size=64", "--b", "ip=6 size=80", "--seed", "1",
			"--out", filepath.Join(t.TempDir(), "x"), "--fail-on", test.failOn, "--github")
		if code != test.code || strings.Contains(stdout, "::error ") != (code != 0) || !strings.Contains(summary(), "# tunbench: b: size=80 ip=6 against a: size=64 ip=4\n") {
			t.Errorf("%s: exit %d, want %d: %s%s", test.failOn, code, test.code, stdout, stderr)
		}
	}
	for _, command := range [][]string{{"compare", "a", "b"}, {"ab", "--b", "size=65"}} {
		code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, append(command, "--fail-on", "noise")...)
		if code != 2 || !strings.Contains(stderr, `--fail-on "noise": choose regression, inconclusive`) {
			t.Errorf("%v: exit %d: %s", command, code, stderr)
		}
	}
}

func TestABRefusesBuilds(t *testing.T) {
	dir := t.TempDir()
	for flag, path := range map[string]string{"--base-binary": "/bin/true", "--new-binary": filepath.Join(dir, "nothing")} {
		summary, _ := githubJob(t)
		code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, "ab", flag, path, "--github", "--out", filepath.Join(dir, "x"))
		if code != 2 || !strings.Contains(stderr, flag+": ") || !strings.Contains(stdout, "::error title=tunbench failed::"+flag) || summary() != "" {
			t.Errorf("%s: exit %d: %s%s", path, code, stdout, stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "x")); err == nil {
		t.Error("a folder is left")
	}
}
