package plan

import (
	"maps"
	"time"

	"tunbench/reports/record"
	"tunbench/reports/requirement"
)

// limited keeps, of the scenarios for which the suite sets limits, what these are judged
// by.
type limited struct {
	file record.File
	of   map[string]bool // scenarios that have limits
}

// newLimited begins with what an interrupted run measured, if p resumes one.
func newLimited(p Plan, floor record.Floor) *limited {
	l := &limited{of: map[string]bool{}}
	l.file.Run = &record.Run{Clock: p.clock(), Floor: floor, Plan: &record.Plan{Require: required(p.Scenarios)}}
	for _, s := range p.Scenarios {
		l.of[s.Name] = len(s.Require) > 0
	}
	if p.Done != nil {
		for _, t := range p.Done.Trials {
			l.trial(t)
		}
		for _, s := range p.Done.Skips {
			l.skip(s)
		}
		for _, s := range p.Done.Searches {
			l.search(s)
		}
	}
	return l
}

func (l *limited) trial(t record.Trial) {
	if !l.of[t.Scenario] {
		return
	}
	// Limits are on metrics and on quantiles: the rest of thousands of trials would
	// take much memory.
	t.Windows, t.Queues, t.Flows, t.Yardstick = nil, nil, nil, nil
	t.Latency = maps.Clone(t.Latency)
	for name, latency := range t.Latency {
		latency.Buckets = nil
		t.Latency[name] = latency
	}
	l.file.Trials = append(l.file.Trials, t)
}

func (l *limited) skip(s record.Skip) {
	if l.of[s.Scenario] {
		l.file.Skips = append(l.file.Skips, s)
	}
}

func (l *limited) search(s record.Search) {
	if l.of[s.Scenario] {
		l.file.Searches = append(l.file.Searches, s)
	}
}

// judge gives the verdicts at the end of the run.
func (l *limited) judge(ended time.Time) []requirement.Result {
	l.file.End = &record.End{Ended: timestamp(ended)}
	return requirement.Judge(&l.file)
}
