package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tunbench/bench/advise"
	"tunbench/harness/spec"
	"tunbench/reports/advice"
	"tunbench/reports/record"
)

// segmented is a host on which GSO packets gain much.
func segmented(s spec.Spec, _ string) (record.Trial, error) {
	pps := 1e6
	if s.Offload != spec.OffloadNone && s.Offload != spec.OffloadCsum {
		pps = 6e6
	}
	return record.Trial{Started: "2026-01-02T03:04:05Z", DurationNs: 1e8, Metrics: map[string]float64{record.PPS: pps, record.CPUNsPerPkt: 2e9 / pps}}, nil
}

// TestAdvise checks each topic, and that the commands of its report can be typed.
func TestAdvise(t *testing.T) {
	c := newChecker(t)
	for _, topic := range advise.Topics {
		out := filepath.Join(t.TempDir(), "out")
		code, stdout, stderr := tunbench(t.Context(), fakeLab{run: segmented}, nil, "advise", topic, "--out", out, "--format", "html", "--seed", "3")
		if code != 0 || !strings.Contains(stdout, "offload=tso") || !strings.HasPrefix(stdout, "Use ") {
			t.Errorf("%s: code %d\n%s%s", topic, code, stdout, stderr)
			continue
		}
		for _, name := range []string{"run.jsonl", advice.FileName, "report.md", "report.html", "advice.svg", "device.go", "device.c"} {
			if _, err := os.Stat(filepath.Join(out, name)); err != nil {
				t.Error(err)
			}
		}
		f := readRun(t, out)
		if f.Run.Suite != "advise-"+topic || f.End == nil || len(f.Trials) < 100 {
			t.Errorf("%s: suite %s, end %v, %d trials", topic, f.Run.Suite, f.End, len(f.Trials))
		}
		report, err := os.ReadFile(filepath.Join(out, "report.md"))
		if err != nil {
			t.Fatal(err)
		}
		commands := 0
		for line := range strings.Lines(string(report) + stdout) {
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "sudo tunbench ab ") {
				continue
			}
			commands++
			words, err := shell(line)
			if err == nil {
				err = c.command(words[0])
			}
			if err != nil {
				t.Errorf("%s: %s: %v", topic, line, err)
			}
		}
		if commands < 8 {
			t.Errorf("%s: %d commands", topic, commands)
		}
		if code, stdout, _ := tunbench(t.Context(), fakeLab{}, nil, "report", out); code != 0 || !strings.Contains(stdout, "packets") {
			t.Errorf("%s: the run cannot be reported: code %d", topic, code)
		}
	}
}

// The exit code is the one that the file records, also where nothing can be recommended: here
// the plain candidate cannot be measured.
func TestAdviseExit(t *testing.T) {
	withoutPlain := func(s spec.Spec, hook string) (record.Trial, error) {
		if s.VnetHdr == 0 && s.IO == spec.IORead && s.Queues == 1 {
			return record.Trial{}, errors.New("the reader died")
		}
		return segmented(s, hook)
	}
	for want, run := range map[int]func(spec.Spec, string) (record.Trial, error){0: segmented, exitUnknown: withoutPlain} {
		out := filepath.Join(t.TempDir(), "out")
		code, stdout, stderr := tunbench(t.Context(), fakeLab{run: run}, nil, "advise", "stack", "--out", out)
		if f := readRun(t, out); code != want || f.End == nil || f.End.Exit != want || want != 0 && !strings.Contains(stderr, "can no longer be measured (failed: the reader died)") {
			t.Errorf("exit %d, want %d; the file ends with %+v\n%s%s", code, want, f.End, stdout, stderr)
		}
	}
}

