package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// variantLab gives trials of 64 bytes so much more speed than others have, with
// noise of 1 %.
func variantLab(ratio float64, flags ...string) fakeLab {
	rng := rand.New(rand.NewPCG(5, 5))
	return fakeLab{run: func(s spec.Spec, hook string) (record.Trial, error) {
		pps := 1e6 * (1 + 0.01*rng.NormFloat64())
		if s.Size != 64 {
			pps *= ratio
		}
		return record.Trial{
			Started: "2026-01-02T03:04:05Z", DurationNs: 1e9, Flags: flags,
			Metrics: map[string]float64{record.PPS: pps, record.BitPerS: 8 * float64(s.Size) * pps, record.Loss: 0.01, record.CPUNsPerPkt: 2e9 / pps},
		}, nil
	}}
}

func TestAB(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for name, test := range map[string]struct {
		lab    fakeLab
		b      string
		strict bool
		exit   int
		want   string // in stdout
	}{
		"slower":                 {variantLab(0.9), "size=1500", false, 1, "pps"},
		"faster":                 {variantLab(1.1), "size=1500", false, 0, "pps"},
		"equal":                  {variantLab(1), "ip=6 size=80", true, 0, "No regression."},
		"unsteady":               {variantLab(0.9, record.FlagUnsteady), "size=1500", true, 1, "pps"},
		"all stolen":             {variantLab(0.9, record.FlagSteal), "size=1500", true, 3, "invalid"},
		"all stolen, not strict": {variantLab(0.9, record.FlagSteal), "size=1500", false, 3, "Nothing could be judged: too few pairs were valid"},
	} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			args := []string{"ab", "--a", "size=64", "--b", test.b, "--seed", "1", "--out", filepath.Join(out, "x")}
			if test.strict {
				args = append(args, "--strict")
			}
			code, stdout, stderr := tunbench(context.Background(), test.lab, nil, args...)
			if code != test.exit || !strings.Contains(stdout, test.want) {
				t.Errorf("exit %d, want %d\n%s%s", code, test.exit, stdout, stderr)
			}
			for _, file := range []string{record.FileName, "report.md"} {
				if _, err := os.Stat(filepath.Join(out, "x", file)); err != nil {
					t.Error(err)
				}
			}
			if h := readRun(t, filepath.Join(out, "x")).Run.Host; h.Kernel == "" || h.Kernel != test.lab.Host().Kernel {
				t.Errorf("the record says that the host is %+v", h)
			}
			written, err := os.ReadFile(filepath.Join(out, "x", "report.md"))
			if err != nil {
				t.Fatal(err)
			}
			if code, _, stderr := tunbench(context.Background(), test.lab, nil, "report", filepath.Join(out, "x"), "--out", filepath.Join(out, "again")); code != 0 {
				t.Errorf("report: exit %d, %s", code, stderr)
			}
			if again, err := os.ReadFile(filepath.Join(out, "again", "report.md")); err != nil || !bytes.Equal(written, again) {
				t.Errorf("report gives another report: %v", err)
			}
			// What is stored renders again, to the same verdicts.
			code, again, stderr := tunbench(context.Background(), test.lab, nil, "compare", filepath.Join(out, "x"))
			if first, _, _ := strings.Cut(stdout, "\nreport:"); code != test.exit || strings.TrimSpace(again) != strings.TrimSpace(first) {
				t.Errorf("compare: exit %d, %s\n%s\nab had printed\n%s", code, stderr, again, stdout)
			}
		})
	}
}

func TestABFormat(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for format, name := range map[string]string{"json": "report.json", "csv": "verdicts.csv"} {
		out := filepath.Join(t.TempDir(), "x")
		code, stdout, stderr := tunbench(context.Background(), variantLab(0.9), nil, "ab", "--a", "size=64", "--b", "size=1500", "--seed", "1", "--out", out, "--format", format)
		if code != 1 || !strings.Contains(stdout, "report: "+filepath.Join(out, name)) {
			t.Errorf("%s: exit %d\n%s%s", format, code, stdout, stderr)
		}
		text, err := os.ReadFile(filepath.Join(out, name))
		if err != nil || !strings.Contains(string(text), record.Regression) {
			t.Errorf("%s: %v in %.300s", name, err, text)
		}
		if _, err := os.Stat(filepath.Join(out, "report.md")); err != nil {
			t.Error(err)
		}
		code, stdout, stderr = tunbench(context.Background(), fakeLab{}, nil, "compare", out, "--format", format)
		if code != 1 || stdout == "" || stderr != "" || format == "csv" && stdout != string(text) {
			t.Logf("%s", stdout)
			t.Errorf("compare: exit %d, stderr %q", code, stderr)
		}
	}
}

