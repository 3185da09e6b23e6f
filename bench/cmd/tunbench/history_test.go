package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/series"
)

// keepRuns makes TestHistory leave its run files for a person to try the
// commands on: go test ./bench/cmd/tunbench -run TestHistory -keep-runs DIR.
var keepRuns = flag.String("keep-runs", "", "folder to keep the synthetic run files of TestHistory in")

// stepRuns writes 60 runs, a day each: the packet rate of one scenario falls by
// 3 % in run 40, with noise of 1 % between runs. more are names of scenarios with the same
// figures.
func stepRuns(t *testing.T, more ...string) (runs []string) {
	t.Helper()
	dir := *keepRuns
	if dir == "" {
		dir = t.TempDir()
	}
	random := rand.New(rand.NewPCG(1, 1))
	for i := range 60 {
		rate := 1.27e6 * (1 + 0.01*random.NormFloat64())
		if i >= 40 {
			rate *= 0.97
		}
		started := time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC).AddDate(0, 0, i)
		run := record.Run{ID: fmt.Sprintf("%s-%08x", started.Format("20060102T150405.000Z"), i), Started: started.Format(time.RFC3339Nano),
			Clock: "monotonic", Suite: "smoke", Tool: record.Tool{Version: "v0.1.0", Commit: fmt.Sprintf("%012x", i)},
			Host: record.Host{Kernel: "6.18.0", CPU: "Z80", CPUs: 2, Virt: "none", Arch: "x86_64"}}
		records := []record.Record{run}
		for pair := range 6 {
			records = append(records, record.Trial{Scenario: scenario, Arm: record.Bare, Pair: pair + 1, Trial: pair + 1,
				Metrics: map[string]float64{record.PPS: rate * (1 + 0.002*random.NormFloat64()), record.Loss: 0}})
		}
		for _, name := range more {
			for _, r := range slices.Clone(records[1:7]) {
				trial := r.(record.Trial)
				trial.Scenario = scenario + "/path=" + name
				records = append(records, trial)
			}
		}
		path := filepath.Join(dir, fmt.Sprintf("run-%02d", i), record.FileName)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		w, err := record.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range append(records, record.End{Trials: len(records) - 1}) {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		runs = append(runs, filepath.Dir(path))
	}
	return runs
}

