// Package ladder draws latencies: the quantiles of each scenario, on one scale of time.
package ladder

import (
	"cmp"
	"slices"
	"strings"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/document/question"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// Lanes are the latencies of scenarios, by the arm whose trials they are of: those
// of two arms met different hosts and filled the ring differently, so that one chart must
// not show them beside each other.
type Lanes map[record.Arm]map[*figure.Scenario][]chart.Lane

// Add adds a lane of a scenario.
func (l Lanes) Add(s *figure.Scenario, arm record.Arm, lane chart.Lane) {
	if l[arm] == nil {
		l[arm] = map[*figure.Scenario][]chart.Lane{}
	}
	l[arm][s] = append(l[arm][s], lane)
}

// LaneOf is the lane of a latency.
func LaneOf(kind string, l figure.Latency) chart.Lane {
	lane := chart.Lane{Kind: kind, Max: float64(l.Max)}
	for i, q := range metric.Quantiles {
		if v, ok := l.Quantile(q.Q); ok {
			lane.At[i] = float64(v)
		}
	}
	return lane
}

// Pictures draws the lanes of each arm: those of open loads, which are latencies as users
// have them. Under a closed load a latency is mostly that of the queue: it is drawn where
// no load is open and there are few scenarios.
func (l Lanes) Pictures(list []*figure.Scenario) (pics []document.Picture) {
	for _, arm := range []record.Arm{record.Bare, record.Observed} {
		var open, closed []*figure.Scenario
		for _, s := range list {
			switch {
			case len(l[arm][s]) == 0:
			case s.Open():
				open = append(open, s)
			default:
				closed = append(closed, s)
			}
		}
		shown, load := open, "open"
		if len(open) == 0 && len(closed) <= chart.LaddersAChart {
			shown, load = closed, "closed"
		}
		file := "latency"
		if arm == record.Observed && len(l[record.Bare]) > 0 {
			file = "latency-observed"
		}
		var kinds []string
		for _, s := range shown {
			for _, lane := range l[arm][s] {
				if kind := strings.ToLower(lane.Kind); !slices.Contains(kinds, kind) {
					kinds = append(kinds, kind)
				}
			}
		}
		wait := ""
		if load == "closed" {
			wait = book.Text("wait", nil)
		}
		few := func(s *figure.Scenario) string { return document.OfFew(s.Arm(arm)) }
		pics = append(pics, pictures(shown, few, func(s *figure.Scenario) []chart.Lane { return l[arm][s] }, document.Picture{
			File: file, Alt: book.Text("alt", prose.Values{"Kinds": kinds}), N: document.TrialsIn(arm, shown),
			Chart: chart.Ladder{
				Title: book.Text("title", prose.Values{"Arm": string(arm), "Load": book.Text("load "+load, nil), "Kinds": kinds}), Note: wait,
			},
		})...)
	}
	return pics
}

// Pictures draws the lanes of scenarios, in as many charts like pic as they need. What the
// scenarios of a chart have in common stands above its rows.
func Pictures(list []*figure.Scenario, lanes func(*figure.Scenario) []chart.Lane, pic document.Picture) (pics []document.Picture) {
	return pictures(list, func(s *figure.Scenario) string { return document.OfFew(s.Head()) }, lanes, pic)
}

func pictures(list []*figure.Scenario, few func(*figure.Scenario) string, lanes func(*figure.Scenario) []chart.Lane, pic document.Picture) (pics []document.Picture) {
	for i, part := range slices.Collect(slices.Chunk(list, chart.LaddersAChart)) {
		name, shared := question.Sharing(part)
		one := pic.Chart.(chart.Ladder)
		one.Desc, one.Note, one.Rows = book.Text("description", nil), strings.Join(text.NonEmpty(one.Note, shared), "; "), nil
		for _, s := range part {
			one.Rows = append(one.Rows, chart.LadderRow{Label: strings.Join(text.NonEmpty(name(s), few(s)), ", "), Lanes: lanes(s)})
		}
		pics = append(pics, document.Picture{File: document.Numbered(pic.File, i), Alt: pic.Alt, Chart: one, N: cmp.Or(pic.N, document.TrialsEach(part))})
	}
	return pics
}
