package history

import (
	"cmp"

	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/series"
	"tunbench/reports/text"
)

// FindingFigures says how much a finding is, and how sure.
func FindingFigures(f series.Finding) string {
	v := record.Verdict{Metric: f.Series.Metric, Change: &f.Change.Change, CI: f.CI}
	values := prose.Values{
		"Metric": v.Metric, "Base": metric.Quantity(v.Metric, &f.Base), "New": metric.Quantity(v.Metric, &f.New), "Change": metric.ChangeText(v),
		"Interval": "", "P": text.PValue(&f.P), "Threshold": findingThreshold(f), "Standing": f.Standing, "ID": f.ID,
	}
	if f.CI != nil {
		values["Interval"] = metric.IntervalText(v)
	}
	return words.Text("finding", values)
}

func findingThreshold(f series.Finding) string {
	return metric.ThresholdText(record.Verdict{Metric: f.Series.Metric, Threshold: f.Threshold})
}

// FindingStory says of which runs a finding is, when it began, and what else changed
// then.
func FindingStory(f series.Finding) []string {
	kind, with := "change-point", "changed-then"
	switch f.Kind {
	case series.ChangePoint:
	case series.SinceRun:
		kind = "single-run"
	case series.Drift:
		kind, with = "drift", "changed-in-drift"
	default:
		kind, with = "since-release", "changed-in-release"
		if f.IsDrift() {
			kind = "drift-since-release"
		}
	}
	lines := []string{words.Text(kind, prose.Values{"Before": f.BaseRuns, "Since": f.NewRuns, "Begins": pointText(f.Begins), "Release": f.Before.Release})}
	if f.Kind == series.ChangePoint || f.Kind == series.SinceRun {
		lines = append(lines, words.Text("last-before", prose.Values{"Before": pointText(f.Before)}))
	}
	if f.Acknowledged != nil {
		lines = append(lines, AckText(*f.Acknowledged))
	}
	n := len(f.Notes)
	if n == 0 {
		return append(lines, words.Text("nothing-else", prose.Values{"Floors": findingFloors(f)}))
	}
	most := min(n, 6)
	return append(lines, words.Text("changed-with", prose.Values{"What": words.Text(with, nil), "Notes": f.Notes[:most], "More": n - most}))
}

// findingFloors is floorsAgree of the runs of f; "" where they are not known.
func findingFloors(f series.Finding) string {
	before, begins := f.Before.Header(), f.Begins.Header()
	if before == nil || begins == nil {
		return ""
	}
	return figure.FloorsAgree(before.Floor, begins.Floor)
}

// AckText tells since when and why a finding is acknowledged.
func AckText(a series.Ack) string {
	since := ""
	if a.Time != "" {
		since = text.Clock(a.Time)
	}
	return words.Text("acknowledged", prose.Values{"Time": since, "Reason": a.Reason})
}

// pointText names the run of a point.
func pointText(p series.Point) string {
	return words.Text("run", prose.Values{
		"Run": p.Run, "Started": text.Clock(p.Started), "Kernel": cmp.Or(p.Kernel, "unknown"), "Commit": cmp.Or(p.Commit, "unknown"), "Release": p.Release,
	})
}
