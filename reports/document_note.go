package reports

import (
	"maps"
	"slices"
	"strconv"

	"tunbench/reports/record"
)

// fewVerdicts is how many verdicts that are neither a regression nor an
// improvement a summary lists; of more it gives the counts.
const fewVerdicts = 8

// intervalNote explains a column of that name.
func intervalNote(column, unit string) prose {
	if column == rangeName {
		return say(bold(rangeName), ": the lowest and the highest "+unit+"; of fewer than "+strconv.Itoa(fewest)+" there is no 95 % interval.")
	}
	return say(bold(intervalName), ": of the median, exact by the signed-rank distribution. Fewer than "+strconv.Itoa(fewest)+" valid "+unit+"s have none: ", bold(rangeName), " is the lowest and the highest.")
}

// sees tells how small a change this host can show at all, as far as A/A runs
// told; nothing where there was none.
func sees(smallest map[string]float64) prose {
	used, coarse := map[string]float64{}, map[string]float64{}
	for name, v := range smallest {
		if usableSight(name, v) {
			used[name] = v
		} else {
			coarse[name] = v
		}
	}
	p := sizes(used)
	if len(p) > 0 {
		p = say("This host can see changes of ", p, "; smaller ones are lost in its noise, as A/A runs of equal variants showed.")
	}
	if c := sizes(coarse); len(c) > 0 {
		if len(p) > 0 {
			p = append(p, say(" ")...)
		}
		p = append(p, say("An A/A run on a disturbed host could see only ", c, ", which is more than "+strconv.Itoa(coarsestSight)+" times the threshold and is not used.")...)
	}
	return p
}

// sizes lists changes of metrics.
func sizes(smallest map[string]float64) (p prose) {
	names := slices.Clone(seesOrder)
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
		size := percent(v) + " %"
		switch {
		case metric == record.Loss:
			size = percent(v) + " points"
		case metric == record.Jain:
			size = figure(v)
		case v >= 0.001 && v < 1:
			size = decimals(100*v, 1) + " %"
		}
		if len(p) > 0 {
			p = append(p, say(", ")...)
		}
		p = append(p, say(bold(size), " in "+metric)...)
	}
	return p
}

// SightText tells how small changes an A/A run could see: "2.1 % in pps, 0.04
// points in loss".
func SightText(smallest map[string]float64) string { return plainText(sizes(smallest)) }
