package reports

import (
	"cmp"
	"strconv"
	"strings"

	"tunbench/reports/record"
)

// findingFigures says how much a finding is, and how sure.
func findingFigures(f Finding) string {
	m := f.Series.Metric
	s := m + ": " + quantity(m, &f.Base) + " → " + quantity(m, &f.New) + ", " + findingMoved(f) + ", p " + pvalue(&f.P) + ", threshold " + findingThreshold(f)
	if !f.Standing {
		s += "; it has gone back since"
	}
	return s + "; ID " + f.ID
}

// findingMoved is the change and its interval.
func findingMoved(f Finding) string {
	v := record.Verdict{Metric: f.Series.Metric, Change: &f.Change.Change, CI: f.CI}
	s := moved(v)
	if f.CI != nil {
		s += " (" + ciText(v) + ")"
	}
	return s
}

func findingThreshold(f Finding) string {
	return thresholdText(record.Verdict{Metric: f.Series.Metric, Threshold: f.Threshold})
}

// findingStory says of which runs a finding is, when it began, and what else changed
// then.
func findingStory(f Finding) []string {
	runs := func(n int) string { return plural(n, "run", "runs") }
	var kind, with string
	switch f.Kind {
	case ChangePoint:
		kind, with = "change point: "+runs(f.BaseRuns)+" before, "+runs(f.NewRuns)+" since; begins with ", "changed with it: "
	case SinceRun:
		kind = "off on its own, " + runs(f.BaseRuns) + " before, " + runs(f.NewRuns) + " since; begins with "
		with = "changed with it: "
	case Drift:
		kind, with = "drift over "+runs(f.NewRuns)+", by the line through them: up to ", "differs from where it began: "
	default:
		kind = "the newest " + runs(f.NewRuns) + " against " + runs(f.BaseRuns) + " up to release " + f.Before.Release + ": up to "
		if f.isDrift() {
			kind = "drift over " + runs(f.NewRuns) + " since release " + f.Before.Release + ", by the line through them: up to "
		}
		with = "differs from the release: "
	}
	lines := []string{kind + pointText(f.Begins)}
	if f.Kind == ChangePoint || f.Kind == SinceRun {
		lines = append(lines, "the last run without it: "+pointText(f.Before))
	}
	if f.Acknowledged != nil {
		lines = append(lines, ackText(*f.Acknowledged))
	}
	if n := len(f.Notes); n > 0 {
		const most = 6
		s := with + strings.Join(f.Notes[:min(n, most)], "; ")
		if n > most {
			s += "; and " + strconv.Itoa(n-most) + " more"
		}
		lines = append(lines, s)
	} else {
		lines = append(lines, strings.Join(nonEmpty("nothing else that a run's header tells differs", findingFloors(f)), "; "))
	}
	return lines
}

// findingFloors is floorsAgree of the runs of f; "" where they are not known.
func findingFloors(f Finding) string {
	before, begins := f.Before.header(), f.Begins.header()
	if before == nil || begins == nil {
		return ""
	}
	return floorsAgree(before.Floor, begins.Floor)
}

// ackText tells since when and why a finding is acknowledged.
func ackText(a Ack) string {
	if a.Time == "" {
		return "acknowledged: " + a.Reason
	}
	return "acknowledged " + clock(a.Time) + ": " + a.Reason
}

// pointText names the run of a point.
func pointText(p Point) string {
	s := p.Run + " (" + clock(p.Started) + ", Linux " + cmp.Or(p.Kernel, "unknown") + ", tunbench " + cmp.Or(p.Commit, "unknown")
	if p.Release != "" {
		s += ", release " + p.Release
	}
	return s + ")"
}