func TestHistory(t *testing.T) {
	runs, dir := stepRuns(t), filepath.Join(t.TempDir(), "history")
	command := func(args ...string) (int, string, string) {
		return tunbench(context.Background(), fakeLab{}, nil, append([]string{"history"}, append(args, "--dir", dir)...)...)
	}
	code, stdout, stderr := command(append([]string{"add"}, runs...)...)
	if code != 0 || stderr != "" || strings.Count(stdout, ": added: ") != 60 {
		t.Fatalf("add: exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if code, stdout, _ := command("add", runs[30], "--release", "v1"); code != 0 || !strings.Contains(stdout, "is there already, marked as release v1") {
		t.Errorf("mark: exit %d, stdout %q", code, stdout)
	}
	for _, fail := range []bool{false, true} {
		args, want := []string{"check"}, 0
		if fail {
			args, want = append(args, "--fail"), 1
		}
		code, stdout, stderr = command(args...)
		if code != want || stderr != "" || !strings.Contains(stdout, "Regressed:") || !strings.Contains(stdout, "begins with 20260210T030000.000Z-00000028 (2026-02-10 03:00 UTC, Linux 6.18.0, tunbench 000000000028") {
			t.Errorf("check, --fail %v: exit %d, stdout %q, stderr %q", fail, code, stdout, stderr)
		}
	}
	code, stdout, _ = command("check", "--json")
	var found struct {
		Scenario, Metric, Kind, Verdict string
		Change                          float64
		Begins                          series.Point
	}
	if err := json.NewDecoder(strings.NewReader(stdout)).Decode(&found); err != nil || code != 0 || found.Kind != series.ChangePoint || found.Verdict != record.Regression ||
		found.Change > -0.02 || found.Begins.Commit != "000000000028" || found.Scenario != scenario {
		t.Errorf("--json: %+v, %v of %q", found, err, stdout)
	}
	for _, test := range []struct {
		args []string
		code int
		err  string
	}{
		{[]string{"--threshold", "pps=20%"}, 0, ""}, {[]string{"--metric", "loss"}, 0, ""}, {[]string{"--since", "2026-02-20"}, 0, ""},
		{[]string{"--filter", "size=1500"}, 3, "no run has a figure that was asked for"}, {[]string{"--arm", "observed"}, 3, "no run has a figure that was asked for"},
	} {
		if code, stdout, stderr := command(append([]string{"check", "--fail"}, test.args...)...); code != test.code || !strings.Contains(stderr, test.err) || strings.Contains(stdout, "Regressed") {
			t.Errorf("check %q: exit %d, stdout %q, stderr %q", test.args, code, stdout, stderr)
		}
	}

	code, stdout, _ = command("show")
	if code != 0 || !strings.Contains(stdout, "since release") || !strings.Contains(stdout, "% (v1)") || !strings.ContainsRune(stdout, '█') {
		t.Errorf("show: exit %d, stdout %q", code, stdout)
	}
	code, stdout, _ = command("show", "--json", "--metric", "pps", "--filter", "size=64 queues=1", "--since", "2026-02-20")
	var of series.Series
	if err := json.Unmarshal([]byte(stdout), &of); err != nil || code != 0 || len(of.Points) != 10 || of.Points[0].N != 6 {
		t.Errorf("show --json: exit %d, %v, %d points", code, err, len(of.Points))
	}
	code, stdout, _ = command("show", "--format", "markdown")
	if code != 0 || !strings.HasPrefix(stdout, "# tunbench: history of ") || strings.Contains(stdout, ".svg") {
		t.Errorf("show --format markdown: exit %d, stdout %q", code, stdout)
	}
	out := filepath.Join(t.TempDir(), "trends")
	code, stdout, _ = command("show", "--out", out)
	charts, err := filepath.Glob(filepath.Join(out, "history-*-pps.svg"))
	if code != 0 || !strings.Contains(stdout, "report: "+out) || err != nil || len(charts) != 1 || !strings.Contains(readText(t, out, render.ReportName), filepath.Base(charts[0])) {
		t.Errorf("show --out: exit %d, stdout %q, charts %q", code, stdout, charts)
	}
	if code, _, stderr := command("check", "--host", "xyz"); code != 2 || !strings.Contains(stderr, `--host "xyz": the history has no run of such a host: choose `) {
		t.Errorf("--host: exit %d, stderr %q", code, stderr)
	}
	if code, stdout, _ := tunbench(context.Background(), fakeLab{}, nil, "__complete", "history", "show", "--dir", dir, "--host", ""); code != 0 || !strings.Contains(stdout, "\tZ80") {
		t.Errorf("completion of --host: %q", stdout)
	}
}

func TestHistoryAck(t *testing.T) {
	runs, dir := stepRuns(t), filepath.Join(t.TempDir(), "history")
	command := func(args ...string) (int, string, string) {
		return tunbench(context.Background(), fakeLab{}, nil, append([]string{"history"}, append(args, "--dir", dir)...)...)
	}
	// Too short to judge: no pass without a word.
	if code, stdout, stderr := command(append([]string{"add"}, runs[:16]...)...); code != 0 {
		t.Fatalf("add: exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	for _, test := range []struct {
		args []string
		code int
		err  string
	}{{nil, 0, ""}, {[]string{"--fail"}, 3, "nothing could be judged"}, {[]string{"--fail", "--json"}, 3, "nothing could be judged"}, {[]string{"--fail", "--allow", "missing"}, 0, ""}, {[]string{"--fail", "--allow", "cpu"}, 2, "choose missing"}} {
		code, stdout, stderr := command(append([]string{"check"}, test.args...)...)
		if code != test.code || !strings.Contains(stderr, test.err) || code != 2 && !strings.Contains(stdout, "too short to tell") || strings.Contains(strings.ToLower(stdout), "no series regressed") {
			t.Errorf("check %q of 16 runs: exit %d, stdout %q, stderr %q", test.args, code, stdout, stderr)
		}
	}
	if code, stdout, stderr := command(append([]string{"add"}, runs[16:]...)...); code != 0 {
		t.Fatalf("add: exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	code, stdout, _ := command("check", "--json", "--fail")
	var found series.Change
	if err := json.NewDecoder(strings.NewReader(stdout)).Decode(&found); err != nil || code != 1 || len(found.ID) != 10 || found.Acknowledged != nil {
		t.Fatalf("check: exit %d, %v, %+v", code, err, found)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"ack", found.ID}, "say why"},
		{[]string{"ack", found.ID, "--reason", " "}, "say why"},
		{[]string{"ack", found.ID, "--reason", "a\nb"}, "cannot be printed"},
		{[]string{"ack", "0123456789", "--reason", "r"}, "nothing in the history in " + dir + " was found under this ID"},
		{[]string{"ack", "../" + found.ID, "--reason", "r"}, "was found under this ID"},
		{[]string{"ack", "--reason", "r"}, "accepts 1 arg"},
		{[]string{"ack", found.ID, "--reason", "r", "--threshold", "pps=20%"}, "was found under this ID"},
	} {
		if code, stdout, stderr := command(test.args...); code != 2 || stdout != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("%q: exit %d, stdout %q, stderr %q, want %q", test.args, code, stdout, stderr, test.want)
		}
	}
	if code, stdout, stderr := command("ack", found.ID, "--reason", "the price of a mitigation"); code != 0 || stderr != "" || !strings.Contains(stdout, "acknowledged "+found.ID+", regression of pps of "+scenario) {
		t.Errorf("ack: exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if code, _, stderr := command("ack", found.ID, "--reason", "again"); code != 2 || !strings.Contains(stderr, "it is acknowledged already, ") || !strings.Contains(stderr, "the price of a mitigation") {
		t.Errorf("ack twice: exit %d, stderr %q", code, stderr)
	}
	for _, args := range [][]string{{"check", "--fail"}, {"show"}} {
		if code, stdout, stderr := command(args...); code != 0 || stderr != "" || !strings.Contains(stdout, found.ID) || !strings.Contains(strings.Join(strings.Fields(stdout), " "), "the price of a mitigation") {
			t.Errorf("%q: exit %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
	code, stdout, _ = command("check", "--json", "--fail")
	if err := json.NewDecoder(strings.NewReader(stdout)).Decode(&found); err != nil || code != 0 || found.Acknowledged == nil || found.Acknowledged.Reason != "the price of a mitigation" {
		t.Errorf("check: exit %d, %v, %+v", code, err, found)
	}
}

// With --incident all that changed at one time is acknowledged at once.
func TestHistoryAckIncident(t *testing.T) {
	runs, dir := stepRuns(t, "other"), filepath.Join(t.TempDir(), "history")
	command := func(args ...string) (int, string, string) {
		return tunbench(context.Background(), fakeLab{}, nil, append([]string{"history"}, append(args, "--dir", dir)...)...)
	}
	if code, _, stderr := command(append([]string{"add"}, runs...)...); code != 0 {
		t.Fatalf("add: exit %d, stderr %q", code, stderr)
	}
	code, stdout, _ := command("check", "--json", "--fail")
	var ids, incidents []string
	dec := json.NewDecoder(strings.NewReader(stdout))
	for dec.More() {
		var f series.Change
		if err := dec.Decode(&f); err != nil {
			t.Fatal(err)
		}
		if f.Verdict == record.Regression {
			ids, incidents = append(ids, f.ID), append(incidents, f.Incident)
		}
	}
	if code != 1 || len(ids) != 2 || incidents[0] != incidents[1] || !slices.Contains(ids, incidents[0]) {
		t.Fatalf("check: exit %d, regressions %q of incidents %q", code, ids, incidents)
	}
	if code, stdout, _ := command("check"); code != 0 || !strings.Contains(stdout, "worse: pps (2) in 2 scenarios; incident "+incidents[0]) || !strings.Contains(stdout, "2 series regressed, in 1 incident.") {
		t.Errorf("check: exit %d, %s", code, stdout)
	}
	if code, stdout, stderr := command("ack", ids[1], "--incident", "--reason", "known"); code != 0 || strings.Count(stdout, "acknowledged ") != 2 {
		t.Errorf("ack: exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if code, stdout, _ := command("check", "--fail"); code != 0 || !strings.Contains(stdout, "Acknowledged:") || strings.Contains(stdout, "Regressed:") {
		t.Errorf("check: exit %d, stdout %q", code, stdout)
	}
	if code, _, stderr := command("ack", ids[0], "--incident", "--reason", "again"); code != 2 || !strings.Contains(stderr, "acknowledged already") {
		t.Errorf("ack again: exit %d, stderr %q", code, stderr)
	}
}

// A site is published again over itself, and over nothing else.
func TestHistoryPublish(t *testing.T) {
	runs, dir := stepRuns(t), filepath.Join(t.TempDir(), "history")
	out := filepath.Join(t.TempDir(), "public")
	command := func(args ...string) (int, string, string) {
		return tunbench(context.Background(), fakeLab{}, nil, append([]string{"history"}, append(args, "--dir", dir)...)...)
	}
	if code, _, stderr := command("publish", out); code != 2 || !strings.Contains(stderr, "history add makes it") {
		t.Errorf("no history: exit %d, stderr %q", code, stderr)
	}
	if code, _, stderr := command(append([]string{"add"}, runs[:20]...)...); code != 0 {
		t.Fatalf("add: exit %d, stderr %q", code, stderr)
	}
	for _, more := range [][]string{nil, runs[20:]} {
		if len(more) > 0 {
			command(append([]string{"add"}, more...)...)
		}
		code, stdout, stderr := command("publish", out)
		if code != 0 || stderr != "" || stdout != "published 2 pages: "+filepath.Join(out, "index.html")+"\n" {
			t.Fatalf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
		}
		if index := readText(t, out, "index.html"); !strings.Contains(index, fmt.Sprintf("<strong>%d runs</strong>", 20+len(more))) || strings.Contains(index, ">regressed<") != (len(more) > 0) {
			t.Errorf("after %d more runs: %.2000s", len(more), index)
		}
	}
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "index.html"), []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := command("publish", foreign); code != 2 || !strings.Contains(stderr, "was not published by tunbench") || readText(t, foreign, "index.html") != "mine" {
		t.Errorf("a foreign folder: exit %d, stderr %q", code, stderr)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	before := readText(t, out, "index.html")
	if code, _, stderr := tunbench(ctx, fakeLab{}, nil, "history", "publish", out, "--dir", dir); code != exitInterrupted || !strings.Contains(stderr, "nothing is changed") || readText(t, out, "index.html") != before {
		t.Errorf("interrupted: exit %d, stderr %q", code, stderr)
	}
	if code, _, stderr := command("publish"); code != 2 || !strings.Contains(stderr, "accepts 1 arg") {
		t.Errorf("without a folder: exit %d, stderr %q", code, stderr)
	}
}

func TestHistoryWrongUse(t *testing.T) {
	empty, torn := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(torn, "torn.jsonl"), []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"show", "--dir", filepath.Join(empty, "nosuch")}, "tunbench history add makes it"},
		{[]string{"show", "--dir", empty}, "holds no run: add one with tunbench history add"},
		{[]string{"check", "--dir", torn}, "torn.jsonl is torn"},
		{[]string{"add"}, "requires at least 1 arg"},
		{[]string{"add", filepath.Join(empty, "nosuch"), "--dir", empty}, "no such file"},
		{[]string{"show", "--metric", "speed"}, `--metric "speed": choose bit_per_s, `},
		{[]string{"show", "--arm", "left"}, "choose both, bare, observed"},
		{[]string{"show", "--since", "tomorrow"}, "--since \"tomorrow\": write a day like"},
		{[]string{"show", "--filter", "quues=2"}, "did you mean queues?"},
		{[]string{"show", "--format", "pdf"}, "choose markdown, html"},
		{[]string{"show", "--format", "junit"}, "--format junit carries no history: choose markdown, html"},
		{[]string{"check", "--threshold", "pps"}, "write metric=x%"},
		{[]string{"show", "--json", "--format", "markdown"}, "[json format]"},
	} {
		code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, append([]string{"history"}, test.args...)...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("%q: exit %d, stdout %q, stderr %q, want %q", test.args, code, stdout, stderr, test.want)
		}
	}
}
