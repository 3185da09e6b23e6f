package trust

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/prose"
	"tunbench/reports/record"
)

func TestSentence(t *testing.T) {
	lost := fixture.Plain(1, 64, record.FlagUnexplained)
	lost.Accounting.Delivered, lost.Accounting.Unexplained = 9, 1
	wrong := fixture.Plain(1, 64)
	wrong.Accounting.PushedBack = 3
	silent := fixture.Plain(1, 64)
	silent.Accounting = record.Accounting{}
	for _, c := range []struct {
		name   string
		trials []record.Trial
		want   string
	}{
		{"one", []record.Trial{fixture.Plain(1, 64)}, "The only trial is valid and every packet is accounted for. No trial is flagged."},
		{"several", []record.Trial{fixture.Plain(1, 64), fixture.Plain(2, 64)}, "All 2 trials are valid and every packet is accounted for. No trial is flagged."},
		{"no packets counted", []record.Trial{silent}, "The only trial is valid. No trial is flagged."},
		{
			"unaccounted", []record.Trial{lost, fixture.Plain(2, 64)},
			"1 of 2 trials is valid, but 1 packet is unaccounted for in 1 trial. 1 trial is flagged: unexplained; the report's section Flags explains each flag.",
		},
		{"contradicting", []record.Trial{wrong, fixture.Plain(2, 64)}, "All 2 trials are valid. The counts of 1 trial do not add up. No trial is flagged."},
		{
			"half disturbed", []record.Trial{fixture.Plain(1, 64, record.FlagPressure, record.FlagReordered), fixture.Plain(2, 64, record.FlagReordered)},
			"All 2 trials are valid and every packet is accounted for. 2 trials are flagged (some by several flags): reordered in all, pressure in 1; the report's section Flags explains each flag.",
		},
		{
			"crowded", []record.Trial{fixture.Plain(1, 64, record.FlagOversubscribed), fixture.Plain(2, 64, record.FlagOversubscribed)},
			"All 2 trials are valid and every packet is accounted for. No trial is flagged.",
		},
		{
			"most disturbed", []record.Trial{fixture.Plain(1, 64, record.FlagForeignLoad), fixture.Plain(2, 64, record.FlagSteal), fixture.Plain(3, 64)},
			"2 of 3 trials are valid and every packet is accounted for. 2 trials are flagged: foreign-load in 1, steal in 1; the report's section Flags explains each flag. " +
				"The host disturbed 2 of 3 trials: repeat the run on a quiet host before you quote its figures.",
		},
	} {
		list, _ := figure.Scenarios(fixture.FileOf(c.trials...))
		if got := Sentence(list).String(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func lines(list []prose.Prose) string {
	var b strings.Builder
	for _, p := range list {
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}

// What was left out has a line for each cause, with a command; where nothing was, there is
// no line.
func TestLeft(t *testing.T) {
	six := func(flags ...string) (list []record.Trial) {
		for pair := range 6 {
			list = append(list, fixture.Plain(pair+1, 64, flags...))
		}
		return list
	}
	args := []string{"run", "--suite", "x y", "--out", "dir", "--trials=3", "-v", "--set", "io=poll"}
	for _, c := range []struct {
		name   string
		trials []record.Trial
		skips  []record.Skip
		want   string
	}{
		{"nothing", six(), nil, ""},
		{
			"skips", six(),
			[]record.Skip{
				{Scenario: "Tun/size=1", Reason: record.Unsupported, Detail: "EINVAL"}, {Scenario: "Tun/size=2", Reason: record.Unsupported, Detail: "ENOTSUP"},
				{Scenario: "Tap/size=3", Reason: record.Failed, Detail: "broken"}, {Scenario: "Tun/size=4", Arm: record.Observed, Reason: record.Unsupported, Detail: "locked"},
			},
			"1 scenario failed: Tap/size=3: broken: sudo tunbench run --suite 'x y' --set io=poll --filter 'mode=tap size=3' -v\n" +
				"2 scenarios were skipped (unsupported): EINVAL; 1 other reason in the report's section Skipped scenarios\n" +
				"The observed trials of 1 scenario were skipped (unsupported): Tun/size=4: locked: tunbench doctor\n",
		},
		{
			"invalid", append(six(), fixture.Plain(7, 64, record.FlagSteal), fixture.Plain(8, 64, record.FlagUnexplained)), nil,
			"1 of 8 trials is invalid (unexplained): packets are missing that no counter explains: sudo tunbench run --suite 'x y' --set io=poll --filter 'mode=tun dir=k2u gen=udp queues=1 size=64' -v\n" +
				"1 of 8 trials is invalid (steal): the hypervisor took CPU time: run again when the other virtual machines are idle, or on a host with CPUs of its own\n",
		},
		{ // the same load would be late again
			"late", append(six(), fixture.Plain(7, 64, record.FlagLate)), nil,
			"1 of 7 trials is invalid (late): the sender could not keep to its schedule: lower the load, give the senders CPUs that nothing else uses (--cpus)\n",
		},
		{"few", six()[:2], nil, "No figure has a 95 % interval: that takes 6 valid trials of a scenario, and this run has at most 2: sudo tunbench run --suite 'x y' --set io=poll --trials 6\n"},
		{"crowded", six(record.FlagOversubscribed), nil, "The scenario runs more threads than this host has CPUs (2): its figures include the work of the scheduler (oversubscribed).\n"},
		{"interrupted", append(six(), fixture.Plain(7, 64, record.FlagShort)), nil, "1 trial has fewer windows than planned, because the run was interrupted: sudo tunbench run --resume FOLDER\n"},
	} {
		f := fixture.FileOf(c.trials...)
		f.Skips, f.Run.Args, f.Run.Host.CPUs = c.skips, args, 2
		if c.name != "interrupted" {
			f.End = &record.End{}
		}
		list, _ := figure.Scenarios(f)
		if got := lines(Left(f, list)); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// Where no command is known that helps, the line ends without one.
func TestLeftWithoutCommand(t *testing.T) {
	brief := fixture.Plain(1, 64)
	brief.DurationNs = 1000
	for args, commands := range map[string]bool{"run": true, "advise": false} {
		f := fixture.FileOf(brief, fixture.Plain(1, 128, record.FlagShort), fixture.Plain(1, 256, record.FlagUnexplained), fixture.Plain(1, 512, record.FlagSteal))
		f.Run.Args, f.End = []string{args}, &record.End{}
		f.Skips = []record.Skip{{Scenario: "Tun/size=1", Reason: record.Failed, Detail: "broken"}, {Scenario: "Tun/size=2", Reason: record.Unprivileged, Detail: "EPERM"}}
		list, _ := figure.Scenarios(f)
		n := 0
		for _, p := range Left(f, list) {
			line := p.String()
			if strings.Contains(line, ": sudo tunbench run ") || strings.HasSuffix(line, ": sudo tunbench run") {
				n++
			}
			if strings.HasSuffix(strings.TrimSpace(line), ":") || strings.Contains(line, "tunbench "+args) != strings.Contains(line, "sudo") {
				t.Errorf("%s: %q", args, line)
			}
		}
		if want := map[bool]int{true: 6, false: 0}[commands]; n != want {
			t.Errorf("%s: %d commands, want %d:\n%s", args, n, want, lines(Left(f, list)))
		}
	}
}

// A run that measured nothing because it could not says so, and only one in which tunbench
// failed says that.
func TestEnded(t *testing.T) {
	skip := func(size int, arm record.Arm, reason string) record.Skip {
		return record.Skip{Scenario: fmt.Sprint("Tun/size=", size), Arm: arm, Reason: reason}
	}
	const failed = "tunbench failed in this run (exit code 2): see which scenarios were skipped, and why."
	for _, c := range []struct {
		name   string
		exit   int
		trials []record.Trial
		skips  []record.Skip
		want   string
	}{
		{"well", 0, []record.Trial{fixture.Plain(1, 64)}, nil, ""},
		{"a limit", 1, []record.Trial{fixture.Plain(1, 64)}, nil, ""},
		{"unjudged", 3, []record.Trial{fixture.Plain(1, 64)}, []record.Skip{skip(1, "", record.Unsupported)}, ""},
		{"one", 2, nil, []record.Skip{skip(1, "", record.Unprivileged)}, "Nothing was measured (exit code 2): the only scenario was skipped (1 unprivileged). tunbench doctor reports what this host can do."},
		{
			"several", 2, nil, []record.Skip{skip(1, "", record.Missing), skip(2, record.Bare, record.Unsupported), skip(2, record.Observed, record.Unsupported), skip(3, "", record.Missing)},
			"Nothing was measured (exit code 2): all 3 scenarios were skipped (1 unsupported, 2 missing). tunbench doctor reports what this host can do.",
		},
		{
			"of tomorrow", 2, nil, []record.Skip{skip(1, "", record.Unsupported), skip(2, "", "forbidden")},
			"Nothing was measured (exit code 2): all 2 scenarios were skipped (1 unsupported, 1 other). tunbench doctor reports what this host can do.",
		},
		{"all failed", 2, nil, []record.Skip{skip(1, "", record.Failed)}, failed},
		{"one failed", 2, nil, []record.Skip{skip(1, "", record.Missing), skip(2, "", record.Failed)}, failed},
		{"failed with trials", 2, []record.Trial{fixture.Plain(1, 64)}, []record.Skip{skip(2, "", record.Failed)}, failed},
	} {
		f := fixture.FileOf(c.trials...)
		f.Skips, f.End = c.skips, &record.End{Exit: c.exit}
		if got := Ended(f).String(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	interrupted := fixture.FileOf()
	interrupted.Skips, interrupted.End = []record.Skip{skip(1, "", record.Failed)}, nil
	if got := Ended(interrupted).String(); got != "" {
		t.Errorf("interrupted: %q", got)
	}
}

// A command is that of the run, without where its results went and without the share of a
// merged run. There is none where the arguments are not those of a run on this host.
func TestAgain(t *testing.T) {
	shard := func(i int, args ...string) record.Part {
		return record.Part{Run: record.Run{Args: append(args, "--shard", fmt.Sprint(i, "/2")), Shard: &record.Shard{Index: i, Of: 2, Scenarios: 2}}}
	}
	for _, c := range []struct {
		name string
		run  record.Run
		want string
	}{
		{"run", record.Run{Args: []string{"run", "--filter", "mode=tun it's", "--out=x", "--json", "--github"}}, `run --filter 'mode=tun it'\''s'`},
		{"flags before", record.Run{Args: []string{"-q", "run", "--suite", "mine.yaml"}}, "run --suite mine.yaml"},
		{"flags before, spelled out", record.Run{Args: []string{"--verbose=false", "-v", "run", "--suite=a"}}, "run --suite=a"},
		{"one word", record.Run{Args: []string{"run"}}, "run"},
		{"resumed", record.Run{Args: []string{"run", "--resume", "dir"}, Suite: "s"}, ""},
		{"resumed, one word", record.Run{Args: []string{"run", "--resume=dir"}, Suite: "s"}, ""},
		{"advise", record.Run{Args: []string{"advise", "vpn"}, Suite: "advise-vpn"}, ""},
		{"flags before advise", record.Run{Args: []string{"-q", "advise", "vpn"}, Suite: "advise-vpn"}, ""},
		{"its value is run", record.Run{Args: []string{"advise", "vpn", "--out", "run"}, Suite: "advise-vpn"}, ""},
		{"kernels", record.Run{Args: []string{"run", "--suite", "kernels"}, Clock: record.ClockICount}, ""},
		{"a guest", record.Run{Args: []string{"run"}, Host: record.Host{Outer: &record.Outer{}}}, ""},
		{"none", record.Run{Suite: "s"}, ""},
		{"flags alone", record.Run{Args: []string{"-q"}}, ""},
		{"merged", record.Run{Suite: "Y", Parts: []record.Part{shard(1, "run", "--suite", "mine.yaml", "--out", "a"), shard(2, "run", "--suite", "mine.yaml", "--out", "b")}}, "run --suite mine.yaml"},
		{"merged, written otherwise", record.Run{Suite: "Y", Parts: []record.Part{shard(1, "run", "--suite", "/a/mine.yaml"), shard(2, "run", "--suite", "/b/mine.yaml")}}, ""},
		{"a share", shard(1, "run", "--suite", "full").Run, "run --suite full --shard 1/2"},
	} {
		want := c.want
		if want != "" {
			want = "sudo tunbench " + want + " --trials 6"
		}
		if got := again(&record.File{Run: &c.run}, nil, "--trials", "6"); got != want {
			t.Errorf("%s: %q, want %q", c.name, got, want)
		}
	}
}

// An interrupted run that was to have enough trials is resumed, another one made longer.
func TestTooFewOfAnInterruptedRun(t *testing.T) {
	for _, c := range []struct {
		pairs int
		ended bool
		want  string
	}{
		{6, false, "sudo tunbench run --resume FOLDER"},
		{2, false, "sudo tunbench run --suite vpn --trials 6"},
		{6, true, "sudo tunbench run --suite vpn --trials 6"},
	} {
		f := fixture.FileOf(fixture.Plain(1, 64), fixture.Plain(2, 64))
		f.Run.Args, f.Run.Plan = []string{"run", "--suite", "vpn"}, &record.Plan{Pairs: c.pairs}
		if c.ended {
			f.End = &record.End{}
		}
		list, _ := figure.Scenarios(f)
		var got string
		for _, p := range Left(f, list) {
			got += document.PlainText(p) + "\n"
		}
		if !strings.HasSuffix(got, ": "+c.want+"\n") {
			t.Errorf("%d pairs, ended %v: %q, want %q at its end", c.pairs, c.ended, got, c.want)
		}
	}
}

// A command keeps the number and the length of the trials where they suffice for an
// interval, and has each at most once.
func TestAgainKeepsTheLength(t *testing.T) {
	for _, c := range []struct {
		args, more []string
		want       string
	}{
		{[]string{"run", "--trials", "12", "--filter", "size=64"}, nil, "run --trials 12 --filter size=64"},
		{[]string{"run", "--trials=12", "--measure=2s", "--out=x"}, nil, "run --trials=12 --measure=2s"},
		{[]string{"run", "--trials", "2", "--measure", "20ms", "--suite", "vpn"}, nil, "run --suite vpn"},
		{[]string{"run", "--trials", "12", "--measure", "20ms"}, []string{"--measure", "1s"}, "run --trials 12 --measure 1s"},
		{[]string{"run", "--trials=7", "--measure", "2s", "--hook", "none"}, []string{"--measure", "4s"}, "run --trials=7 --hook none --measure 4s"},
		{[]string{"run", "--trials"}, nil, "run"},
	} {
		if got := again(&record.File{Run: &record.Run{Args: c.args}}, nil, c.more...); got != "sudo tunbench "+c.want {
			t.Errorf("%q with %q: %q, want %q", c.args, c.more, got, c.want)
		}
	}
}

// The command for one scenario selects it alone: of those that the plan or the file of a whole
// run has or, where neither has all, of whatever there may be.
func TestAgainAlone(t *testing.T) {
	const base = "Tun/dir=k2u/gen=udp/queues=1/size=64"
	const polled = "Tun/dir=k2u/gen=udp/io=poll/queues=1/size=64"
	s := subject{base, map[string]string{"mode": "tun", "dir": "k2u", "gen": "udp", "io": "read", "queues": "1", "size": "64", "vnet": "off", "qdisc": "noqueue"}}
	plan := func(names ...string) *record.Plan { return &record.Plan{Timings: []record.Timing{{Scenarios: names}}} }
	trial := func(name string) []record.Trial { return []record.Trial{{Scenario: name}} }
	const (
		own   = "--filter 'mode=tun dir=k2u gen=udp queues=1 size=64'"
		read  = "--filter 'mode=tun dir=k2u gen=udp io=read queues=1 size=64'"
		whole = "--filter 'mode=tun dir=k2u gen=udp io=read queues=1 size=64 vnet=off qdisc=noqueue'"
	)
	args := []string{"run", "--set", "size=64"}
	share := &record.Shard{Index: 1, Of: 2, Scenarios: 2}
	part := func(i int, p *record.Plan) record.Part {
		return record.Part{Run: record.Run{Args: slices.Concat(args, []string{"--shard", fmt.Sprint(i, "/2")}), Shard: &record.Shard{Index: i, Of: 2}, Plan: p}}
	}
	for _, c := range []struct {
		name string
		file record.File
		want string
	}{
		{"the only one", record.File{Run: &record.Run{Args: args, Plan: plan(base)}}, own},
		{"another size", record.File{Run: &record.Run{Args: args, Plan: plan(base, "Tun/dir=k2u/gen=udp/io=poll/queues=1/size=1500")}}, own},
		{"planned", record.File{Run: &record.Run{Args: args, Plan: plan(base, polled)}}, read},
		{"measured", record.File{Run: &record.Run{Args: args}, Trials: trial(polled), End: &record.End{}}, read},
		{"skipped", record.File{Run: &record.Run{Args: args}, Skips: []record.Skip{{Scenario: polled}}, End: &record.End{}}, read},
		{"interrupted, no plan", record.File{Run: &record.Run{Args: args}, Trials: trial(base)}, whole},
		{"a share", record.File{Run: &record.Run{Args: append(slices.Clone(args), "--shard=1/2"), Plan: plan(base), Shard: share}, End: &record.End{}}, whole},
		{"merged", record.File{Run: &record.Run{Parts: []record.Part{part(1, plan(base)), part(2, plan(polled))}}, End: &record.End{}}, read},
		{"merged in part", record.File{Run: &record.Run{Parts: []record.Part{part(1, plan(base))}}, End: &record.End{}}, whole},
	} {
		if got := again(&c.file, &s, "-v"); got != "sudo tunbench run --set size=64 "+c.want+" -v" {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	// Nothing is printed that would measure others too.
	if got := again(&record.File{Run: &record.Run{Args: args, Plan: plan(base, polled)}}, &subject{name: base}); got != "" {
		t.Errorf("without its axes: %s", got)
	}
}

// Each flag that makes a trial invalid has advice of its own.
func TestAdvices(t *testing.T) {
	run := &record.Run{}
	unknown, _ := On("of tomorrow", run, nil)
	for _, flag := range order {
		meaning, next := On(flag, run, []*record.Trial{{Flags: []string{flag}}})
		if meaning == unknown || next == "" {
			t.Errorf("%s has no advice of its own", flag)
		}
		invalid := (&record.Trial{Flags: []string{flag}}).Invalid()
		if says := strings.Contains(meaning, "The trial is invalid"); says != invalid {
			t.Errorf("%s: the trial is invalid: %v, its advice says so: %v", flag, invalid, says)
		}
		if invalid && !book.Has("cause "+flag) {
			t.Errorf("%s has no cause", flag)
		}
	}
}

// Advice does not tell a trial to do what it does already, and tells it to one that does
// not.
func TestAdviceIsNotRepeated(t *testing.T) {
	with := func(flag string, axes map[string]string, cpus ...int) *record.Trial {
		return &record.Trial{Scenario: "Tun", Flags: []string{flag}, Axes: axes, CPUs: record.Placement{Sender: cpus}}
	}
	run := &record.Run{Host: record.Host{CPUs: 2, Governor: "performance"}, Hook: record.Hook{Used: "kprobe"}}
	slow := &record.Run{Host: record.Host{CPUs: 2, Governor: "schedutil"}, Hook: record.Hook{Used: "fentry"}}
	for _, c := range []struct {
		flag         string
		run          *record.Run
		trial        *record.Trial
		says, silent string
	}{
		{record.FlagGeneratorLimited, run, with("", map[string]string{"gen": "udp"}, 0), "gen=udp-gso or gen=packet", "host with more CPUs"},
		{record.FlagGeneratorLimited, run, with("", map[string]string{"gen": "packet"}, 0), "gen=udp-gso", "gen=packet"},
		{record.FlagGeneratorLimited, run, with("", map[string]string{"gen": "udp-gso"}, 0), "--cpus", "gen="},
		{record.FlagGeneratorLimited, run, with("", map[string]string{"gen": "udp-gso"}, 0, 1), "host with more CPUs", "--cpus"},
		{record.FlagMissedEvents, run, with("", map[string]string{"queues": "4"}), "--hook (fentry, tracepoint), or use fewer queues", "kprobe"},
		{record.FlagMissedEvents, slow, with("", map[string]string{"queues": "1"}), "--hook (kprobe, tracepoint)", "queues"},
		{record.FlagMissedSamples, run, with("", map[string]string{"load": "max"}), "an open load", "a lower load"},
		{record.FlagMissedSamples, run, with("", map[string]string{"load": "50pct"}), "a lower load", "an open load"},
		{record.FlagThrottled, run, with("", nil), "Turn turbo off", "performance"},
		{record.FlagThrottled, slow, with("", nil), "-g performance", "Turn turbo"},
		{record.FlagReordered, run, with("", map[string]string{"reorder": "5pct"}), "axis reorder asks", "--cpus"},
		{record.FlagReordered, run, with("", map[string]string{"steer": "ebpf-cpu"}), "expected", "Check"},
		{record.FlagReordered, run, with("", nil), "Check --cpus", "expected"},
		{record.FlagLinkFull, run, with("", map[string]string{"delay": "20ms"}), "shorter delay", "Set a lower"},
		{record.FlagLinkFull, run, with("", map[string]string{"drop": "1pct"}), "Set a lower load", "delay"},
		{record.FlagForeignLoad, run, with("", nil, 0), "--cpus", "?"},
		{record.FlagForeignLoad, run, with("", nil, 0, 1), "Stop them", "--cpus"},
		{record.FlagLate, run, with("", nil, 0), "--cpus", "?"},
		{record.FlagLate, run, with("", nil, 0, 1), "Lower the load", "--cpus"},
		{record.FlagUnsteady, run, with("", nil), "--trials 6", "medians of several"},
	} {
		c.trial.Flags = []string{c.flag}
		if _, next := On(c.flag, c.run, []*record.Trial{c.trial}); !strings.Contains(next, c.says) || strings.Contains(next, c.silent) {
			t.Errorf("%s of %v: %q, want %q and not %q", c.flag, c.trial.Axes, next, c.says, c.silent)
		}
	}
	for _, flag := range []string{record.FlagUnexplained, record.FlagBadVnet, record.FlagCorrupt, record.FlagNoTraffic, record.FlagDuplicates} {
		for _, alone := range []bool{true, false} {
			a := adviceOn(flag, scene{run: run, alone: alone})
			if told := strings.Contains(a.next, "alone with") || strings.Contains(a.next, "scenario alone"); told == alone {
				t.Errorf("%s, alone %v: %q", flag, alone, a.next)
			}
		}
	}
}

// TestCountedAbove holds that one invalid trial is not one "of them".
func TestCountedAbove(t *testing.T) {
	for _, c := range []struct {
		n, above int
		want     string
	}{
		{1, 0, "1 of 14 trials is invalid (steal): "},
		{1, 1, "1 of 14 trials is invalid (steal; it is counted above, too): "},
		{4, 4, "4 of 14 trials are invalid (steal; all are counted above, too): "},
		{4, 1, "4 of 14 trials are invalid (steal; 1 of them is counted above, too): "},
		{4, 2, "4 of 14 trials are invalid (steal; 2 of them are counted above, too): "},
	} {
		said := document.PlainText(book.Say("invalid trials", prose.Values{"N": c.n, "Of": 14, "Above": c.above, "Flag": "steal", "Cause": "a cause", "Command": "", "Change": ""}))
		if want := c.want + "a cause"; strings.TrimSpace(said) != want {
			t.Errorf("%d of them above: %q, want %q", c.above, said, want)
		}
	}
}

// The section on flags has a row for each scenario or, in full, for each trial; what is a
// fact of the host is told once.
func TestFlags(t *testing.T) {
	var trials []record.Trial
	for pair := range 6 {
		tr := fixture.Plain(pair+1, 64, record.FlagUnsteady, record.FlagOversubscribed)
		tr.Notes = []string{fmt.Sprint("note ", pair)}
		trials = append(trials, tr, fixture.Plain(pair+1, 128, record.FlagOversubscribed))
	}
	list, _ := figure.Scenarios(fixture.FileOf(trials...))
	for full, want := range map[bool]int{false: 1, true: 12} {
		sec := Flags(&record.Run{Host: record.Host{CPUs: 2}}, list, full)
		tables := 0
		for _, b := range sec.Blocks {
			if table, ok := b.(document.Table); ok {
				if tables++; tables == 2 && len(table.Rows) != want {
					t.Errorf("full %v: %d rows, want %d", full, len(table.Rows), want)
				}
				if tables == 1 && (len(table.Rows) != 1 || table.Rows[0][0].String() != record.FlagUnsteady || table.Rows[0][1].String() != "6 of 12") {
					t.Errorf("flags %v", table.Rows)
				}
			}
		}
		if first, ok := sec.Blocks[0].(prose.Prose); !ok || first.String() != "All scenarios run more threads than this host has CPUs (2): their figures include the work of the scheduler (oversubscribed)." {
			t.Errorf("the fact is told as %v", sec.Blocks[0])
		}
	}
	if slices.Contains(order, record.FlagOversubscribed) {
		t.Error("a fact of the host has advice")
	}
}

// No advice names what the run found to be unavailable, and none repeats what failed.
func TestAdviceCanHelp(t *testing.T) {
	tracepoint := record.Hook{Used: "tracepoint", PassedOver: []record.PassedOver{{Hook: "kprobe"}, {Hook: "fentry"}}}
	for _, c := range []struct {
		hook   record.Hook
		queues string
		want   string
	}{
		{tracepoint, "1", "Nothing on this kernel"},
		{tracepoint, "4", "Use fewer queues at once: no other hook"},
		{record.Hook{Used: "kprobe"}, "1", "--hook (fentry, tracepoint)."},
		{record.Hook{Used: "tracepoint", PassedOver: tracepoint.PassedOver[:1]}, "4", "--hook (fentry), or use fewer queues"},
	} {
		trial := fixture.Plain(1, 64, record.FlagMissedEvents)
		trial.Axes["queues"] = c.queues
		_, next := On(record.FlagMissedEvents, &record.Run{Hook: c.hook}, []*record.Trial{&trial})
		if !strings.Contains(next, c.want) {
			t.Errorf("%v, queues=%s: %q, want %q", c.hook, c.queues, next, c.want)
		}
		for _, p := range c.hook.PassedOver {
			if strings.Contains(next, p.Hook) {
				t.Errorf("%q advises %s, which is not available", next, p.Hook)
			}
		}
	}
}

// A host whose CPUs are all in use has none to spare for the sender.
func TestChangeForLate(t *testing.T) {
	trial := fixture.Plain(1, 64, record.FlagLate)
	for cpus, want := range map[int]string{1: "1 CPU", 2: "2 CPUs"} {
		trial.CPUs = record.Placement{Sender: []int{0}, Reader: []int{cpus - 1}}
		s := scene{run: &record.Run{Host: record.Host{CPUs: cpus}}, trials: []*record.Trial{&trial}}
		if got, want := s.change(record.FlagLate), "lower the load, or measure on a host with more than "+want; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// The observation of a scenario is that of its flag, and it is not cut.
func TestFirstObservation(t *testing.T) {
	long := strings.Repeat("all of this is read, ", 20) + "to its end"
	trial := fixture.Plain(1, 64, record.FlagUnsteady)
	trial.Notes = []string{"oversubscribed: 4 workers on 2 CPUs", "unsteady: " + long + "; warm-up extended twice"}
	list, _ := figure.Scenarios(fixture.FileOf(trial))
	rows := flaggedScenarios(list).Rows
	if got := document.PlainText(rows[0][2]); got != long {
		t.Errorf("%q, want %q", got, long)
	}
}

// The scenarios with more threads than CPUs are listed where they are some of all.
func TestCrowded(t *testing.T) {
	one, two := fixture.Plain(1, 64, record.FlagOversubscribed), fixture.Plain(1, 1500)
	one.Notes = []string{"unsteady: so", record.FlagOversubscribed + ": 5 workers on 2 CPUs"}
	if one.Scenario == two.Scenario {
		t.Fatal("two trials of one scenario")
	}
	list, _ := figure.Scenarios(fixture.FileOf(one, two))
	got := Crowded(list)
	if len(got.Rows) != 1 || got.Rows[0][1].String() != "5 workers on 2 CPUs" || got.Fold != "1 scenario with more threads than CPUs (oversubscribed)" {
		t.Errorf("%+v", got)
	}
	for _, trials := range [][]record.Trial{{one}, {two}} { // all, which a line says, and none
		list, _ := figure.Scenarios(fixture.FileOf(trials...))
		if got := Crowded(list); len(got.Rows) != 0 {
			t.Errorf("%d rows", len(got.Rows))
		}
	}
}

// The report names the first scenario without a valid trial, so that a reader need not search
// the tables for it.
func TestWithoutValidTrials(t *testing.T) {
	lost := func(size int) (list []record.Trial) {
		for pair := range 6 {
			list = append(list, fixture.Plain(pair+1, size, record.FlagSteal))
		}
		return list
	}
	for _, c := range []struct {
		sizes []int
		want  string
	}{
		{[]int{64}, "1 scenario has no valid trial, and so no figures: "},
		{[]int{64, 1500, 9000}, "3 scenarios have no valid trial, and so no figures: "},
	} {
		var trials []record.Trial
		for _, size := range c.sizes {
			trials = append(trials, lost(size)...)
		}
		f := fixture.FileOf(trials...)
		list, _ := figure.Scenarios(f)
		want := c.want + list[0].Name
		if n := len(c.sizes) - 1; n > 0 {
			want += fmt.Sprintf(" and %d others, marked invalid below", n)
		}
		if got := lines(Left(f, list)); !strings.Contains(got, want+".\n") {
			t.Errorf("%v: no %q in\n%s", c.sizes, want, got)
		}
	}
}
