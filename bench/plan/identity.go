package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tunbench/bench/suite"
	"tunbench/reports/record"
)

// resumable returns an error unless the interrupted run can be continued here: by the
// same plan, on the same host and by the same tunbench, so that the figures of both
// halves are those of one run.
func resumable(p Plan) error {
	was, host := p.Done.Run, p.Host
	if p.Done.End != nil {
		return fmt.Errorf("resume the run of %s: it was finished, nothing is missing", was.Started)
	}
	var differ []string
	for _, d := range []struct{ what, was, is string }{
		{"kernel", was.Host.Kernel + " " + was.Host.KernelVersion, host.Kernel + " " + host.KernelVersion},
		{"kernel command line", was.Host.Cmdline, host.Cmdline},
		{"CPU", was.Host.CPU, host.CPU},
		{"number of CPUs", fmt.Sprint(was.Host.CPUs), fmt.Sprint(host.CPUs)},
		{"clock source", was.Host.Clocksource, host.Clocksource},
		{"governor", was.Host.Governor, host.Governor},
		{"tunbench", was.Tool.Version + " " + was.Tool.Commit, p.Tool.Version + " " + p.Tool.Commit},
		{"clock", was.Clock, p.clock()},
	} {
		if d.was != d.is {
			differ = append(differ, fmt.Sprintf("%s: %q then, %q now", d.what, d.was, d.is))
		}
	}
	advice := "begin a new one"
	if plan := unlike(p, was); len(plan) > 0 {
		differ = append(differ, plan...)
		if p.SuiteFile != "" && was.Plan != nil {
			advice = fmt.Sprintf("put %s back as it was, or begin a new run", p.SuiteFile)
		}
	}
	if len(differ) > 0 {
		return fmt.Errorf("resume the run of %s: the result would not be one run: %s; %s", was.Started, strings.Join(differ, "; "), advice)
	}
	for _, t := range p.Done.Trials {
		if !slices.ContainsFunc(p.Scenarios, func(s suite.Scenario) bool { return s.Name == t.Scenario }) {
			return fmt.Errorf("resume the run of %s: it has trials of %s, which suite %s no longer has; begin a new one", was.Started, t.Scenario, p.Suite)
		}
	}
	return nil
}

// recorded is the description of p that the header keeps.
func recorded(p Plan) *record.Plan {
	r := &record.Plan{SuiteFile: p.SuiteFile, Pairs: p.Pairs, Arms: p.Arms, Search: p.Search.Name, CPUs: p.CPUs, Timings: []record.Timing{}}
	for _, s := range p.Scenarios {
		t := record.Timing{WarmupNs: int64(s.Warmup), MeasureNs: int64(s.Measure), WindowNs: int64(s.Window)}
		i := slices.IndexFunc(r.Timings, func(of record.Timing) bool { return sameTimes(of, t) })
		if i < 0 {
			i = len(r.Timings)
			r.Timings = append(r.Timings, t)
		}
		r.Timings[i].Scenarios = append(r.Timings[i].Scenarios, s.Name)
	}
	r.Require = required(p.Scenarios)
	about := struct {
		record.Plan
		Suite, Hook, Clock string
		Seed               uint64
	}{*r, p.Suite, p.Hook, p.clock(), p.Seed}
	about.SuiteFile = "" // its content counts, not its place
	text, err := json.Marshal(about)
	if err != nil {
		panic(err) // strings and numbers only
	}
	sum := sha256.Sum256(text)
	r.Hash = hex.EncodeToString(sum[:])
	return r
}

// required gives each limit of scenarios with the scenarios that have it.
func required(scenarios []suite.Scenario) (list []record.Requirement) {
	for _, s := range scenarios {
		for _, l := range s.Require {
			i := slices.IndexFunc(list, func(r record.Requirement) bool { return r.Limit == l })
			if i < 0 {
				i = len(list)
				list = append(list, record.Requirement{Limit: l})
			}
			list[i].Scenarios = append(list[i].Scenarios, s.Name)
		}
	}
	return list
}

// limitsText names limits and the scenarios that have them.
func limitsText(list []record.Requirement) string {
	var parts []string
	for _, r := range list {
		parts = append(parts, fmt.Sprintf("%s %s for %s", r.Metric, r.Written, someOf(r.Scenarios)))
	}
	return cmp.Or(strings.Join(parts, ", "), "none")
}

func sameTimes(a, b record.Timing) bool {
	return a.WarmupNs == b.WarmupNs && a.MeasureNs == b.MeasureNs && a.WindowNs == b.WindowNs
}

// unlike lists the differences between p and the plan of the run that it resumes.
func unlike(p Plan, run *record.Run) (differ []string) {
	was := run.Plan
	if was == nil {
		return []string{"plan: its file does not say what it was"}
	}
	p.Seed = run.Seed // a resumed run keeps its seed
	now := recorded(p)
	if now.Hash == was.Hash {
		return nil
	}
	then := timesOf(was)
	for _, d := range []struct {
		what    string
		was, is any
	}{
		{"suite", run.Suite, p.Suite},
		{"hook", run.Hook.Requested, p.Hook},
		{"pairs", was.Pairs, now.Pairs},
		{"arms", was.Arms, now.Arms},
		{"search", cmp.Or(was.Search, "none"), cmp.Or(now.Search, "none")},
		{"CPUs", was.CPUs, now.CPUs},
		{"limits", limitsText(was.Require), limitsText(now.Require)},
	} {
		if a, b := fmt.Sprint(d.was), fmt.Sprint(d.is); a != b {
			differ = append(differ, fmt.Sprintf("%s: %s then, %s now", d.what, a, b))
		}
	}
	var gone, fresh []string
	changed := map[string][]string{}
	is := timesOf(now)
	for _, s := range p.Scenarios {
		a, known := then[s.Name]
		if !known {
			fresh = append(fresh, s.Name)
			continue
		}
		b := is[s.Name]
		for _, d := range []struct {
			what    string
			was, is int64
		}{{"warm-up", a.WarmupNs, b.WarmupNs}, {"measured time", a.MeasureNs, b.MeasureNs}, {"window", a.WindowNs, b.WindowNs}} {
			if d.was != d.is {
				say := fmt.Sprintf("%s: %v then, %v now", d.what, time.Duration(d.was), time.Duration(d.is))
				changed[say] = append(changed[say], s.Name)
			}
		}
	}
	for _, t := range was.Timings {
		for _, name := range t.Scenarios {
			if _, still := is[name]; !still {
				gone = append(gone, name)
			}
		}
	}
	for _, say := range slices.Sorted(maps.Keys(changed)) {
		if len(changed[say]) < len(is) {
			say += " for " + someOf(changed[say])
		}
		differ = append(differ, say)
	}
	if len(gone) > 0 {
		differ = append(differ, "no longer in the plan: "+someOf(gone))
	}
	if len(fresh) > 0 {
		differ = append(differ, "new in the plan: "+someOf(fresh))
	}
	if len(differ) == 0 {
		differ = append(differ, "plan: the order of its scenarios, or its seed")
	}
	return differ
}

// timesOf returns the timing of each scenario of a plan.
func timesOf(p *record.Plan) map[string]record.Timing {
	of := map[string]record.Timing{}
	for _, t := range p.Timings {
		for _, name := range t.Scenarios {
			of[name] = t
		}
	}
	return of
}

// someOf names the first three of a list, and the number of the others.
func someOf(names []string) string {
	if len(names) <= 4 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
}
