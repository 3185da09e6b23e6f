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
	interval := ""
	if f.CI != nil {
		interval = metric.IntervalText(v)
	}
	return book.Text("finding", prose.Values{
		"Metric": v.Metric, "Base": metric.Quantity(v.Metric, &f.Base), "New": metric.Quantity(v.Metric, &f.New), "Change": metric.ChangeText(v),
		"Interval": interval, "P": text.PValue(&f.P), "Threshold": findingThreshold(f), "Standing": f.Standing, "ID": f.ID,
	})
}

func findingThreshold(f series.Finding) string {
	return metric.ThresholdText(record.Verdict{Metric: f.Series.Metric, Threshold: f.Threshold})
}

// FindingStory says of which runs a finding is, when it began, and what else changed
// then.
func FindingStory(f series.Finding) []string {
	before, since, begins, release := f.BaseRuns, f.NewRuns, pointText(f.Begins), f.Before.Release
	var kind, with string
	switch {
	case f.Kind == series.ChangePoint:
		kind = book.Text("change point", prose.Values{"Before": before, "Since": since, "Begins": begins})
		with = book.Text("changed then", nil)
	case f.Kind == series.SinceRun:
		kind = book.Text("single run", prose.Values{"Before": before, "Since": since, "Begins": begins})
		with = book.Text("changed then", nil)
	case f.Kind == series.Drift:
		kind = book.Text("drift", prose.Values{"Since": since, "Begins": begins})
		with = book.Text("changed in drift", nil)
	case f.IsDrift():
		kind = book.Text("drift since release", prose.Values{"Since": since, "Begins": begins, "Release": release})
		with = book.Text("changed in release", nil)
	default:
		kind = book.Text("since release", prose.Values{"Before": before, "Since": since, "Begins": begins, "Release": release})
		with = book.Text("changed in release", nil)
	}
	lines := []string{kind}
	if f.Kind == series.ChangePoint || f.Kind == series.SinceRun {
		lines = append(lines, book.Text("last before", prose.Values{"Before": pointText(f.Before)}))
	}
	if f.Acknowledged != nil {
		lines = append(lines, AckText(*f.Acknowledged))
	}
	n := len(f.Notes)
	if n == 0 {
		return append(lines, book.Text("nothing else", prose.Values{"Floors": findingFloors(f)}))
	}
	most := min(n, 6)
	return append(lines, book.Text("changed with", prose.Values{"What": with, "Notes": f.Notes[:most], "More": n - most}))
}

// findingFloors is floorsAgree of the runs of f; "" where they are not known.
func findingFloors(f series.Finding) string {
	before, begins := f.Before.Header(), f.Begins.Header()
	if before == nil || begins == nil {
		return ""
	}
	return figure.FloorsAgree(before, begins)
}

// AckText says when and why a finding was acknowledged.
func AckText(a series.Ack) string {
	since := ""
	if a.Time != "" {
		since = text.Clock(a.Time)
	}
	return book.Text("acknowledged", prose.Values{"Time": since, "Reason": a.Reason})
}

// pointText names the run of a point.
func pointText(p series.Point) string {
	return book.Text("run", prose.Values{
		"Run": p.Run, "Started": text.Clock(p.Started), "Kernel": cmp.Or(p.Kernel, "unknown"), "Commit": cmp.Or(p.Commit, "unknown"), "Release": p.Release,
	})
}