func TestABJSON(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	code, stdout, stderr := tunbench(context.Background(), variantLab(0.9), nil, "ab", "--a", "size=64", "--b", "size=1500", "--json", "--out", filepath.Join(t.TempDir(), "x"))
	if code != 1 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	verdicts := map[string]string{}
	for line := range strings.Lines(stdout) {
		var v record.Verdict
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		verdicts[v.Metric] = v.Verdict
		if v.Metric == record.PPS && (v.CI == nil || v.CI[1] >= 0 || *v.Change > -0.08 || *v.Change < -0.12 || v.N < 20 || v.Kind != "") {
			t.Errorf("pps: %s", line)
		}
	}
	if verdicts[record.PPS] != record.Regression || verdicts[record.BitPerS] != record.Improvement || verdicts[record.Loss] != record.Equivalent {
		t.Errorf("verdicts: %v", verdicts)
	}
}

// An A/A run is remembered, and makes later verdicts no finer than it.
func TestAAIsRemembered(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	code, _, stderr := tunbench(context.Background(), variantLab(1), nil, "ab", "--a", "size=64", "--b", "size=64", "--out", filepath.Join(t.TempDir(), "x"))
	if code != 0 || !strings.Contains(stderr, "this host can detect changes of ") {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	files, err := filepath.Glob(filepath.Join(cache, "tunbench", "aa", "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("stored: %v, %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	// As if the host had been noisier: 8 %.
	var file map[string]any
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	seen := file["results"].([]any)[0].(map[string]any)["seen"].(map[string]any)
	if v := seen[record.PPS].(float64); v < 0.005 || v > 0.03 {
		t.Errorf("seen: %v", seen)
	}
	seen[record.PPS] = 0.08
	if text, err = json.Marshal(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], text, 0o644); err != nil {
		t.Fatal(err)
	}
	// What is below that is open; it is not equivalent.
	code, stdout, stderr := tunbench(context.Background(), variantLab(0.95), nil, "ab", "--a", "size=64", "--b", "size=1500", "--json", "--out", filepath.Join(t.TempDir(), "x"))
	told := false
	for line := range strings.Lines(stdout) {
		var v record.Verdict
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		if v.Metric != record.PPS {
			continue
		}
		told = true
		if v.Threshold != 0.08 || v.OwnThreshold == nil || *v.OwnThreshold != 0.03 || v.Verdict != record.Inconclusive ||
			!strings.Contains(strings.Join(v.Notes, "\n"), "not 8.00 %, the smallest change that an A/A run detected on this host") {
			t.Errorf("exit %d: %s%s", code, line, stderr)
		}
	}
	if !told {
		t.Errorf("no verdict on pps: %s", stdout)
	}
	out := filepath.Join(t.TempDir(), "x")
	_, stdout, _ = tunbench(context.Background(), variantLab(0.95), nil, "ab", "--a", "size=64", "--b", "size=1500", "--out", out)
	if !strings.Contains(stdout, "8.00 % (equivalent: 3.00 %)") {
		t.Errorf("the summary shows no threshold:\n%s", stdout)
	}
	_, stdout, _ = tunbench(context.Background(), fakeLab{}, nil, "doctor")
	if !strings.Contains(stdout, "detects changes of 8.0 % in pps, ") || !strings.Contains(stdout, "0 of 20 trials disturbed, just now (") || !strings.Contains(stdout, "to forget all of them: tunbench ab --forget-aa") {
		t.Errorf("doctor does not show it:\n%s", stdout)
	}

	code, stdout, stderr = tunbench(context.Background(), fakeLab{}, errors.New("no root"), "ab", "--forget-aa")
	if _, err := os.Stat(files[0]); code != 0 || err == nil || !strings.Contains(stdout, "The A/A runs of this host are no longer kept: "+files[0]+" is removed.") {
		t.Errorf("forget: exit %d, %s%s", code, stdout, stderr)
	}
	if code, stdout, _ = tunbench(context.Background(), fakeLab{}, nil, "ab", "--forget-aa"); code != 0 || !strings.Contains(stdout, "No A/A run of this host is kept") {
		t.Errorf("forget again: exit %d, %s", code, stdout)
	}
	if code, _, stderr = tunbench(context.Background(), fakeLab{}, nil, "ab", "--forget-aa", "--a", "size=64"); code != 2 || !strings.Contains(stderr, "forget-aa") {
		t.Errorf("forget and measure: exit %d, %s", code, stderr)
	}
}

// An A/A run of a disturbed host is not kept: stderr, the report and the verdicts
// say so, and why.
func TestDisturbedAAIsNotKept(t *testing.T) {
	loud := func(deviation float64, flags ...string) fakeLab {
		lab, rng := variantLab(1, flags...), rand.New(rand.NewPCG(3, 3))
		quiet := lab.run
		lab.run = func(s spec.Spec, hook string) (record.Trial, error) {
			trial, err := quiet(s, hook)
			trial.Metrics[record.PPS] *= 1 + deviation*(2*rng.Float64()-1)
			return trial, err
		}
		return lab
	}
	for name, tt := range map[string]struct {
		lab  fakeLab
		kept bool
		why  string
	}{
		"quiet":        {loud(0), true, ""},
		"coarse":       {loud(0.5), false, "it detects changes of pps only from "},
		"foreign load": {loud(0, record.FlagForeignLoad), false, "20 of its 20 trials were disturbed"},
		"pressure":     {loud(0, record.FlagPressure), false, "20 of its 20 trials were disturbed"},
		"throttled":    {loud(0, record.FlagThrottled), false, "trials were disturbed"},
		"unsteady":     {loud(0, record.FlagUnsteady), true, ""},
	} {
		cache := t.TempDir()
		t.Setenv("XDG_CACHE_HOME", cache)
		out := filepath.Join(t.TempDir(), "x")
		_, _, stderr := tunbench(context.Background(), tt.lab, nil, "ab", "--a", "size=64", "--b", "size=64", "--out", out, "--seed", "1")
		files, err := filepath.Glob(filepath.Join(cache, "tunbench", "aa", "*.json"))
		if err != nil || (len(files) == 1) != tt.kept {
			t.Errorf("%s: stored %v, %v", name, files, err)
		}
		if tt.kept {
			continue
		}
		if name == "throttled" && !strings.Contains(stderr, "is not kept") {
			continue // a pair of invalid trials is given up on before anything is seen
		}
		if !strings.Contains(stderr, "the A/A run of Tun/dir=k2u/gen=udp/queues=1/size=64 is not kept: ") || !strings.Contains(stderr, tt.why) || strings.Contains(stderr, "can see changes of") {
			t.Errorf("%s: %s", name, stderr)
		}
		report, err := os.ReadFile(filepath.Join(out, "report.md"))
		if err != nil || !strings.Contains(string(report), "what this A/A run could see is not kept: ") {
			t.Errorf("%s: the report does not tell: %v", name, err)
		}
		for _, v := range readRun(t, out).Verdicts {
			if !strings.Contains(strings.Join(v.Notes, "\n"), "what this A/A run could see is not kept: ") {
				t.Errorf("%s: %+v", name, v)
			}
		}
	}
}

func TestABRefuses(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", dir)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{}, "at least one of the flags in the group [a b base-binary new-binary forget-aa] is required"},
		{[]string{"--a", "queus=1"}, `--a "queus=1": no axis "queus"`},
		{[]string{"--b", "size=64 size=65"}, `--b "size=64 size=65": size is given twice`},
		{[]string{"--b", "hook=dtrace"}, "hook=dtrace: choose auto, kprobe"},
		{[]string{"--b", "offload=tso"}, "impossible combination"},
		{[]string{"--b", "size=65", "--arm", "both"}, "--arm both: ab compares two variants"},
		{[]string{"--b", "size=65", "--threshold", "pps"}, `--threshold "pps": write metric=x%`},
		{[]string{"--b", "size=65", "--trials", "4"}, "4 pairs cannot show anything in 4 metrics: at least"},
		{[]string{"--b", "size=65", "--suite", "smoke", "--filter", "queues=9"}, "the filter matches none"},
	} {
		args := append([]string{"ab", "--out", filepath.Join(dir, "x")}, test.args...)
		code, stdout, stderr := tunbench(context.Background(), variantLab(1), nil, args...)
		if code != 2 || !strings.Contains(stderr, test.want) || stdout != "" {
			t.Errorf("%v: exit %d, %s%s\nwant %q", test.args, code, stdout, stderr, test.want)
		}
		if _, err := os.Stat(filepath.Join(dir, "x")); err == nil {
			t.Errorf("%v left a folder", test.args)
		}
	}
}

// A variant that this kernel does not support is a verdict of its own: exit 3, or
// 0 where that is allowed; and what only B supports is no reason for it, unless
// there is nothing else.
func TestABUnsupported(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	refusing := func(size int, err error) fakeLab {
		lab := variantLab(1)
		able := lab.run
		lab.run = func(s spec.Spec, hook string) (record.Trial, error) {
			if s.Size == size {
				return record.Trial{}, err
			}
			return able(s, hook)
		}
		return lab
	}
	for name, tt := range map[string]struct {
		lab     fakeLab
		args    []string
		exit    int
		verdict string // of the first line of --json, or ""
		missing string
		summary string
	}{
		"B":          {refusing(1500, errUnsupported), nil, 3, record.UnsupportedVerdict, "new", "Nothing could be judged: no scenario was measured on both sides."},
		"B, allowed": {refusing(1500, errUnsupported), []string{"--allow", "missing"}, 0, record.UnsupportedVerdict, "new", "allowed by --allow missing."},
		"A":          {refusing(64, errUnsupported), nil, 3, record.UnsupportedVerdict, "base", "Nothing could be judged: "},
		"B failed":   {refusing(1500, errors.New("broken")), nil, 2, "", "", ""},
		"allow cpu":  {variantLab(1), []string{"--allow", "cpu"}, 2, "", "", ""},
	} {
		out := filepath.Join(t.TempDir(), "x")
		args := append([]string{"ab", "--a", "size=64", "--b", "size=1500", "--seed", "1"}, tt.args...)
		code, stdout, stderr := tunbench(context.Background(), tt.lab, nil, append(args, "--json", "--out", out)...)
		if code != tt.exit {
			t.Errorf("%s: exit %d, want %d: %s%s", name, code, tt.exit, stdout, stderr)
		}
		if tt.verdict == "" {
			if stdout != "" || !strings.Contains(stderr, "tunbench: ") {
				t.Errorf("%s: %s%s", name, stdout, stderr)
			}
			continue
		}
		var v record.Verdict
		if err := json.Unmarshal([]byte(stdout), &v); err != nil || v.Verdict != tt.verdict || v.Missing != tt.missing || len(v.Notes) == 0 {
			t.Errorf("%s: %v, %s", name, err, stdout)
		}
		if !strings.Contains(stderr, tt.summary) {
			t.Errorf("%s: stderr %s", name, stderr)
		}
		if end := readRun(t, out).End; end == nil || end.Exit != tt.exit {
			t.Errorf("%s: %+v", name, end)
		}
		// What is stored says the same.
		again, text, _ := tunbench(context.Background(), fakeLab{}, nil, append([]string{"compare", out}, tt.args...)...)
		if again != tt.exit || !strings.Contains(strings.Join(strings.Fields(text), " "), tt.summary) {
			t.Errorf("%s, compared again: exit %d: %s", name, again, text)
		}
		summary, _ := githubJob(t)
		code, stdout, _ = tunbench(context.Background(), tt.lab, nil, append(args, "--github", "--out", filepath.Join(t.TempDir(), "x"))...)
		if code != tt.exit || strings.Contains(stdout, "::error ") != (code == 3) || !strings.Contains(strings.ReplaceAll(summary(), "**", ""), tt.summary) {
			t.Errorf("%s, for GitHub: exit %d: %s", name, code, stdout)
		}
	}
}
