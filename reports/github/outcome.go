package github

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/document"
	"tunbench/reports/document/compare"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// state is what a scenario's verdicts come to.
type state string

// States, in the order in which the first line looks for them.
const (
	worse      state = "worse"
	notJudged  state = "not judged"
	better     state = "better"
	cannotTell state = "cannot tell"
	noChange   state = "no change"
)

var states = []state{worse, notJudged, better, cannotTell, noChange}

func stateOf(v record.Verdict) state {
	switch v.Verdict {
	case record.Regression, record.IndicativeRegression:
		return worse
	case record.Improvement, record.IndicativeImprovement:
		return better
	case record.Equivalent:
		return noChange
	case record.Inconclusive:
		return cannotTell
	}
	return notJudged
}

// outcome is what a comparison comes to.
type outcome struct {
	level Level
	title string           // of the annotation
	line  prose.Prose      // the verdict in one line
	rows  []record.Verdict // of the table in sight, the one that the line is about first
}

// verdictOf sums up the verdicts of s.
func verdictOf(s *compare.Text) outcome {
	first := map[string]state{} // of each scenario, the first state that one of its figures has
	for _, v := range s.Verdicts {
		if old, seen := first[v.Scenario]; !seen || slices.Index(states, stateOf(v)) < slices.Index(states, old) {
			first[v.Scenario] = stateOf(v)
		}
	}
	counts := map[state]int{}
	for _, of := range first {
		counts[of]++
	}
	o := outcome{rows: rowsOf(s)}
	unjudged := s.Rule().Unjudged(s.Verdicts)
	values := prose.Values{"All": len(first), "Rest": "", "Metric": "", "Scenario": "", "Change": "", "Interval": "", "Sees": ""}
	about := func(of state) {
		i := slices.IndexFunc(o.rows, func(v record.Verdict) bool { return stateOf(v) == of })
		if i < 0 {
			return
		}
		v := o.rows[i]
		values["Metric"], values["Scenario"], values["Change"], values["Interval"] = v.Metric, s.Name(v.Scenario), brief(v.Metric, v.Change), ""
		if v.CI != nil {
			values["Interval"] = interval(v.Metric, *v.CI)
		}
		sees := seen(v)
		values["Sees"] = strings.TrimPrefix(brief(v.Metric, &sees), "+")
	}
	values["Rest"] = rest(counts, len(first))
	missing := len(s.Lacking(record.NewSide)) > 0 && !s.AllowMissing
	name := ""
	switch {
	case unjudged:
		name, o.level, o.line = "unjudged", Error, s.Headlines()[0]
	case counts[worse] > 0:
		about(worse)
		values["Sure"] = s.Count(record.Regression) > 0
		name, o.level, o.line = "worse", Warning, book.Say("verdict worse", values)
	case missing:
		values["N"] = len(s.Lacking(record.NewSide))
		name, o.level, o.line = "missing", Error, book.Say("verdict missing", values)
	case counts[better] > 0:
		about(better)
		values["Sure"] = s.Count(record.Improvement) > 0
		name, o.level, o.line = "better", Notice, book.Say("verdict better", values)
		if counts[cannotTell]+counts[notJudged] > 0 {
			o.level = Warning
		}
	case counts[cannotTell] > 0:
		about(cannotTell)
		name, o.level, o.line = "cannot tell", Warning, book.Say("verdict cannot tell", values)
	case counts[notJudged] > 0:
		name, o.level, o.line = "partly", Warning, book.Say("verdict partly", values)
	default:
		name, o.level, o.line = "no change", Notice, book.Say("verdict no change", prose.Values{"All": len(first), "Threshold": metric.Thresholds(s.Verdicts, threshold)})
	}
	o.title = book.Text("title "+name, nil)
	if s.Rule().Code(s.Verdicts) != 0 {
		o.level = Error // the job fails
	}
	return o
}

