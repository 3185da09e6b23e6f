package figure

import (
	"slices"

	"tunbench/reports/axis"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// SortedSearches gives the searches of f in the order of their scenarios.
func SortedSearches(f *record.File) []record.Search {
	return slices.SortedStableFunc(slices.Values(f.Searches), func(a, b record.Search) int { return axis.Compare(a.Scenario, b.Scenario) })
}

// SearchScale is the unit for all rates of searches.
func SearchScale(searches []record.Search) text.Scale {
	top := 0.0
	for _, s := range searches {
		for _, g := range s.Goals {
			for _, v := range []*float64{g.LowerPPS, g.UpperPPS} {
				if v != nil {
					top = max(top, *v)
				}
			}
		}
	}
	return text.RateScale(top)
}
