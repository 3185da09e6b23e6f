package main

import (
	"strings"
	"testing"

	"tunbench/bench/setup"
	"tunbench/bench/suite"
	"tunbench/reports/axis"
	"tunbench/reports/figure"
	"tunbench/reports/finding"
	"tunbench/reports/record"
	"tunbench/reports/render"
)

// inRounds is a run of a suite in which no packet rate is like another, in so many blocks.
func inRounds(t *testing.T, name string, blocks int) *record.File {
	t.Helper()
	from, err := suite.Load(name, setup.Check)
	if err != nil {
		t.Fatal(err)
	}
	f := &record.File{Run: &record.Run{Host: record.Host{CPUs: 2}}}
	for pair := 1; pair <= blocks; pair++ {
		for n, s := range from.Scenarios {
			one := record.Trial{
				Scenario: s.Name, Axes: s.Axes, Arm: record.Bare, Pair: pair, Trial: pair, Started: "2026-11-20T22:51:09Z", DurationNs: 5e8,
				Metrics: map[string]float64{record.PPS: float64(1e6 * (n + 1))},
			}
			if s.Axes["load"] != "max" {
				one.Schedule = &record.Schedule{}
			}
			for round := 1; round <= 10; round++ {
				one.Windows = append(one.Windows, record.Window{TNs: int64(round) * 5e7, Pkts: uint64(5e4 * (n + 1)), Bytes: uint64(5e6 * (n + 1)), Round: round})
			}
			f.Trials = append(f.Trials, one)
		}
	}
	return f
}

// Each command that a report on a suite of ours prints below its findings can be run as it
// is printed: its values exist, and the traffic is one that both variants carry.
func TestCommandsOfFindings(t *testing.T) {
	checked := map[string]bool{}
	check := func(command string) error {
		words, err := shell(command)
		if err != nil || len(words) != 1 || strings.Join(words[0][:2], " ") != "sudo .build/tunbench" {
			t.Fatalf("%s: %q, %v", command, words, err)
		}
		_, err = rehearse(&app{}, words[0][2:])
		return err
	}
	for _, name := range suite.Names() {
		list, _ := figure.Scenarios(inRounds(t, name, figure.Fewest))
		for _, f := range finding.Compared(list) {
			command := f.Command()
			if command == "" || checked[command] {
				continue
			}
			checked[command] = true
			if err := check(command); err != nil {
				t.Errorf("suite %s: %s\n%v", name, command, err)
			}
		}
	}
	if len(checked) < 20 {
		t.Errorf("%d commands were checked: the suites have more to compare", len(checked))
	}
	for _, wrong := range []string{
		"sudo .build/tunbench ab --a dir=k2u --b dir=k2x --set gen=udp",
		"sudo .build/tunbench ab --a path=sink --b path=vpn --set gen=tcp --set size=1500",
	} {
		if check(wrong) == nil {
			t.Errorf("%s passes", wrong)
		}
	}
}

// The command that a summary prints to measure one scenario of a suite of ours again selects
// it, and none of the others.
func TestCommandsForOneScenario(t *testing.T) {
	checked, more := 0, 0
	for _, name := range suite.Names() {
		from, err := suite.Load(name, setup.Check)
		if err != nil {
			t.Fatal(err)
		}
		selects := func(filter string) []string {
			sel, err := suite.ParseSelection([]string{filter}, nil)
			if err != nil {
				t.Fatalf("suite %s: %v", name, err)
			}
			list, err := suite.Select(from.Scenarios, sel, setup.Check)
			if err != nil {
				t.Fatalf("suite %s: %v", name, err)
			}
			return namesOf(list)
		}
		all := namesOf(from.Scenarios)
		run := &record.Run{Args: []string{"run", "--suite", name, "--out", "x"}, Plan: &record.Plan{Timings: []record.Timing{{Scenarios: all}}}}
		// Some are enough of a suite that has thousands.
		for i := 0; i < len(all); i += max(1, len(all)/50) {
			s := from.Scenarios[i]
			var b strings.Builder
			f := &record.File{Run: run, End: &record.End{Exit: 2}, Skips: []record.Skip{{Scenario: s.Name, Axes: s.Axes, Reason: record.Failed, Detail: "broken"}}}
			if err := render.Summary(&b, f, false); err != nil {
				t.Fatal(err)
			}
			_, command, _ := strings.Cut(b.String(), "broken: sudo ")
			command, _, _ = strings.Cut(command, "\n")
			words, err := shell(command)
			if err != nil || len(words) != 1 || len(words[0]) != 7 || strings.Join(words[0][:5], " ") != "tunbench run --suite "+name+" --filter" {
				t.Fatalf("%s: %q, %v\n%s", s.Name, words, err, b.String())
			}
			if got := selects(words[0][5]); len(got) != 1 || got[0] != s.Name {
				t.Errorf("%s selects %q, want %s", command, got, s.Name)
			}
			if i == 0 {
				if _, err := rehearse(&app{}, words[0][1:]); err != nil {
					t.Errorf("%s: %v", command, err)
				}
			}
			checked++
			if short, _ := axis.Only(s.Name, s.Axes, nil); len(selects(short)) > 1 {
				more++
			}
		}
	}
	if checked < 100 || more < 20 {
		t.Errorf("%d scenarios were checked, and the axes in the name select others of %d: the suites have more", checked, more)
	}
}

func namesOf(scenarios []suite.Scenario) (names []string) {
	for _, s := range scenarios {
		names = append(names, s.Name)
	}
	return names
}
