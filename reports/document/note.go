package document

import (
	"maps"
	"slices"
	"strconv"

	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// FewVerdicts is how many verdicts that are neither a regression nor an
// improvement a summary lists; of more it gives the counts.
const FewVerdicts = 8

// IntervalNote explains a column of that name.
func IntervalNote(column, unit string) prose.Prose {
	if column == text.RangeName {
		return prose.Say(prose.Bold(text.RangeName), ": the lowest and the highest "+unit+"; of fewer than "+strconv.Itoa(figure.Fewest)+" there is no 95 % interval.")
	}
	return prose.Say(prose.Bold(text.IntervalName), ": of the median, exact by the signed-rank distribution. Fewer than "+strconv.Itoa(figure.Fewest)+" valid "+unit+"s have none: ", prose.Bold(text.RangeName), " is the lowest and the highest.")
}

// Sees tells how small a change this host can show at all, as far as A/A runs
// told; nothing where there was none.
func Sees(smallest map[string]float64) prose.Prose {
	used, coarse := map[string]float64{}, map[string]float64{}
	for name, v := range smallest {
		if metric.UsableSight(name, v) {
			used[name] = v
		} else {
			coarse[name] = v
		}
	}
	p := sizes(used)
	if len(p) > 0 {
		p = prose.Say("This host can see changes of ", p, "; smaller ones are lost in its noise, as A/A runs of equal variants showed.")
	}
	if c := sizes(coarse); len(c) > 0 {
		if len(p) > 0 {
			p = append(p, prose.Say(" ")...)
		}
		p = append(p, prose.Say("An A/A run on a disturbed host could see only ", c, ", which is more than "+strconv.Itoa(metric.CoarsestSight)+" times the threshold and is not used.")...)
	}
	return p
}

// sizes lists changes of metrics.
func sizes(smallest map[string]float64) (p prose.Prose) {
	names := slices.Clone(metric.SeesOrder)
	for _, metric := range slices.Sorted(maps.Keys(smallest)) {
		if !slices.Contains(names, metric) {
			names = append(names, metric)
		}
	}
	for _, metric := range names {
		v, ok := smallest[metric]
		if !ok || !(v >= 0) {
			continue
		}
		size := text.Percent(v) + " %"
		switch {
		case metric == record.Loss:
			size = text.Percent(v) + " points"
		case metric == record.Jain:
			size = text.Figure(v)
		case v >= 0.001 && v < 1:
			size = text.Decimals(100*v, 1) + " %"
		}
		if len(p) > 0 {
			p = append(p, prose.Say(", ")...)
		}
		p = append(p, prose.Say(prose.Bold(size), " in "+metric)...)
	}
	return p
}

// SightText tells how small changes an A/A run could see: "2.1 % in pps, 0.04
// points in loss".
func SightText(smallest map[string]float64) string { return PlainText(sizes(smallest)) }
