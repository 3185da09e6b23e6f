package document

import (
	"maps"
	"slices"

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
		return book.Say("interval range", prose.Values{"Range": text.RangeName, "Unit": unit, "Fewest": figure.Fewest})
	}
	return book.Say("interval exact", prose.Values{"Interval": text.IntervalName, "Range": text.RangeName, "Unit": unit, "Fewest": figure.Fewest})
}

// Detectable says how small a change this host can show at all, as far as A/A
// runs have shown; nothing where there was none.
func Detectable(smallest map[string]float64) (p prose.Prose) {
	used, coarse := map[string]float64{}, map[string]float64{}
	for name, v := range smallest {
		if metric.UsableDetectable(name, v) {
			used[name] = v
		} else {
			coarse[name] = v
		}
	}
	if of := sizes(used); len(of) > 0 {
		p = book.Say("detectable", prose.Values{"Sizes": of})
	}
	if of := sizes(coarse); len(of) > 0 {
		if len(p) > 0 {
			p = append(p, prose.Say(" ")...)
		}
		p = append(p, book.Say("detectable too coarse", prose.Values{"Sizes": of, "Most": metric.MostOfThreshold})...)
	}
	return p
}

// sizes lists changes of metrics.
func sizes(smallest map[string]float64) (p prose.Prose) {
	names := metric.DetectableOrder()
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
		p = append(p, book.Say("detectable size", prose.Values{"Size": size, "Metric": metric})...)
	}
	return p
}

// DetectableText lists the smallest changes that an A/A run could detect:
// "2.1 % in pps, 0.04 points in loss".
func DetectableText(smallest map[string]float64) string { return PlainText(sizes(smallest)) }
