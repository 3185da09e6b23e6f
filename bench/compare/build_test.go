package compare

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tunbench/bench/plan"
	"tunbench/bench/setup"
	"tunbench/bench/suite"
	"tunbench/harness/spec"
	"tunbench/harness/trial"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// TestMain lets the test binary stand in for builds of tunbench.
func TestMain(m *testing.M) {
	if kind := os.Getenv("TUNBENCH_TEST_BUILD"); kind != "" {
		if err := Serve(context.Background(), processLab{&fakeLab{}, kind}, record.Tool{Version: kind}, os.Stdin, os.Stdout); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(2)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// processLab is the lab of such a build: what it measures says who measured.
type processLab struct {
	*fakeLab
	kind string
}

func (p processLab) Probe(context.Context, spec.Spec, string) error {
	switch p.kind {
	case "refused":
		return errUnsupported
	case "dying":
		os.Stderr.WriteString("out of luck\n")
		os.Exit(9)
	}
	return nil
}

func (p processLab) rate(s spec.Spec) float64 {
	// Pairs differ, by what both sides have in common, and a little by side.
	pps := 1e6 + float64(s.Seed%100_000) + float64(s.Seed>>8%7*1000)
	if p.kind == "slow" {
		pps *= 0.9
	}
	return pps
}

func (p processLab) Run(_ context.Context, s spec.Spec, _ string, _ record.Floor) (record.Trial, error) {
	return record.Trial{Metrics: map[string]float64{record.PPS: p.rate(s)}, Notes: []string{"by run of " + p.kind}}, nil
}

func (p processLab) Side(s trial.Variant, toggled bool, floor record.Floor) (trial.Side, error) {
	if !toggled || floor.SyscallNs != 86 {
		return nil, errors.New("not as asked")
	}
	return &processSide{processLab: p, spec: s.Spec}, nil
}

type processSide struct {
	processLab
	spec  spec.Spec
	log   []string
	turns int
	kept  []int
}

func (p *processSide) Do(_ context.Context, step trial.Step) error {
	p.log = append(p.log, string(step))
	return nil
}

func (p *processSide) Close() error { return nil }
func (p *processSide) Turn(context.Context) (trial.Turn, error) {
	p.turns++
	stolen := int64(0)
	if p.turns == 2 { // to be measured again
		stolen = 50
	}
	return trial.Turn{Rate: p.rate(p.spec) / 1e9, Spent: 100, Stolen: stolen}, nil
}
func (p *processSide) Keep(_ context.Context, turn int, other float64) error {
	if other <= 0 {
		return errors.New("no rate of the other side")
	}
	p.kept = append(p.kept, turn)
	return nil
}
func (p *processSide) Trial(context.Context) (record.Trial, error) {
	kept, _ := json.Marshal(p.kept)
	return record.Trial{
		Metrics: map[string]float64{record.PPS: p.rate(p.spec)},
		Notes:   []string{"by turns of " + p.kind, strings.Join(p.log, " "), "kept " + string(kept)},
	}, nil
}

// buildOf is a build of that kind.
func buildOf(t *testing.T, kind string) *Build {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &Build{
		Build:   record.Build{Path: kind + ".bin", SHA256: kind, Tool: record.Tool{Version: kind}},
		command: []string{own}, env: []string{"TUNBENCH_TEST_BUILD=" + kind},
	}
}

func TestBuilds(t *testing.T) {
	for name, test := range map[string]struct {
		base, next string
		axes       string // of both
		verdict    string
		exit       int
		note       string // of each trial, or of the verdict
	}{
		"slower":         {"fast", "slow", "", record.Regression, 1, "by turns of"},
		"faster":         {"slow", "fast", "", record.Improvement, 0, "by turns of"},
		"trial by trial": {"fast", "slow", "gen=lockstep", record.Regression, 1, "by run of"},
		"refused":        {"fast", "refused", "", record.UnsupportedVerdict, 3, "unsupported: refused.bin: set offloads"},
		"dying":          {"dying", "fast", "", record.InvalidVerdict, 2, "the process ended: out of luck"},
	} {
		t.Run(name, func(t *testing.T) {
			p, lab, rec := abFixture(t, test.axes, test.axes, nil)
			p.Builds = &[2]*Build{buildOf(t, test.base), buildOf(t, test.next)}
			out, err := p.Run(context.Background(), lab, func() (plan.Recorder, error) { return rec, nil })
			if err != nil {
				t.Fatal(err)
			}
			if len(out.Verdicts) != 1 || out.Verdicts[0].Verdict != test.verdict || out.Exit(verdict.ExitRule{}) != test.exit {
				t.Fatalf("exit %d, verdicts %+v; want %s", out.Exit(verdict.ExitRule{}), out.Verdicts, test.verdict)
			}
			if out.Trials == 0 {
				if notes := strings.Join(out.Verdicts[0].Notes, "\n"); !strings.Contains(notes, test.note) {
					t.Errorf("notes %q", notes)
				}
				return
			}
			for _, r := range rec.records {
				switch v := r.(type) {
				case record.Run:
					if v.Builds["a"].Tool.Version != test.base || v.Builds["b"].SHA256 != test.next {
						t.Errorf("header: %+v", v.Builds)
					}
				case record.Trial:
					kind := map[string]string{"a": test.base, "b": test.next}[v.Variant]
					if notes := strings.Join(v.Notes, "\n"); !strings.Contains(notes, test.note+" "+kind) ||
						test.axes == "" && (!strings.Contains(notes, "build start warm look look stop") || !strings.Contains(notes, "kept [0,2,")) {
						t.Errorf("variant %s: notes %q", v.Variant, v.Notes)
					}
				}
			}
			if len(out.Detectable) != 0 {
				t.Errorf("two builds are no A/A run: %+v", out.Detectable)
			}
		})
	}
	p, lab, rec := abFixture(t, "", "", nil)
	p.Builds = &[2]*Build{buildOf(t, "fast"), buildOf(t, "fast")}
	out, err := p.Run(context.Background(), lab, func() (plan.Recorder, error) { return rec, nil })
	if err != nil || len(out.Detectable) != 1 || out.Verdicts[0].Verdict != record.Equivalent {
		t.Errorf("one build against itself: %v, %+v", err, out)
	}
}

// A build is interrupted with the run, and none is left.
func TestBuildsAreInterrupted(t *testing.T) {
	p, lab, rec := abFixture(t, "", "", nil)
	p.Builds = &[2]*Build{buildOf(t, "fast"), buildOf(t, "slow")}
	ctx, cancel := context.WithCancel(context.Background())
	p.Progress = func(s plan.Step) {
		if s.Trial != nil {
			cancel()
		}
	}
	out, err := p.Run(ctx, lab, func() (plan.Recorder, error) { return rec, nil })
	if err != nil || !out.Interrupted || out.Trials != 2 {
		t.Errorf("%v, %+v", err, out)
	}
}

func TestFindBuildRefuses(t *testing.T) {
	dir := t.TempDir()
	script := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, test := range map[string]struct{ path, want string }{
		"absent":     {filepath.Join(dir, "absent"), "no such file"},
		"a folder":   {dir, "is not a program"},
		"older":      {script("older", `echo "tunbench: unknown command \"$1\" for \"tunbench\"" >&2; exit 2`), `it said "tunbench: unknown command \"ab-worker\" for \"tunbench\""; it must be a tunbench that speaks protocol 1`},
		"other":      {script("other", "echo hello; cat"), `it said "hello"`},
		"silent":     {script("silent", "exit 0"), `it said ""`},
		"newer":      {script("newer", `echo '{"protocol":"tunbench-ab","version":2}'; cat`), "it speaks protocol 2"},
		"schema":     {script("schema", `echo '{"protocol":"tunbench-ab","version":1,"schema":99}'; cat`), "records of schema 99"},
		"no program": {filepath.Join(dir, "text"), "permission denied"},
	} {
		if name == "no program" {
			if err := os.WriteFile(test.path, []byte("text"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		begin := time.Now()
		_, err := FindBuild(context.Background(), test.path)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		if d := time.Since(begin); d > startLimit {
			t.Errorf("%s: took %v", name, d)
		}
	}
	good := script("good", `echo '{"protocol":"tunbench-ab","version":1,"schema":1,"tool":{"version":"v9"}}'; cat >/dev/null`)
	b, err := FindBuild(context.Background(), good)
	if err != nil || b.Tool.Version != "v9" || len(b.SHA256) != 64 {
		t.Fatalf("%+v, %v", b, err)
	}
	// Built again between two pairs.
	script("good", "exit 1")
	if _, err := b.start(context.Background()); err == nil || !strings.Contains(err.Error(), "has changed since the first pair") {
		t.Errorf("another program in its place: %v", err)
	}
}

// A build that does not know an axis measures what it always did, if the axis is
// at its default, and else says so.
func TestSideOfAnotherBuild(t *testing.T) {
	v, err := ParseVariant(Variant{must(setup.New(nil)), record.HookNone}, "size=1500 queues=2")
	if err != nil {
		t.Fatal(err)
	}
	v.Measure = 3 * time.Second
	spec := setup.Spec(v.Scenario)
	spec.Seed = 7
	s := newTask(v, spec, record.Floor{})
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back task
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	got, err := back.variant()
	if err != nil || got.Spec.Size != 1500 || got.Spec.Queues != 2 || got.Spec.Seed != 7 || got.Spec.Measure != 3*time.Second {
		t.Errorf("%+v, %v", got, err)
	}
	back.Axes["colour"] = "red"
	if _, err := back.variant(); err == nil || !strings.Contains(err.Error(), `this build does not know the scenario: no axis "colour"`) {
		t.Errorf("an unknown axis: %v", err)
	}
	back.Defaults = append(back.Defaults, "colour")
	if _, err := back.variant(); err != nil {
		t.Errorf("an unknown axis at its default: %v", err)
	}
	// Every axis comes through, at its default and not.
	for _, a := range suite.Axes() {
		if !slices.Contains(s.Defaults, a.Name) && a.Name != "size" && a.Name != "queues" {
			t.Errorf("%s is not at its default", a.Name)
		}
	}
}

func must(s suite.Scenario, err error) suite.Scenario {
	if err != nil {
		panic(err)
	}
	return s
}

// Whatever comes in, each line gets one answer, and nothing ends the process
// but the end of its input.
func FuzzServe(f *testing.F) {
	f.Add([]byte("{\"do\":\"turn\"}\n{\"do\":\"probe\"}\n"))
	f.Add([]byte("{\"do\":\"build\",\"side\":{\"axes\":{\"mode\":\"tap\"}}}\nnull\n[]\n\n{\"do\":\"keep\",\"turn\":-1}\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var out bytes.Buffer
		if err := Serve(context.Background(), processLab{&fakeLab{}, "fast"}, record.Tool{}, bytes.NewReader(in), &out); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(&out)
		lines.Buffer(nil, 1<<20)
		n := 0
		for lines.Scan() {
			if !json.Valid(lines.Bytes()) {
				t.Errorf("line %d: %s", n, lines.Bytes())
			}
			n++
		}
		if want := 1 + bytes.Count(in, []byte("\n")); n != want {
			t.Errorf("%d lines, want %d", n, want)
		}
	})
}