// rowsOf are the verdicts that matter most: those that changed, the worst first, and one
// for each other scenario.
func rowsOf(s *compare.Text) (rows []record.Verdict) {
	told := map[string]bool{}
	for _, of := range []state{worse, notJudged, better, cannotTell, noChange} {
		var list []record.Verdict
		most := map[string]float64{} // weight of the largest change of a scenario
		for _, v := range s.Verdicts {
			if stateOf(v) == of {
				list, most[v.Scenario] = append(list, v), max(most[v.Scenario], weight(v))
			}
		}
		slices.SortStableFunc(list, func(a, b record.Verdict) int {
			if of == worse || of == better {
				return cmp.Or(cmp.Compare(sure(b), sure(a)), cmp.Compare(most[b.Scenario], most[a.Scenario]), axis.Compare(a.Scenario, b.Scenario),
					cmp.Compare(metric.GateRank(a.Metric), metric.GateRank(b.Metric)))
			}
			return cmp.Or(cmp.Compare(metric.GateRank(a.Metric), metric.GateRank(b.Metric)), cmp.Compare(weight(b), weight(a)), axis.Compare(a.Scenario, b.Scenario))
		})
		for _, v := range list {
			if changed := of == worse || of == better; changed || !told[v.Scenario] {
				rows, told[v.Scenario] = append(rows, v), true
			}
		}
	}
	return rows
}

// sure is 1 for a change that was seen again in a fresh block.
func sure(v record.Verdict) int {
	if v.Verdict == record.Regression || v.Verdict == record.Improvement {
		return 1
	}
	return 0
}

// weight is a change in multiples of the threshold.
func weight(v record.Verdict) float64 {
	if v.Change == nil || v.Threshold <= 0 {
		return 0
	}
	return math.Abs(*v.Change) / v.Threshold
}

// seen is the smallest change that v could have shown: that of its threshold or, where the
// trials scatter more, half of its interval.
func seen(v record.Verdict) float64 {
	sees := v.Threshold
	if v.Detectable != nil {
		sees = max(sees, *v.Detectable)
	}
	if v.CI != nil {
		sees = max(sees, (v.CI[1]-v.CI[0])/2)
	}
	return sees
}

// rest counts the scenarios by state.
func rest(counts map[state]int, all int) string {
	var parts []string
	for _, of := range states {
		if counts[of] > 0 {
			parts = append(parts, book.Text("count "+string(of), prose.Values{"N": counts[of]}))
		}
	}
	return book.Text("counts", prose.Values{"Parts": parts, "All": all})
}

// threshold is that of v, as brief gives it.
func threshold(v record.Verdict) string {
	return strings.TrimPrefix(brief(v.Metric, &v.Threshold), "+")
}

// brief is a change in a line that people read at a glance: two digits, and the unit.
func brief(name string, change *float64) string {
	if change == nil {
		return text.Absent
	}
	if name == record.Jain || name == record.Loss {
		return metric.WithUnit(name, metric.Step(name, *change))
	}
	digits := 0
	if math.Abs(*change) < 0.0995 {
		digits = 1
	}
	return metric.WithUnit(name, rounded(*change, digits))
}

// interval is brief of the ends of an interval, without a unit, and with as many digits as
// it takes to tell the ends apart.
func interval(name string, ci [2]float64) string {
	if name == record.Jain || name == record.Loss {
		return metric.Step(name, ci[0]) + " to " + metric.Step(name, ci[1])
	}
	for digits := 0; ; digits++ {
		low, high := rounded(ci[0], digits), rounded(ci[1], digits)
		if low != high && (digits > 0 || max(math.Abs(ci[0]), math.Abs(ci[1])) >= 0.0995) || digits == 2 {
			return low + " to " + high
		}
	}
}

// rounded is a ratio in per cent with so many digits, and its sign.
func rounded(ratio float64, digits int) string {
	s := strconv.FormatFloat(math.Abs(ratio)*100, 'f', digits, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	switch {
	case s == "0":
		return s
	case ratio < 0:
		return "−" + s
	}
	return "+" + s
}

// line is p as plain text, clipped to what an annotation shows.
func (o outcome) text() string {
	return text.Clip(document.PlainText(o.line), document.Longest)
}

// remarks are rows for an annotation, a line each.
func (o outcome) remarks() string {
	var b strings.Builder
	n := 0
	for _, v := range o.rows {
		if stateOf(v) == noChange {
			continue
		}
		if n++; n > commentRows {
			continue
		}
		fmt.Fprintf(&b, "\n%s", remark(v))
	}
	if n > commentRows {
		b.WriteString("\n" + book.Text("annotation more", prose.Values{"N": n - commentRows}))
	}
	return b.String()
}
