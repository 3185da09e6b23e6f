package trust

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// Left says what was left out of the figures of f and why, in a line for each cause, with
// a command that helps where there is one; and what else limits the figures.
func Left(f *record.File, list []*figure.Scenario) (p []prose.Prose) {
	p = append(p, skipped(f)...)
	p = append(p, invalid(f, list)...)
	short, brief, fewest := 0, 0, 0
	var first *figure.Scenario
	for _, s := range list {
		h := s.Head()
		if !h.Invalid && figure.Short(s) {
			brief++
		}
		if n := len(h.Used); n < figure.Fewest && (first == nil || n > fewest) {
			first, fewest = s, n
		}
		short += len(slices.DeleteFunc(slices.Clone(s.All()), func(t *record.Trial) bool { return !slices.Contains(t.Flags, record.FlagShort) }))
	}
	if brief > 0 {
		p = append(p, book.Say("too short", prose.Values{"N": brief, "Least": time.Duration(record.LeastMeasureNs), "Command": again(f, nil, "--measure", "1s")}))
	}
	if short > 0 {
		command := again(f, nil)
		if f.End == nil && command != "" { // there is something left
			command = resume
		}
		p = append(p, book.Say("short", prose.Values{"N": short, "Command": command}))
	}
	if first != nil && !slices.ContainsFunc(list, exact) {
		command := again(f, nil, "--trials", fmt.Sprint(figure.Fewest))
		if plan := f.Run.Plan; f.End == nil && command != "" && plan != nil && plan.Pairs >= figure.Fewest { // what is left suffices
			command = resume
		}
		p = append(p, book.Say("too few trials", prose.Values{"N": fewest, "Fewest": figure.Fewest, "Command": command}))
	}
	if fact := crowded(f.Run, list); len(fact) > 0 {
		p = append(p, fact)
	}
	return p
}

// resume is the command that measures what an interrupted run has left.
const resume = "sudo tunbench run --resume FOLDER"

// exact reports whether the packet rate of s has a 95 % interval.
func exact(s *figure.Scenario) bool {
	in, ok := s.Head().Interval(record.PPS)
	return ok && in.Exact
}

// skipped has a line for each reason of skips.
func skipped(f *record.File) (p []prose.Prose) {
	type cause struct {
		reason string
		arm    record.Arm
	}
	byCause := map[cause][]record.Skip{}
	var order []cause
	for _, s := range f.Skips {
		c := cause{s.Reason, s.Arm}
		if byCause[c] == nil {
			order = append(order, c)
		}
		byCause[c] = append(byCause[c], s)
	}
	slices.SortStableFunc(order, func(a, b cause) int { return cmp.Compare(rank(a.reason), rank(b.reason)) })
	for _, c := range order {
		skips := byCause[c]
		details := map[string]bool{}
		for _, s := range skips {
			details[s.Detail] = true
		}
		command := "tunbench doctor"
		switch {
		case c.reason == record.Failed:
			command = again(f, &subject{skips[0].Scenario, skips[0].Axes}, "-v")
		case c.reason == record.Unprivileged:
			command = again(f, nil)
		case len(details) > 1: // the report lists them
			command = ""
		}
		p = append(p, book.Say("skipped", prose.Values{
			"N": len(skips), "Scenario": skips[0].Scenario, "Arm": string(c.arm), "Reason": text.Clip(c.reason, longestDetail), "Detail": clipped(skips[0].Detail),
			"More": len(details) - 1, "Command": command, "Failed": c.reason == record.Failed,
		}))
	}
	return p
}

// longestDetail is how much of the detail of a skip a line shows: the section on skipped
// scenarios has all of it.
const longestDetail = 240

// clipped is a detail, or as many of its words as a line shows.
func clipped(detail string) string {
	short := text.Clip(detail, longestDetail)
	if i := strings.LastIndexByte(short, ' '); short != detail && i > longestDetail/2 {
		return short[:i] + " …"
	}
	return short
}

// rank orders the reasons of skips: what is a fault comes first.
func rank(reason string) int {
	return slices.Index([]string{record.Failed, record.Unprivileged, record.Missing, record.Unsupported}, reason)
}

// invalid has a line for each flag that makes trials invalid.
func invalid(f *record.File, list []*figure.Scenario) (p []prose.Prose) {
	counts, above, with := map[string]int{}, map[string]int{}, map[string][]*record.Trial{}
	trials, without, name := 0, 0, "" // name is the first of those without
	for _, s := range list {
		if s.Head().Invalid {
			without++
			name = cmp.Or(name, s.Name)
		}
		for _, t := range s.All() {
			trials++
			counted := false // in an earlier line
			for _, flag := range order {
				if record.Invalidates(flag) && slices.Contains(t.Flags, flag) {
					counts[flag]++
					with[flag] = append(with[flag], t)
					if counted {
						above[flag]++
					}
					counted = true
				}
			}
		}
	}
	for _, flag := range order {
		n := counts[flag]
		if n == 0 {
			continue
		}
		first := subject{with[flag][0].Scenario, with[flag][0].Axes}
		command := again(f, &first)
		change := scene{run: f.Run, trials: with[flag]}.change(flag)
		if change != "" { // the same once more would meet the same
			command = ""
		}
		switch flag {
		case record.FlagCPUQuota, record.FlagEmulated:
			command = "tunbench doctor"
		case record.FlagClockStep:
			command = "dmesg | grep -i clock"
		case record.FlagUnexplained, record.FlagBadVnet, record.FlagCorrupt, record.FlagNoTraffic:
			command = again(f, &first, "-v")
		}
		p = append(p, book.Say("invalid trials", prose.Values{"N": n, "Of": trials, "Above": above[flag], "Flag": flag, "Cause": book.Text("cause "+flag, nil), "Command": command, "Change": change}))
	}
	if without > 0 {
		p = append(p, book.Say("scenarios without valid trials", prose.Values{"N": without, "More": without - 1, "First": name}))
	}
	return p
}

// Rest says what else a reader should know: the cost of observation, and what A/A runs on
// this host could see.
func Rest(f *record.File, list []*figure.Scenario) (p []prose.Prose) {
	if cost, ok := figure.ObserverCost(list); ok {
		p = append(p, book.Say("observer changed the rate", prose.Values{
			"Change": text.Change(cost.Value), "Changes": cost.Interval.Changes(text.RangeName), "Exact": cost.Interval.Exact, "Rounds": cost.Rounds, "Of": len(cost.Each),
		}))
	}
	if line := document.Detectable(f.Run.Sees); len(line) > 0 {
		p = append(p, line)
	}
	return p
}
