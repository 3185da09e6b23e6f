package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tunbench/reports/record"
	"tunbench/reports/render"
)

// steps are packet rates in a fixed order, that no two trials share.
func steps(middle float64, n int) (pps []float64) {
	for i := range n {
		pps = append(pps, middle*(1+0.001*float64(i*7%n)))
	}
	return pps
}

// storedRun writes a run with one trial for each rate into a folder of its own.
// change may alter each record before it is written.
func storedRun(t *testing.T, scenario string, rates []float64, change func(*record.Run, *record.Trial)) string {
	t.Helper()
	dir := t.TempDir()
	w, err := record.Create(filepath.Join(dir, record.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	run := record.Run{Clock: "monotonic", Host: record.Host{Kernel: "6.18.0", CPU: "Z80"}}
	var trials []*record.Trial
	for i, pps := range rates {
		trials = append(trials, &record.Trial{
			Scenario: scenario, Arm: record.Bare, Pair: i + 1, Trial: i + 1,
			Metrics: map[string]float64{record.PPS: pps, record.BitPerS: 512 * pps, record.Loss: 0},
		})
	}
	if change != nil {
		change(&run, nil)
		for _, trial := range trials {
			change(&run, trial)
		}
	}
	records := []record.Record{&run}
	for _, trial := range trials {
		records = append(records, trial)
	}
	for _, r := range append(records, &record.End{Trials: len(trials)}) {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func onTrials(change func(*record.Trial)) func(*record.Run, *record.Trial) {
	return func(_ *record.Run, t *record.Trial) {
		if t != nil {
			change(t)
		}
	}
}

const scenario = "Tun/dir=k2u/gen=udp/queues=1/size=64"

func TestCompare(t *testing.T) {
	base := storedRun(t, scenario, steps(1e6, 10), nil)
	steal := onTrials(func(trial *record.Trial) { trial.Flags = []string{record.FlagSteal} })
	variants := onTrials(func(trial *record.Trial) {
		trial.Variant, trial.Block, trial.Pair = []string{"a", "b"}[(trial.Trial-1)%2], 1, (trial.Trial+1)/2
	})
	torn := storedRun(t, scenario, steps(1e6, 10), nil)
	whole, err := os.ReadFile(filepath.Join(torn, record.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(torn, record.FileName), whole[:len(whole)-10], 0o666); err != nil {
		t.Fatal(err)
	}
	broken := t.TempDir()
	bad := `{"kind":"run","schema":1}` + "\n" + `{"kind":"trial","scenario":"Tun/x","metrics":{"pps":1e999}}` + "\n" + `{"kind":"end"}` + "\n"
	if err := os.WriteFile(filepath.Join(broken, record.FileName), []byte(bad), 0o666); err != nil {
		t.Fatal(err)
	}

	for _, test := range []struct {
		name         string
		args         []string
		code, strict int
		stdout       string
		stderr       string
	}{
		{"itself", []string{base, base}, 0, 0, "No regression. No improvement. 2 verdicts are equivalent: no change is larger", ""},
		{"a file and its folder", []string{filepath.Join(base, record.FileName), base}, 0, 0, "2 verdicts are equivalent", ""},
		{"slower", []string{base, storedRun(t, scenario, steps(0.9e6, 10), nil)}, 0, 1, "1 regression, indicative.", ""},
		{"faster", []string{base, storedRun(t, scenario, steps(1.1e6, 10), nil)}, 0, 0, "1 improvement, indicative.", ""},
		{"slower, within --threshold", []string{base, storedRun(t, scenario, steps(0.9e6, 10), nil), "--threshold", "pps=20%"}, 0, 0, "2 verdicts are equivalent", ""},
		{"few trials", []string{base, storedRun(t, scenario, steps(0.9e6, 2), nil)}, 0, 3, "2 valid trials per side cannot show a change in any of the 2 tests", ""},
		{"three trials against ten", []string{base, storedRun(t, scenario, steps(0.9e6, 3), nil)}, 0, 1, "1 verdict is equivalent: ", ""},
		{"all equal", []string{storedRun(t, scenario, []float64{5, 5, 5, 5, 5, 5}, nil), storedRun(t, scenario, []float64{5, 5, 5, 5, 5, 5}, nil)}, 0, 0, "2 verdicts are equivalent", ""},
		{"no valid trial", []string{base, storedRun(t, scenario, steps(1e6, 10), steal)}, 3, 3, "Nothing could be judged: new: no valid trial of 10: steal in 10.", ""},
		{"another CPU", []string{base, storedRun(t, scenario, steps(1e6, 10), func(r *record.Run, _ *record.Trial) { r.Host.CPU = "6502" })}, 3, 3, "Nothing could be judged: CPU differs: Z80, 6502 (--allow cpu)", ""},
		{"another CPU, allowed", []string{base, storedRun(t, scenario, steps(1e6, 10), func(r *record.Run, _ *record.Trial) { r.Host.CPU = "6502" }), "--allow", "cpu"}, 0, 0, "2 verdicts are equivalent", ""},
		{"torn", []string{base, torn}, 0, 0, "is torn", ""},
		{"other scenarios", []string{base, storedRun(t, "Tap/x=1", steps(1e6, 10), nil)}, 3, 3, "Nothing could be judged: no scenario was measured on both sides.", ""},
		{"other scenarios, allowed", []string{base, storedRun(t, "Tap/x=1", steps(1e6, 10), nil), "--allow", "missing"}, 3, 3, "Nothing could be judged: ", ""},
		{"no trial", []string{base, storedRun(t, scenario, nil, nil)}, 3, 3, "Nothing could be judged: no scenario was measured on both sides.", ""},
		{"no trial, allowed", []string{base, storedRun(t, scenario, nil, nil), "--allow", "missing"}, 0, 0, "allowed by --allow missing.", ""},
		{"a field that does not exist", []string{base, base, "--allow", "weather"}, 2, 2, "", `--allow "weather": choose cpu, hook, tool, clock, device, missing`},
		{"an infinite metric", []string{base, broken}, 2, 2, "", "line 2: trial 0 (Tun/x, pair 0, ): metrics.pps is 1e999, not a finite number"},
		{"one run alone", []string{base}, 2, 2, "", "name a second run"},
		{"two variants", []string{storedRun(t, scenario, steps(1e6, 20), variants)}, 0, 0, "no fresh pairs confirm a change", ""},
		{"variants against a run", []string{base, storedRun(t, scenario, steps(1e6, 20), variants)}, 2, 2, "", "holds the variants of tunbench ab"},
	} {
		for _, strict := range []bool{false, true} {
			args, want := append([]string{"compare"}, test.args...), test.code
			if strict {
				args, want = append(args, "--strict"), test.strict
			}
			code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, args...)
			told := strings.Join(strings.Fields(stdout), " ") // lines are wrapped
			if code != want || !strings.Contains(told, test.stdout) || !strings.Contains(stderr, test.stderr) || (test.stderr == "") != (stderr == "") {
				t.Errorf("%s, strict %v: exit %d, want %d; stdout %q; stderr %q", test.name, strict, code, want, stdout, stderr)
			}
		}
	}
}

func TestCompareOutputs(t *testing.T) {
	base, next := storedRun(t, scenario, steps(1e6, 10), nil), storedRun(t, scenario, steps(0.9e6, 10), nil)
	out := filepath.Join(t.TempDir(), "deep", "comparison")
	code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, "compare", base, next, "--out", out)
	if code != 0 || stderr != "" || !strings.Contains(stdout, "report: "+filepath.Join(out, render.ReportName)) {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if _, err := os.Stat(filepath.Join(out, "compare-pps.svg")); err != nil || !strings.Contains(readText(t, out, render.ReportName), "compare-pps.svg") {
		t.Errorf("the chart and its link: %v", err)
	}
	code, stdout, _ = tunbench(context.Background(), fakeLab{}, nil, "compare", base, next, "--format", "markdown")
	if code != 0 || !strings.HasPrefix(stdout, "# tunbench: ") || strings.Contains(stdout, ".svg") {
		t.Errorf("exit %d, markdown %q", code, stdout)
	}

	code, stdout, _ = tunbench(context.Background(), fakeLab{}, nil, "compare", base, next, "--json", "--strict")
	var got []string
	for dec := json.NewDecoder(strings.NewReader(stdout)); dec.More(); {
		var v record.Verdict
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(v.Kind, v.Metric, " ", v.Verdict))
	}
	if want := "[pps indicative-regression loss equivalent bit_per_s indicative-regression]"; code != 1 || fmt.Sprint(got) != want {
		t.Errorf("exit %d, verdicts %v, want %s", code, got, want)
	}
	if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, "compare", base, next, "--out", "/proc/no/such"); code != 2 || !strings.Contains(stderr, "make report folder") {
		t.Errorf("no room: exit %d, stderr %q", code, stderr)
	}
}