func TestAdviseYAML(t *testing.T) {
	for _, topic := range advise.Topics {
		code, file, stderr := tunbench(t.Context(), fakeLab{}, errors.New("not root"), "advise", topic, "--yaml")
		if code != 0 {
			t.Fatal(stderr)
		}
		path := filepath.Join(t.TempDir(), "mine.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		code, again, stderr := tunbench(t.Context(), fakeLab{}, nil, "advise", "--candidates", path, "--yaml")
		if code != 0 || again != file {
			t.Errorf("%s: code %d, %s", topic, code, stderr)
		}
	}
}

func TestAdviseJSON(t *testing.T) {
	code, stdout, stderr := tunbench(t.Context(), fakeLab{run: segmented}, nil, "advise", "stack", "--json", "--out", t.TempDir()+"/x")
	if code != 0 || !strings.Contains(stdout, `{"kind":"comparison","role":"gain"`) || !strings.Contains(stdout, `{"kind":"advice","topic":"stack"`) {
		t.Errorf("code %d\n%s%s", code, stdout, stderr)
	}
	for line := range strings.Lines(stdout) {
		if !strings.HasPrefix(line, "{") {
			t.Errorf("no record: %s", line)
		}
	}
}

func TestAdviseWrongUse(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const choice = "choices:\n  - {name: I/O, values: [io=read, io=poll]}\n"
	for name, test := range map[string]struct {
		args string
		want string
	}{
		"no topic":         {"advise", "name a topic, vpn, vm, bridge, stack"},
		"unknown topic":    {"advise vnp", `no topic "vnp": choose vpn, vm, bridge, stack`},
		"two":              {"advise vpn --candidates x.yaml", "leave one of them out"},
		"short":            {"advise vpn --budget 5s", "--budget 5s: choose at least 10s"},
		"format":           {"advise vpn --format csv", "--format csv: choose markdown or html"},
		"cpus":             {"advise vpn --cpus x", `--cpus "x"`},
		"plant":            {"advise vpn --plant filter=2000ns", "a colon and what they get"},
		"plant nowhere":    {"advise vpn --plant vnet=20:~filter=2000ns", "no candidate of vpn has vnet=20"},
		"plant what":       {"advise vpn --plant vnet=10:~filtre=2000ns", "filtre"},
		"no file":          {"advise --candidates " + dir + "/none.yaml", "open candidates"},
		"empty":            {"advise --candidates " + file("empty.yaml", ""), "the file is empty"},
		"unknown key":      {"advise --candidates " + file("key.yaml", "name: x\nchoise: []\n"), "choise"},
		"no traffic":       {"advise --candidates " + file("traffic.yaml", "name: x\n"+choice), "traffic: give at least one"},
		"no choices":       {"advise --candidates " + file("choices.yaml", "name: x\ntraffic: [gen=udp]\n"), "choices: give at least one"},
		"unknown axis":     {"advise --candidates " + file("axis.yaml", "name: x\ntraffic: [gne=udp]\n"+choice), "gne"},
		"impossible":       {"advise --candidates " + file("impossible.yaml", "name: x\ntraffic: [gen=tcp]\n"+choice), "gen=tcp is a conversation"},
		"not in turns":     {"advise --candidates " + file("turns.yaml", "name: x\ntraffic: [load=1000pps]\n"+choice), "which this traffic does not allow"},
		"too many":         {"advise --candidates " + file("many.yaml", "name: x\ntraffic: [gen=udp]\nchoices:\n  - {name: a, values: [queues=1, queues=2, queues=3, queues=4, queues=5, queues=6, queues=7, queues=8, queues=9]}\n  - {name: b, values: [txqlen=1, txqlen=2, txqlen=3, txqlen=4, txqlen=5, txqlen=6, txqlen=7, txqlen=8]}\n"), "72 combinations"},
		"measured nothing": {"advise vpn --out " + dir + "/taken", "holds a run already"},
	} {
		if name == "measured nothing" {
			if err := os.MkdirAll(dir+"/taken", 0o700); err != nil {
				t.Fatal(err)
			}
			file("taken/run.jsonl", "")
		}
		args := strings.Fields(test.args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "~", " ")
		}
		code, stdout, stderr := tunbench(t.Context(), fakeLab{run: segmented}, nil, args...)
		if code != 2 || !strings.Contains(stderr, test.want) || stdout != "" {
			t.Errorf("%s: code %d, want %q:\n%s%s", name, code, test.want, stdout, stderr)
		}
	}
	if code, _, stderr := tunbench(t.Context(), fakeLab{}, errors.New("missing capabilities"), "advise", "vpn"); code != 2 || !strings.Contains(stderr, "missing capabilities") {
		t.Errorf("without root: code %d, %s", code, stderr)
	}
	lab := fakeLab{probe: func(spec.Spec) error { return errUnsupported }}
	out := filepath.Join(dir, "none")
	if code, _, stderr := tunbench(t.Context(), lab, nil, "advise", "vpn", "--out", out); code != 2 || !strings.Contains(stderr, "none of the candidates can be measured here") {
		t.Errorf("nothing possible: code %d, %s", code, stderr)
	}
}
