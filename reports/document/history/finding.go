package history

import (
	"cmp"
	"strconv"
	"strings"

	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/series"
	"tunbench/reports/text"
)

// FindingFigures says how much a finding is, and how sure.
func FindingFigures(f series.Finding) string {
	m := f.Series.Metric
	s := m + ": " + metric.Quantity(m, &f.Base) + " → " + metric.Quantity(m, &f.New) + ", " + findingMoved(f) + ", p " + text.PValue(&f.P) + ", threshold " + findingThreshold(f)
	if !f.Standing {
		s += "; it has gone back since"
	}
	return s + "; ID " + f.ID
}

// findingMoved is the change and its interval.
func findingMoved(f series.Finding) string {
	v := record.Verdict{Metric: f.Series.Metric, Change: &f.Change.Change, CI: f.CI}
	s := metric.ChangeText(v)
	if f.CI != nil {
		s += " (" + metric.IntervalText(v) + ")"
	}
	return s
}

func findingThreshold(f series.Finding) string {
	return metric.ThresholdText(record.Verdict{Metric: f.Series.Metric, Threshold: f.Threshold})
}

// FindingStory says of which runs a finding is, when it began, and what else changed
// then.
func FindingStory(f series.Finding) []string {
	runs := func(n int) string { return text.Plural(n, "run", "runs") }
	var kind, with string
	switch f.Kind {
	case series.ChangePoint:
		kind, with = "change point: "+runs(f.BaseRuns)+" before, "+runs(f.NewRuns)+" since; begins with ", "changed with it: "
	case series.SinceRun:
		kind = "off on its own, " + runs(f.BaseRuns) + " before, " + runs(f.NewRuns) + " since; begins with "
		with = "changed with it: "
	case series.Drift:
		kind, with = "drift over "+runs(f.NewRuns)+", by the line through them: up to ", "differs from where it began: "
	default:
		kind = "the newest " + runs(f.NewRuns) + " against " + runs(f.BaseRuns) + " up to release " + f.Before.Release + ": up to "
		if f.IsDrift() {
			kind = "drift over " + runs(f.NewRuns) + " since release " + f.Before.Release + ", by the line through them: up to "
		}
		with = "differs from the release: "
	}
	lines := []string{kind + pointText(f.Begins)}
	if f.Kind == series.ChangePoint || f.Kind == series.SinceRun {
		lines = append(lines, "the last run without it: "+pointText(f.Before))
	}
	if f.Acknowledged != nil {
		lines = append(lines, AckText(*f.Acknowledged))
	}
	if n := len(f.Notes); n > 0 {
		const most = 6
		s := with + strings.Join(f.Notes[:min(n, most)], "; ")
		if n > most {
			s += "; and " + strconv.Itoa(n-most) + " more"
		}
		lines = append(lines, s)
	} else {
		lines = append(lines, strings.Join(text.NonEmpty("nothing else that a run's header tells differs", findingFloors(f)), "; "))
	}
	return lines
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
	if a.Time == "" {
		return "acknowledged: " + a.Reason
	}
	return "acknowledged " + text.Clock(a.Time) + ": " + a.Reason
}

// pointText names the run of a point.
func pointText(p series.Point) string {
	s := p.Run + " (" + text.Clock(p.Started) + ", Linux " + cmp.Or(p.Kernel, "unknown") + ", tunbench " + cmp.Or(p.Commit, "unknown")
	if p.Release != "" {
		s += ", release " + p.Release
	}
	return s + ")"
}
